#include "probes/go/report/binary_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <string_view>
#include <vector>

#include "probes/go/image/go_image.h"
#include "probes/go/report/probe_choice.h"
#include "probes/go/report/wanted_fields.h"

namespace beyla::probes::go {
namespace {

abi::binary_report empty_report(abi::binary_kind kind, std::string_view text) {
  abi::binary_report report{};
  report.version = abi::kBinaryReportVersion;
  report.length = sizeof(report);
  report.kind = kind;
  std::ranges::copy(text.substr(0, abi::kReportTextBytes - 1), std::begin(report.text));
  report.points.version = abi::kProbePointsVersion;
  report.points.length = sizeof(report.points);
  return report;
}

abi::go_image read_fields(const GoImage& image) {
  const auto places = wanted_fields();
  std::vector<WantedField> wanted;
  for (const FieldPlace& place : places) wanted.push_back({place.type, place.path});
  const auto found = image.find_fields(wanted);

  abi::go_image go{};
  std::ranges::fill(go.offset, abi::kGoAbsentField);
  for (std::size_t index = 0; index < places.size(); ++index) {
    const auto& [field, type, path, kind] = places[index];
    if (!found[index] || found[index]->kind != kind) continue;
    if (found[index]->offset > abi::kMaxGoOffset) continue;
    if (go.offset[field] != abi::kGoAbsentField) continue;
    go.offset[field] = static_cast<std::uint16_t>(found[index]->offset);
    if (field == abi::kGoGrpcServerStreamStream && kind == Kind::structure) {
      go.flags |= abi::kGoGrpcStreamByValue;
    }
  }
  return go;
}

}  // namespace

abi::binary_report make_refusal_report(std::string_view why) {
  return empty_report(abi::kBinaryOther, why);
}

abi::binary_report make_binary_report(std::span<const std::byte> file) {
  const auto image = GoImage::read(file);
  if (!image) return make_refusal_report(refusal_name(image.error()));
  if (image->elf().machine() != Machine::x86_64) {
    return make_refusal_report("aarch64");  // no sites are looked for in its code yet
  }
  const abi::go_image go = read_fields(*image);
  const ChosenProbes chosen = choose_probes(*image, file, go);
  const auto version = image->version();
  auto report = empty_report(
      abi::kBinaryGo, fmt::format("go{}.{}.{}", version.major, version.minor, version.patch));
  if (chosen.points.empty()) report = make_refusal_report("nothing_to_probe");
  report.inlined = chosen.inlined;
  report.left_out = chosen.left_out;
  if (chosen.points.empty()) return report;
  report.go = go;
  if (!chosen.may_serve_tls) report.go.flags |= abi::kGoNoTlsServer;
  if (!chosen.has_patterns) report.go.flags |= abi::kGoNoPatterns;
  report.points.count = static_cast<std::uint32_t>(chosen.points.size());
  std::ranges::copy(chosen.points, std::begin(report.points.points));
  return report;
}

}  // namespace beyla::probes::go
