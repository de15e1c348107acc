/* SPDX-License-Identifier: Apache-2.0
 * ELF worker -> broker: what one binary is, as one fixed-size message. The worker has read a
 * hostile file: the broker checks each field (a point by src/probes/proof/, an offset against
 * kMaxGoOffset). Bump kBinaryReportVersion whenever a layout or a meaning changes. */
#pragma once

#include "abi/go_calls.h"
#include "abi/probe_point.h"
#include "abi/tls_calls.h"

namespace beyla::abi {

enum {
  kBinaryReportVersion = 5,
  kMaxGoOffset = 4096,  // no struct that we read is larger: bound of every go_image.offset
  kReportTextBytes = 56,
};

enum binary_kind : std::uint32_t {
  kBinaryOther = 0,  // nothing in it that we probe; no points, go is zero
  kBinaryGo = 1,
  kBinaryTls = 2,  // has functions of a TLS library; go is zero
  // Likewise, but they were not found, or none of them can be probed; no points, go is zero.
  kBinaryTlsUnseen = 3,
};

struct binary_report {
  std::uint32_t version;  // kBinaryReportVersion
  std::uint32_t length;   // sizeof(binary_report)
  std::uint32_t kind;     // binary_kind
  std::uint32_t padding;  // 0
  // Probes that have no point, one bit each (1 << go_probe, or 1 << tls_probe). `inlined`: the
  // function that calls it no longer does (PGO); others may stand in for it. `left_out`: its
  // function is in the binary, but a field without which it says nothing is missing, no instruction
  // is fit, or what it is paired with is one of those. Known calls of them are not seen.
  std::uint64_t inlined;
  std::uint64_t left_out;
  // kBinaryOther: why, a metric label value ("not_go", "too_old", ...). kBinaryGo: the Go version.
  // kBinaryTls: whose interface it is ("openssl", "gnutls"). kBinaryTlsUnseen: why, as a word of
  // the log.
  // Lower-case letters, digits, '_', '.'; NUL-terminated and zero to its end.
  std::uint8_t text[kReportTextBytes];
  go_image go;
  probe_points points;  // probe: go_probe; of kBinaryTls: tls_probe, maybe with kTlsByReturn
};
static_assert(kGoProbes <= 64 && int{kTlsProbes} <= kTlsByReturn);
static_assert(offsetof(binary_report, go) == 88);
static_assert(sizeof(binary_report) == 88 + sizeof(go_image) + sizeof(probe_points));

}  // namespace beyla::abi
