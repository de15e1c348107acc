#include "probes/loader/go_probes.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "probes/loader/go_programs.h"
#include "probes/loader/uprobe_multi.h"

namespace beyla::probes::loader {
namespace {

constexpr std::size_t kMappedBytes = sizeof(abi::go_image) * abi::kGoImages;
constexpr std::size_t kUseBytes = sizeof(abi::go_mux_use) * abi::kGoImages;
static_assert(sizeof(abi::go_image) % 8 == 0);  // elements of an array map stand at multiples of 8

std::uint64_t cookie_of(std::uint32_t probe, std::uint32_t slot) {
  return std::uint64_t{probe} << abi::kGoCookieProbeShift |
         std::uint64_t{slot} << abi::kGoCookieImageShift | variant_of(probe);
}

}  // namespace

base::Result<std::unique_ptr<GoProbes>> GoProbes::make(const GoKernel& kernel, LinkCloser& closer) {
  auto images = TRY(base::MemoryMap::make_shared(kernel.images_fd, kMappedBytes));
  auto mux_uses = TRY(base::MemoryMap::make_shared(kernel.mux_uses_fd, kUseBytes));
  return std::unique_ptr<GoProbes>(
      new GoProbes(kernel, closer, std::move(images), std::move(mux_uses)));
}

GoProbes::~GoProbes() {
  for (auto& [key, process] : processes_) {
    for (Link& link : process.links) close(process.binary, link);
  }
}

void GoProbes::write_image(std::uint32_t slot, const abi::go_image& image) {
  std::memcpy(images_.bytes().subspan(slot * sizeof(image), sizeof(image)).data(), &image,
              sizeof(image));
  constexpr std::size_t kUse = sizeof(abi::go_mux_use);
  std::ranges::fill(mux_uses_.bytes().subspan(slot * kUse, kUse), std::byte{});
}

abi::go_mux_use GoProbes::mux_use(const model::ProcessKey& process) const {
  abi::go_mux_use use{};
  const std::size_t slot = processes_.at(process).slot;
  std::memcpy(&use, mux_uses_.bytes().subspan(slot * sizeof(use), sizeof(use)).data(), sizeof(use));
  return use;
}

std::expected<std::size_t, AttachFailure> GoProbes::attach(const model::ProcessKey& process,
                                                           const GoBinary& binary,
                                                           std::span<const abi::probe_point> points,
                                                           LinkKind kind, Room room) {
  if (const auto full = why_full(binary.file, room)) return std::unexpected(*full);
  const auto taken = slots_.take(binary.file);
  std::vector<UprobePlace> places;
  for (const abi::probe_point& point : points) {
    if (point.probe >= abi::kGoProbes || !kernel_.programs.test(point.probe)) continue;
    places.push_back({point.point_offset, cookie_of(point.probe, taken->slot)});
  }
  if (places.empty()) {
    slots_.give_back(binary.file);
    return 0;
  }
  // The kernel half reads it only once the link stands.
  if (taken->is_new) write_image(taken->slot, binary.image);
  auto link = link_uprobes(kernel_.dispatcher_fd, binary.exe_fd, process.pid, places);
  if (!link) {
    slots_.give_back(binary.file);
    if (link.error().os_errno == ESRCH) return std::unexpected(AttachFailure::process_gone);
    if (lines_.take(base::BootClock::now())) {
      spdlog::warn("no Go probes in process {}: {}", process.pid, link.error().message());
    }
    return std::unexpected(AttachFailure::refused_by_kernel);
  }
  Process& known =
      processes_.try_emplace(process, Process{binary.file, taken->slot, {}}).first->second;
  Link& place = known.links[static_cast<std::size_t>(kind)];
  assert(!place.fd.valid());
  place = {std::move(*link), places.size()};
  points_ += places.size();
  return places.size();
}

std::optional<AttachFailure> GoProbes::why_full(const FileIdentity& binary, Room room) {
  take_back_slots();
  if (!closer_.has_room(room)) return AttachFailure::too_many_links;
  if (!slots_.has_room_for(binary)) return AttachFailure::too_many_images;
  return std::nullopt;
}

void GoProbes::detach(const model::ProcessKey& process) {
  const auto found = processes_.find(process);
  if (found == processes_.end()) return;
  for (Link& link : found->second.links) close(found->second.binary, link);
  processes_.erase(found);
  take_back_slots();
}

void GoProbes::detach(const model::ProcessKey& process, LinkKind kind) {
  const auto found = processes_.find(process);
  if (found == processes_.end()) return;
  close(found->second.binary, found->second.links[static_cast<std::size_t>(kind)]);
}

void GoProbes::close(const FileIdentity& binary, Link& link) {
  if (!link.fd.valid()) return;
  points_ -= link.points;
  closer_.close(std::move(link.fd), binary);
  link = {};
}

void GoProbes::take_back_slots() {
  for (const FileIdentity& binary : closer_.take_closed()) slots_.give_back(binary);
}

}  // namespace beyla::probes::loader
