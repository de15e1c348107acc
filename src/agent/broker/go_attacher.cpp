#include "agent/broker/go_attacher.h"

#include <spdlog/spdlog.h>

#include "probes/proof/executable.h"

namespace beyla::broker {

void GoAttacher::attach(const model::ProcessKey& process, const TargetImage& image,
                        const probes::proof::BinaryReport& report) {
  const auto points = proven_points(image, report);
  abi::go_image go = report.go;
  if (wants_.traces) go.flags |= abi::kGoTracesWanted;
  const auto standing = kernel_.go()->attach(process, {image.exe.get(), image.file, go}, points);
  if (!standing) {
    counts_.failures[static_cast<std::size_t>(standing.error())].add();
    return;
  }
  if (*standing == 0) return;
  kernel_.let_go_probes_speak(process);
  spdlog::info("Go probes in pid={} go={} probes={} of {}", process.pid, report.text, *standing,
               report.points.size());
}

std::vector<abi::probe_point> GoAttacher::proven_points(const TargetImage& image,
                                                        const probes::proof::BinaryReport& report) {
  auto points = wanted_points(report, wants_);
  if (points.empty()) return {};
  const auto executable = probes::proof::Executable::make(image.exe.get(), image.maps.get());
  if (!executable) {
    counts_.refusals.add(executable.error());
    spdlog::warn("no Go probes: {}", probes::proof::reason_name(executable.error()));
    return {};
  }
  std::erase_if(points, [&](const abi::probe_point& point) {
    const auto proven = executable->prove(point, stepping_of(point.probe));
    if (proven) return false;
    counts_.refusals.add(proven.error());
    spdlog::debug("Go probe {} is left out: {}", point.probe,
                  probes::proof::reason_name(proven.error()));
    return true;
  });
  return points;
}

}  // namespace beyla::broker
