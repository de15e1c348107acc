#include "agent/broker/tls_attacher.h"

#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <iterator>
#include <utility>

#include "abi/tls_calls.h"

namespace beyla::broker {
namespace {

using probes::loader::AttachFailure;
using probes::loader::Room;
using probes::loader::TlsPlace;

bool is_fit_for_return(int file, const abi::probe_point& point) {
  std::array<std::byte, 4> before{};
  const std::uint64_t bytes = point.point_offset - point.symbol_offset;
  if (bytes > before.size()) return false;
  const auto got = ::pread(file, before.data(), bytes, static_cast<off_t>(point.symbol_offset));
  return std::cmp_equal(got, bytes) && may_probe_return(point, std::span(before).first(bytes));
}

TlsPlace place_of(const abi::probe_point& point) {
  return {.offset = point.point_offset,
          .probe = point.probe & ~std::uint32_t{abi::kTlsByReturn},
          .at_return = (point.probe & abi::kTlsByReturn) != 0};
}

}  // namespace

AttachOutcome TlsAttacher::attach(const model::ProcessKey& process, const TargetImage& image,
                                  const probes::proof::BinaryReport& report, ReturnProbes returns,
                                  bool is_retry) {
  const auto known = attached_.find(process);
  if (known != attached_.end() &&
      std::ranges::find(known->second, image.identity, &Library::file) != known->second.end()) {
    return AttachOutcome::done;
  }
  // Before the proof, which takes longer.
  if (!kernel_.tls()->has_room(is_retry ? Room::reserved : Room::usual)) {
    if (!is_retry) count(AttachFailure::too_many_links);
    return AttachOutcome::later;
  }
  if (!image.maps.valid() && !watches(image)) return AttachOutcome::done;
  const auto wanted = wanted_tls_points(report.points, returns);
  auto points = proven(image, wanted);
  if (has_inner(wanted) && points.size() < wanted.size()) {
    points = proven(image, wanted_tls_points(without_inner(report.points), returns));
  }
  if (!points.empty()) put_in(process, image, report, points);
  return AttachOutcome::done;
}

void TlsAttacher::put_in(const model::ProcessKey& process, const TargetImage& image,
                         const probes::proof::BinaryReport& report, const Points& points) {
  std::vector<TlsPlace> places;
  std::ranges::transform(points, std::back_inserter(places), place_of);
  auto links = kernel_.tls()->attach(process.pid, image.file.get(), places);
  if (!links) {
    const bool is_gone = links.error().os_errno == ESRCH;
    count(is_gone ? AttachFailure::process_gone : AttachFailure::refused_by_kernel);
    if (!is_gone) {
      spdlog::warn("no TLS probes in process {}: {}", process.pid, links.error().message());
    }
    return;
  }
  const bool is_mapped = image.maps.valid();
  attached_[process].push_back({image.identity, is_mapped, std::move(*links)});
  kernel_.let_tls_probes_speak(process);
  spdlog::info("TLS probes in pid={} library={} probes={} of {}{}", process.pid, report.text,
               places.size(), report.points.size(), is_mapped ? "" : ", should it be loaded");
}

void TlsAttacher::count(AttachFailure failure) {
  counts_.failures[static_cast<std::size_t>(failure)].add();
}

// Before the proof: what is written later is told of.
bool TlsAttacher::watches(const TargetImage& image) {
  if (watch_ == nullptr) return false;
  const auto added = watch_->add(image.file.get(), image.identity);
  if (!added) spdlog::debug("{}", added.error().message());
  return added.has_value();
}

void TlsAttacher::turn() {
  if (watch_ == nullptr) return;
  for (const auto& file : watch_->take_written()) {
    spdlog::warn("a TLS library of {} bytes was overwritten: its probes are taken away",
                 file.bytes);
    for (auto& [process, libraries] : attached_) {
      std::erase_if(libraries, [&](const Library& library) {
        return library.file == file && !library.was_mapped;
      });
    }
  }
}

TlsAttacher::Points TlsAttacher::proven(const TargetImage& image, const Points& wanted) {
  auto points = proven_points(image, wanted, tls_stepping_of, counts_);
  std::erase_if(points, [&](const abi::probe_point& point) {
    if (!place_of(point).at_return || is_fit_for_return(image.file.get(), point)) return false;
    counts_.refusals.add(probes::proof::Refusal::outside_symbol);
    return true;
  });
  return complete_tls_points(wanted, std::move(points));
}

std::size_t TlsAttacher::points() const {
  std::size_t sum = 0;
  for (const auto& [process, libraries] : attached_) {
    for (const Library& library : libraries) sum += library.links.points();
  }
  return sum;
}

}  // namespace beyla::broker
