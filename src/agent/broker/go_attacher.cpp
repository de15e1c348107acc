#include "agent/broker/go_attacher.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

namespace beyla::broker {

using probes::loader::GoBinary;
using probes::loader::LinkKind;
using probes::loader::Room;

AttachOutcome GoAttacher::attach(const model::ProcessKey& process, const TargetImage& image,
                                 const probes::proof::BinaryReport& report, bool is_retry) {
  const Room room = is_retry ? Room::reserved : Room::usual;
  // Before the proof, which takes longer.
  if (const auto full = kernel_.go()->why_full(image.identity, room)) {
    if (!is_retry) count(*full);
    return AttachOutcome::later;
  }
  const std::size_t standing = put_in_all(process, image, report, room);
  if (standing == 0) return AttachOutcome::done;
  kernel_.let_go_probes_speak(process);
  if (may_tell(image.identity)) {
    spdlog::info("Go probes in pid={} go={} probes={} of {}", process.pid, report.text, standing,
                 report.points.size());
  }
  return AttachOutcome::done;
}

// The first of a binary always.
bool GoAttacher::may_tell(const probes::loader::FileIdentity& binary) {
  if (told_.size() >= kMaxTold) told_.clear();
  const bool is_new = told_.insert(binary).second;
  const auto left_out = lines_.take(base::BootClock::now());
  if (left_out && *left_out != 0) {
    spdlog::info("Go probes in {} processes that have no line here", *left_out);
  }
  return is_new || left_out;
}

// Out: how many points stand.
std::size_t GoAttacher::put_in_all(const model::ProcessKey& process, const TargetImage& image,
                                   const probes::proof::BinaryReport& report, Room room) {
  const auto points = proven(image, wanted_points(report, wants_));
  abi::go_image go = report.go;
  if (wants_.traces) go.flags |= abi::kGoTracesWanted;
  if (!can_tell_routes(report)) go.flags |= abi::kGoNoRoutes;
  const auto mux =
      std::ranges::find(points, std::uint32_t{abi::kGoProbeServeMux}, &abi::probe_point::probe);
  Points lasting = points;
  std::erase_if(lasting, [](const auto& point) { return point.probe == abi::kGoProbeServeMux; });
  const GoBinary binary{image.file.get(), image.identity, go};
  const std::size_t standing = put_in(process, binary, lasting, LinkKind::lasting, room);
  if (standing == 0 || mux == points.end()) return standing;
  muxes_.try_emplace(process, Mux{image.identity, *mux, go, {}});
  look_at_ = {};
  return standing + put_in(process, binary, std::span(&*mux, 1), LinkKind::mux, room);
}

void GoAttacher::detach(const model::ProcessKey& process) {
  muxes_.erase(process);
  kernel_.go()->detach(process);
}

std::size_t GoAttacher::put_in(const model::ProcessKey& process, const GoBinary& binary,
                               std::span<const abi::probe_point> points, LinkKind kind, Room room) {
  const auto standing = kernel_.go()->attach(process, binary, points, kind, room);
  if (standing) return *standing;
  count(standing.error());
  return 0;
}

void GoAttacher::count(probes::loader::AttachFailure failure) {
  counts_.failures[static_cast<std::size_t>(failure)].add();
}

GoAttacher::Points GoAttacher::proven(const TargetImage& image, Points points) {
  const auto stepping = [](const abi::probe_point& point) { return stepping_of(point.probe); };
  return proven_points(image, std::move(points), stepping, counts_);
}

std::optional<base::BootTime> GoAttacher::due() const {
  if (muxes_.empty()) return std::nullopt;
  return look_at_;
}

void GoAttacher::turn(base::BootTime now) {
  if (muxes_.empty() || now < look_at_) return;
  bool used = false;
  for (auto& [process, mux] : muxes_) {
    const std::uint64_t before = mux.seen;
    look_at(process, mux);
    used = used || mux.seen != before;
  }
  std::erase_if(muxes_, [](const auto& entry) { return !entry.second.choice.is_open(); });
  look_at_ = now + (used ? kBusyLook : kIdleLook);
}

void GoAttacher::look_at(const model::ProcessKey& process, Mux& mux) {
  const auto use = kernel_.go()->mux_use(process);
  mux.seen = requests_in(use);
  switch (mux.choice.next(use)) {
    case MuxChoice::Step::none: return;
    case MuxChoice::Step::detach:
      kernel_.go()->detach(process, LinkKind::mux);
      spdlog::debug("pid={} hands on no copies of requests: its ServeMux is left alone",
                    process.pid);
      return;
    case MuxChoice::Step::attach:
      if (!put_back(process, mux)) mux.choice.take_back(use);
      return;
  }
}

// Its file is opened and proven again: it may have called exec meanwhile.
bool GoAttacher::put_back(const model::ProcessKey& process, const Mux& mux) {
  const auto image = open_image(process, inspector_);
  if (!image || image->identity != mux.file) return false;
  const auto points = proven(*image, {mux.point});
  const GoBinary binary{image->file.get(), image->identity, mux.image};
  if (put_in(process, binary, points, LinkKind::mux, Room::reserved) == 0) return false;
  spdlog::debug("routes are missing in pid={}: its ServeMux is probed again", process.pid);
  return true;
}

}  // namespace beyla::broker
