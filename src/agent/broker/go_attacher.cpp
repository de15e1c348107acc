#include "agent/broker/go_attacher.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

namespace beyla::broker {

void GoAttacher::attach(const model::ProcessKey& process, const TargetImage& image,
                        const probes::proof::BinaryReport& report) {
  const auto points = proven(image, wanted_points(report, wants_));
  abi::go_image go = report.go;
  if (wants_.traces) go.flags |= abi::kGoTracesWanted;
  const auto mux =
      std::ranges::find(points, std::uint32_t{abi::kGoProbeServeMux}, &abi::probe_point::probe);
  Points lasting = points;
  std::erase_if(lasting, [](const auto& point) { return point.probe == abi::kGoProbeServeMux; });
  std::size_t standing = put_in(process, image, go, lasting, probes::loader::LinkKind::lasting);
  if (standing == 0) return;
  if (mux != points.end()) {
    muxes_.try_emplace(process, Mux{image.identity, *mux, go, {}});
    standing += put_in(process, image, go, std::span(&*mux, 1), probes::loader::LinkKind::mux);
    look_at_ = {};
  }
  kernel_.let_go_probes_speak(process);
  spdlog::info("Go probes in pid={} go={} probes={} of {}", process.pid, report.text, standing,
               report.points.size());
}

void GoAttacher::detach(const model::ProcessKey& process) {
  muxes_.erase(process);
  kernel_.go()->detach(process);
}

std::size_t GoAttacher::put_in(const model::ProcessKey& process, const TargetImage& image,
                               const abi::go_image& go, std::span<const abi::probe_point> points,
                               probes::loader::LinkKind kind) {
  const auto standing =
      kernel_.go()->attach(process, {image.file.get(), image.identity, go}, points, kind);
  if (standing) return *standing;
  counts_.failures[static_cast<std::size_t>(standing.error())].add();
  return 0;
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
  mux.seen = use.hits + use.unrouted;
  switch (mux.choice.next(use)) {
    case MuxChoice::Step::none: return;
    case MuxChoice::Step::detach:
      kernel_.go()->detach(process, probes::loader::LinkKind::mux);
      spdlog::debug("pid={} hands on no copies of requests: its ServeMux is left alone",
                    process.pid);
      return;
    case MuxChoice::Step::attach: put_back(process, mux); return;
  }
}

// Its file is opened and proven again: it may have called exec meanwhile.
void GoAttacher::put_back(const model::ProcessKey& process, const Mux& mux) {
  const auto image = open_image(process, inspector_);
  if (!image || image->identity != mux.file) return;
  const auto points = proven(*image, {mux.point});
  if (put_in(process, *image, mux.image, points, probes::loader::LinkKind::mux) == 0) return;
  spdlog::debug("routes are missing in pid={}: its ServeMux is probed again", process.pid);
}

}  // namespace beyla::broker
