/* SPDX-License-Identifier: Apache-2.0
 * ELF worker -> broker: where uprobes might go in one binary, as one fixed-size message. The broker
 * believes none of it: src/probes/proof/ checks each point against the file itself.
 * Bump kProbePointsVersion whenever the layout or the meaning of a field changes. */
#pragma once

#include "abi/layout.h"

namespace beyla::abi {

enum { kProbePointsVersion = 1, kMaxProbePoints = 80, kExpectedBytes = 16 };

struct probe_point {
  std::uint32_t probe;  // id of the probe that wants to stand there
  std::uint32_t padding;
  std::uint64_t symbol_offset;  // of the function's first byte, in the file
  std::uint64_t symbol_bytes;
  std::uint64_t point_offset;             // of the instruction to probe, in the file
  std::uint8_t expected[kExpectedBytes];  // what the worker read at point_offset
};
ABI_OFFSET(probe_point, symbol_offset, 8);
ABI_OFFSET(probe_point, point_offset, 24);
static_assert(sizeof(probe_point) == 48);

struct probe_points {
  std::uint32_t version;  // kProbePointsVersion
  std::uint32_t length;   // sizeof(probe_points)
  std::uint32_t count;    // of the points that follow; the others are zero
  std::uint32_t padding;
  probe_point points[kMaxProbePoints];
};
static_assert(sizeof(probe_points) == 16 + 80 * 48);

}  // namespace beyla::abi
