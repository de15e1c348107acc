/* SPDX-License-Identifier: Apache-2.0
 * Control side -> pipeline: one fixed-size datagram each, over a SOCK_SEQPACKET pair. */
#pragma once

#include "abi/events.h"

namespace beyla::abi {

enum target_change : std::uint32_t { kTargetSelected = 1, kTargetRejected = 2, kTargetExited = 3 };
enum { kServiceNameBytes = 256 };

struct target_message {
  std::uint32_t version;  // kAbiVersion
  std::uint32_t change;   // target_change
  std::uint64_t time_ns;  // CLOCK_BOOTTIME
  process_key process;
  std::uint8_t service_name[kServiceNameBytes];  // NUL-terminated, maybe cut
};
static_assert(sizeof(target_message) == 288);

}  // namespace beyla::abi
