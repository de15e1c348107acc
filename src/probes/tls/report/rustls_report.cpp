#include "probes/tls/report/rustls_report.h"
#include "base/byte_reader.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <iterator>
#include <string_view>
#include <vector>

#include "probes/elf/functions.h"
#include "probes/native/argument_reads.h"
#include "probes/native/function_sites.h"
#include "probes/tls/report/rustls_message.h"
#include "probes/tls/report/rustls_names.h"

namespace beyla::probes::tls {
namespace {

using Points = std::vector<abi::probe_point>;

constexpr unsigned kArguments = 4;  // result, object, message, number of the record

struct Found {
  RustlsFunction what{};
  elf::FunctionSymbol symbol;
};

std::vector<Found> find_rustls(const elf::ElfFile& elf) {
  // Two back ends with three ciphers each, and some more.
  constexpr std::size_t kMost = 64;
  std::vector<Found> found;
  elf::visit_functions(elf, [&](std::string_view name, const elf::FunctionSymbol& symbol) {
    const auto what = rustls_function_of(name);
    if (!what || found.size() == kMost) return;
    const auto same = [&](const Found& one) { return one.symbol.address == symbol.address; };
    if (std::ranges::none_of(found, same)) found.push_back({*what, symbol});
  });
  return found;
}

// The text, going on with a letter or digit: where it is only looked for, as here, it ends.
bool holds(std::string_view bytes, std::string_view text) {
  constexpr std::string_view kGoesOn = "abcdefghijklmnopqrstuvwxyz0123456789";
  for (auto at = bytes.find(text); at != bytes.npos; at = bytes.find(text, at + 1)) {
    const auto behind = bytes.substr(at + text.size(), 1);
    if (!behind.empty() && kGoesOn.contains(behind.front())) return true;
  }
  return false;
}

// In the places of source files that Rust's panics name: of a crate from a registry, or vendored.
bool names_rustls_sources(const elf::ElfFile& elf) {
  constexpr std::array<std::string_view, 2> kSources = {"/rustls-0.", "/rustls/src/"};
  return std::ranges::any_of(elf.segments(), [&](const elf::Segment& segment) {
    if (segment.writable) return false;
    const auto bytes = base::as_text(elf.bytes_of(segment));
    return std::ranges::any_of(kSources, [&](std::string_view text) { return holds(bytes, text); });
  });
}

native::ArgumentReads reads_of(const elf::ElfFile& elf, const std::vector<Found>& found,
                               RustlsFunction what) {
  native::ArgumentReads reads;
  for (const Found& one : found) {
    if (one.what != what || one.symbol.bytes > native::kMaxFunctionBytes) continue;
    native::add_third_argument_reads(reads, elf.bytes_at(one.symbol.address, one.symbol.bytes));
  }
  return reads;
}

struct Probes {
  abi::tls_probe seal{};
  abi::tls_probe open12{};
};

std::optional<abi::tls_probe> seal_probe(std::optional<std::uint32_t> place) {
  switch (place.value_or(0)) {
    case 0x10: return abi::kSealAt10Enter;
    case 0x14: return abi::kSealAt14Enter;
    case 0x20: return abi::kSealAt20Enter;
    case 0x24: return abi::kSealAt24Enter;
    default: return std::nullopt;
  }
}

// A program may have no TLS 1.2.
std::optional<abi::tls_probe> open12_probe(const elf::ElfFile& elf,
                                           const std::vector<Found>& found) {
  if (std::ranges::find(found, RustlsFunction::open12, &Found::what) == found.end()) {
    return abi::kOpen12At10Enter;
  }
  switch (opened_type_place(reads_of(elf, found, RustlsFunction::open12)).value_or(0)) {
    case 0x10: return abi::kOpen12At10Enter;
    case 0x1c: return abi::kOpen12At1cEnter;
    default: return std::nullopt;
  }
}

std::optional<Probes> choose_probes(const elf::ElfFile& elf, const std::vector<Found>& found) {
  const auto seal = seal_probe(sealed_type_place(reads_of(elf, found, RustlsFunction::seal)));
  const auto open12 = open12_probe(elf, found);
  if (!seal || !open12) return std::nullopt;
  return Probes{*seal, *open12};
}

abi::tls_probe probe_of(RustlsFunction what, const Probes& probes) {
  switch (what) {
    case RustlsFunction::seal: return probes.seal;
    case RustlsFunction::open12: return probes.open12;
    case RustlsFunction::open13: break;
  }
  return abi::kOpen13Enter;
}

// At the first instruction, where a return probe may stand, too. And for processes where none may
// be, the returns.
Points points_of(std::span<const std::byte> file, const native::FunctionSites& sites,
                 std::uint32_t enter) {
  if (!sites.entry || sites.entry->offset != sites.file_offset) return {};
  const std::uint64_t site = sites.file_offset;
  Points points{native::point_of(file, sites, site, enter),
                native::point_of(file, sites, site, (enter + 1) | abi::kTlsByReturn)};
  if (!sites.returns) return points;
  for (const std::size_t at : *sites.returns) {
    points.push_back(native::point_of(file, sites, at, enter + 1));
  }
  return points;
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

// All or none: of a connection whose cipher is left out nothing would be seen, and nobody told.
std::optional<Points> all_points(std::span<const std::byte> file, const elf::ElfFile& elf,
                                 const std::vector<Found>& found, const Probes& probes) {
  const native::FunctionStarts starts(elf);
  Points points;
  for (const Found& one : found) {
    const auto sites = native::find_function_sites(elf, starts, one.symbol, kArguments);
    const auto wants = points_of(file, sites, probe_of(one.what, probes));
    if (wants.empty() || points.size() + wants.size() > abi::kMaxProbePoints) return std::nullopt;
    points.insert(points.end(), wants.begin(), wants.end());
  }
  return points;
}

}  // namespace

std::optional<abi::binary_report> make_rustls_report(std::span<const std::byte> file) {
  const auto elf = elf::ElfFile::read(file);
  if (!elf || elf->machine() != elf::Machine::x86_64) return std::nullopt;
  const auto found = find_rustls(*elf);
  if (found.empty()) {
    if (!names_rustls_sources(*elf)) return std::nullopt;
    return empty_report(abi::kBinaryTlsUnseen, "rustls_no_symbols");
  }
  const auto probes = choose_probes(*elf, found);
  if (!probes) return empty_report(abi::kBinaryTlsUnseen, "rustls_unknown_layout");
  const auto points = all_points(file, *elf, found, *probes);
  if (!points) return empty_report(abi::kBinaryTlsUnseen, "rustls_no_sites");
  auto report = empty_report(abi::kBinaryTls, "rustls");
  report.points.count = static_cast<std::uint32_t>(points->size());
  std::ranges::copy(*points, std::begin(report.points.points));
  return report;
}

}  // namespace beyla::probes::tls
