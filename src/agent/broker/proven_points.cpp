#include "agent/broker/proven_points.h"

#include <spdlog/spdlog.h>

namespace beyla::broker {

std::vector<abi::probe_point> proven_points(
    const TargetImage& image, std::vector<abi::probe_point> points,
    const std::function<probes::proof::Stepping(const abi::probe_point&)>& stepping_of,
    AttachCounts& counts) {
  if (points.empty()) return {};
  using probes::proof::Executable;
  const auto executable = image.maps.valid() ? Executable::make(image.file.get(), image.maps.get())
                                             : Executable::make_unmapped(image.file.get());
  if (!executable) {
    counts.refusals.add(executable.error());
    if (counts.lines.take(base::BootClock::now())) {
      spdlog::warn("no probes: {}", probes::proof::reason_name(executable.error()));
    }
    return {};
  }
  std::erase_if(points, [&](const abi::probe_point& point) {
    const auto proven = executable->prove(point, stepping_of(point));
    if (proven) return false;
    counts.refusals.add(proven.error());
    spdlog::debug("probe {} is left out: {}", point.probe,
                  probes::proof::reason_name(proven.error()));
    return true;
  });
  return points;
}

}  // namespace beyla::broker
