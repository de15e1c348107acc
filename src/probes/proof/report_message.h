// The ELF worker's message (abi/go_report.h). The worker has parsed a hostile file: what it sends
// is hostile input. Pure function, any thread.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "abi/go_report.h"

namespace beyla::probes::proof {

struct BinaryReport {
  abi::binary_kind kind = abi::kBinaryOther;
  std::string text;           // as in abi/go_report.h; fit for a label and a log line
  std::uint64_t inlined = 0;  // both: bits below 1 << kGoProbes, or 1 << kTlsProbes
  std::uint64_t left_out = 0;
  abi::go_image go{};                    // no offset above kMaxGoOffset but kGoAbsentField
  std::vector<abi::probe_point> points;  // each of a known probe, none of them proven
};

// nullopt: not one whole message of this version that says what such a message may say; then none
// of it may be used.
[[nodiscard]] std::optional<BinaryReport> decode_report(std::span<const std::byte> message);

}  // namespace beyla::probes::proof
