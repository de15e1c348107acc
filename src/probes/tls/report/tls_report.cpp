#include "probes/tls/report/tls_report.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <string_view>
#include <vector>

#include "probes/elf/functions.h"
#include "probes/native/function_sites.h"
#include "probes/native/inner_function.h"
#include "probes/tls/report/hidden_library.h"
#include "probes/tls/report/wanted_functions.h"

namespace beyla::probes::tls {
namespace {

using Points = std::vector<abi::probe_point>;
using Functions =
    std::vector<std::vector<elf::FunctionSymbol>>;  // of kWantedFunctions, then kWriteEx2

// Where a return probe may stand, as the broker will see it: the first instruction, or the one
// behind `endbr64` where that is emulated.
std::uint64_t begin_site(std::span<const std::byte> file, const native::FunctionSites& sites) {
  constexpr std::array kEndbr64{std::byte{0xf3}, std::byte{0x0f}, std::byte{0x1e}, std::byte{0xfa}};
  const bool is_second =
      sites.entry && !sites.entry->is_call &&
      sites.entry->offset == sites.file_offset + kEndbr64.size() &&
      std::ranges::equal(file.subspan(sites.file_offset, kEndbr64.size()), kEndbr64);
  return is_second ? sites.entry->offset : sites.file_offset;
}

// Of a function that lies in no code: none.
Points points_of(std::span<const std::byte> file, const native::FunctionSites& sites,
                 const WantedFunction& wanted) {
  if (sites.file_offset == 0) return {};
  const auto point = [&](std::uint64_t site, std::uint32_t probe) {
    return native::point_of(file, sites, site, probe);
  };
  const bool has_entry = sites.entry && !sites.entry->is_call;
  if (wanted.exit == abi::kTlsProbes) {
    return {point(has_entry ? sites.entry->offset : sites.file_offset, wanted.enter)};
  }
  if (has_entry && sites.exits && !sites.exits->empty()) {
    Points points{point(sites.entry->offset, wanted.enter)};
    for (const std::size_t site : *sites.exits) points.push_back(point(site, wanted.exit));
    return points;
  }
  // Both at one place: one breakpoint. And for processes where no return probe may be, the returns.
  const std::uint64_t site = begin_site(file, sites);
  Points points{point(site, wanted.enter),
                point(site, std::uint32_t{wanted.exit} | abi::kTlsByReturn)};
  if (!sites.returns) return points;
  for (const std::size_t at : *sites.returns) points.push_back(point(at, wanted.exit));
  return points;
}

// Whether the kernel steps through the beginning of the call, or through its end: some ten times
// the time.
bool is_stepped(std::span<const std::byte> file, const native::FunctionSites& sites) {
  if (!sites.entry || sites.entry->is_call) return true;
  const bool has_exits = sites.exits && !sites.exits->empty();
  return !has_exits && begin_site(file, sites) != sites.entry->offset;
}

// The function behind the two of a pair, where it costs less to look at.
Points inner_points(std::span<const std::byte> file, const elf::ElfFile& elf,
                    const native::FunctionStarts& starts, const WantedPair& pair,
                    const Functions& functions) {
  const auto& outer = functions[pair.outer];
  const auto& others = functions[pair.other];
  if (outer.size() != 1) return {};
  const auto costs = [&](std::size_t place) {
    return std::ranges::any_of(functions[place], [&](const elf::FunctionSymbol& function) {
      const unsigned arguments = kWantedFunctions[place].arguments;
      return is_stepped(file, native::find_function_sites(elf, starts, function, arguments));
    });
  };
  if (!costs(pair.named) && !costs(pair.other)) return {};
  const auto inner =
      native::find_inner_function(elf, starts, outer.front(), pair.last_argument, others);
  if (!inner) return {};
  const auto way =
      std::ranges::find(pair.ways, inner->last_argument, &WantedPair::Way::last_argument);
  if (way == pair.ways.end()) return {};
  const auto at = inner->sites.entry->offset;
  return {native::point_of(file, inner->sites, at, way->enter),
          native::point_of(file, inner->sites, at, std::uint32_t{way->exit} | abi::kTlsByReturn)};
}

bool transfers(const Points& points) {
  return std::ranges::any_of(points, [](const abi::probe_point& point) {
    switch (point.probe) {
      case abi::kTlsReadEnter:
      case abi::kTlsReadExEnter:
      case abi::kTlsWriteEnter:
      case abi::kTlsWriteExEnter:
      case abi::kTlsRecordRecvEnter:
      case abi::kTlsRecordSendEnter: return true;
      default: return false;
    }
  });
}

abi::binary_report empty_report(abi::binary_kind kind, std::string_view text) {
  abi::binary_report report{};
  report.version = abi::kBinaryReportVersion;
  report.length = sizeof(report);
  report.kind = kind;
  std::ranges::copy(text, std::begin(report.text));
  report.points.version = abi::kProbePointsVersion;
  report.points.length = sizeof(report.points);
  return report;
}

Functions functions_by_symbols(const elf::ElfFile& elf) {
  std::vector<std::string_view> names;
  names.reserve(std::size(kWantedFunctions));
  for (const WantedFunction& wanted : kWantedFunctions) names.push_back(wanted.name);
  names.push_back(kWriteEx2);
  return elf::find_functions(elf, names);
}

Functions functions_of(const HiddenFunctions& hidden) {
  Functions functions(kWantedFunctions.size() + 1);
  for (std::size_t index = 0; index < kWantedFunctions.size(); ++index) {
    for (const auto& [name, function] : hidden) {
      if (name == kWantedFunctions[index].name) functions[index].push_back(function);
    }
  }
  return functions;
}

bool has_any(const Functions& functions) {
  return std::ranges::any_of(functions, [](const auto& found) { return !found.empty(); });
}

abi::binary_report report_of(std::span<const std::byte> file, const elf::ElfFile& elf,
                             const Functions& functions) {
  const auto starts = native::FunctionStarts(elf);
  Points points;
  std::uint32_t left_out = 0;
  std::string_view library;
  for (std::size_t index = 0; index < kWantedFunctions.size(); ++index) {
    const WantedFunction& wanted = kWantedFunctions[index];
    for (const elf::FunctionSymbol& function : functions[index]) {
      library = wanted.library == Library::openssl ? "openssl" : "gnutls";
      const auto sites = native::find_function_sites(elf, starts, function, wanted.arguments);
      const auto wants = points_of(file, sites, wanted);
      if (wants.empty() || points.size() + wants.size() > abi::kMaxProbePoints) {
        left_out |= std::uint32_t{1} << wanted.enter;
        continue;
      }
      points.insert(points.end(), wants.begin(), wants.end());
    }
  }
  std::size_t done = kWantedFunctions.size();
  for (const WantedPair& pair : kWantedPairs) {
    if (pair.other == done) continue;
    const auto wants = inner_points(file, elf, starts, pair, functions);
    if (wants.empty() || points.size() + wants.size() > abi::kMaxProbePoints) continue;
    points.insert(points.end(), wants.begin(), wants.end());
    done = pair.other;
  }
  auto report = transfers(points) ? empty_report(abi::kBinaryTls, library)
                                  : empty_report(abi::kBinaryTlsUnseen, "no_tls_sites");
  report.left_out = left_out;
  if (report.kind != abi::kBinaryTls) return report;
  report.points.count = static_cast<std::uint32_t>(points.size());
  std::ranges::copy(points, std::begin(report.points.points));
  return report;
}

}  // namespace

std::optional<abi::binary_report> make_tls_report(std::span<const std::byte> file) {
  const auto elf = elf::ElfFile::read(file);
  if (!elf || elf->machine() != elf::Machine::x86_64) return std::nullopt;
  const Functions named = functions_by_symbols(*elf);
  if (has_any(named)) return report_of(file, *elf, named);
  const auto hidden = find_hidden_library(*elf);
  if (!hidden) return std::nullopt;
  if (!*hidden) return empty_report(abi::kBinaryTlsUnseen, hidden->error());
  return report_of(file, *elf, functions_of(**hidden));
}

}  // namespace beyla::probes::tls
