#include "probes/loader/tls_probes.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "probes/loader/uprobe_multi.h"

namespace beyla::probes::loader {
namespace {

std::vector<UprobePlace> places_of(std::span<const abi::probe_point> points, UprobeKind kind) {
  std::vector<UprobePlace> places;
  for (const abi::probe_point& point : points) {
    const bool at_return = (point.probe & abi::kTlsByReturn) != 0;
    if (at_return != (kind == UprobeKind::at_return)) continue;
    places.push_back({point.point_offset, point.probe & ~std::uint32_t{abi::kTlsByReturn}});
  }
  return places;
}

}  // namespace

TlsProbes::~TlsProbes() {
  for (auto& [process, files] : by_process_) {
    for (Attached& attached : files) close(attached);
  }
}

// Returns first: an entry without its end would be taken for a call that has not ended.
std::expected<std::size_t, AttachFailure> TlsProbes::attach(
    const model::ProcessKey& process, const TlsLibrary& library,
    std::span<const abi::probe_point> points) {
  static_cast<void>(closer_.take_closed());
  if (closer_.waiting() >= kMaxClosing) return std::unexpected(AttachFailure::too_many_links);
  Attached attached{.file = library.file, .links = {}, .points = points.size()};
  for (const UprobeKind kind : {UprobeKind::at_return, UprobeKind::at_instruction}) {
    const auto places = places_of(points, kind);
    if (places.empty()) continue;
    auto link = link_uprobes(program_fd_, library.fd, process.pid, places, kind);
    if (!link) {
      for (base::Fd& made : attached.links) {
        if (made.valid()) closer_.close(std::move(made), library.file);
      }
      if (link.error().os_errno == ESRCH) return std::unexpected(AttachFailure::process_gone);
      spdlog::warn("no TLS probes in process {}: {}", process.pid, link.error().message());
      return std::unexpected(AttachFailure::refused_by_kernel);
    }
    attached.links[static_cast<std::size_t>(kind)] = std::move(*link);
  }
  points_ += attached.points;
  by_process_[process].push_back(std::move(attached));
  return points.size();
}

void TlsProbes::detach(const model::ProcessKey& process) {
  const auto found = by_process_.find(process);
  if (found == by_process_.end()) return;
  for (Attached& attached : found->second) close(attached);
  by_process_.erase(found);
}

bool TlsProbes::has(const model::ProcessKey& process, const FileIdentity& file) const {
  const auto found = by_process_.find(process);
  return found != by_process_.end() &&
         std::ranges::find(found->second, file, &Attached::file) != found->second.end();
}

void TlsProbes::close(Attached& attached) {
  points_ -= attached.points;
  for (base::Fd& link : attached.links) {
    if (link.valid()) closer_.close(std::move(link), attached.file);
  }
}

}  // namespace beyla::probes::loader
