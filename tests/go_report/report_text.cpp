#include "report_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <span>
#include <string_view>

#include "probes/go/report/wanted_fields.h"
#include "probes/go/report/wanted_probes.h"

namespace beyla::tests {
namespace {

using namespace probes::go;

std::string_view function_of(std::uint32_t probe) {
  if (probe == abi::kGoProbeRoundTripAnswer) return kRoundTrip;
  if (probe == abi::kGoProbeServeHttp) return kServe;
  const auto all = wanted_probes();
  const auto found = std::ranges::find(all, static_cast<abi::go_probe>(probe), &WantedProbe::probe);
  return found == all.end() ? "?" : found->function;
}

std::string names_of(std::uint64_t bits) {
  std::string names;
  for (std::uint32_t probe = 0; probe < abi::kGoProbes; ++probe) {
    if ((bits >> probe & 1) != 0) names += fmt::format(" {}:{}", probe, function_of(probe));
  }
  return names.empty() ? " none" : names;
}

}  // namespace

std::string text_of(const abi::binary_report& report) {
  const auto text = std::span(report.text);
  std::string out;
  std::transform(text.begin(), std::ranges::find(text, 0), std::back_inserter(out),
                 [](std::uint8_t letter) { return static_cast<char>(letter); });
  out = fmt::format("{}: {}\ninlined:{}\nleft out:{}\n",
                    report.kind == abi::kBinaryGo ? "go" : "other", out, names_of(report.inlined),
                    names_of(report.left_out));
  if (report.kind != abi::kBinaryGo) return out;
  for (const auto& point : std::span(report.points.points).first(report.points.count)) {
    out += fmt::format("point {:2} {}+{:#x} at {:#x}\n", point.probe, function_of(point.probe),
                       point.point_offset - point.symbol_offset, point.point_offset);
  }
  for (std::uint32_t field = 0; field < abi::kGoFields; ++field) {
    const auto place =
        std::ranges::find(wanted_fields(), static_cast<abi::go_field>(field), &FieldPlace::field);
    const std::uint32_t offset = report.go.offset[field];
    out += fmt::format("field {:2} {}.{} {}\n", field, place->type, place->path,
                       offset == abi::kGoAbsentField ? "absent" : fmt::to_string(offset));
  }
  return out + fmt::format("flags {:#x}\n", report.go.flags);
}

}  // namespace beyla::tests
