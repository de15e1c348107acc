/* SPDX-License-Identifier: Apache-2.0
 * The channel between broker and processor: fixed-size datagrams over a SOCK_SEQPACKET pair.
 *
 *   broker -> processor   processor_start (abi/processor_start.h), always the first
 *                         target_message, stop_message, request_answer (abi/requests.h)
 *   processor -> broker   processor_request (abi/requests.h)
 *
 * Each begins with message_head; its kind has one size, and a datagram of another size is refused
 * unread. The version is kChannelVersion, but for target_message: that one is kept in recordings,
 * and has the version of what else is in them, kAbiVersion. */
#pragma once

#include <algorithm>
#include <string_view>

#include "abi/events.h"

namespace beyla::abi {

enum : std::uint32_t { kChannelVersion = 1 };  // bump it with any struct of the channel

struct message_head {
  std::uint32_t version;
  std::uint32_t kind;
};
static_assert(sizeof(message_head) == 8);

// Kinds of target_message.
enum target_change : std::uint32_t { kTargetSelected = 1, kTargetRejected = 2, kTargetExited = 3 };
// All others; no number stands for two.
enum message_kind : std::uint32_t {
  kMessageStart = 16,
  kMessageStop = 17,
  kMessageAnswer = 18,
  kRequestReady = 32,
  kRequestDelivered = 33,
  kRequestProbes = 34,
};

enum { kServiceNameBytes = 256 };

struct target_message {
  std::uint32_t version;  // kAbiVersion
  std::uint32_t change;   // target_change
  std::uint64_t time_ns;  // CLOCK_BOOTTIME
  process_key process;
  std::uint8_t service_name[kServiceNameBytes];  // NUL-terminated, maybe cut
};
ABI_OFFSET(target_message, change, offsetof(message_head, kind));
ABI_OFFSET(target_message, process, 16);
static_assert(sizeof(target_message) == 288);

// A name longer than its field is cut.
inline target_message make_target_message(target_change change, const process_key& process,
                                          std::uint64_t time_ns, std::string_view service_name) {
  target_message message{};
  message.version = kAbiVersion;
  message.change = change;
  message.time_ns = time_ns;
  message.process = process;
  std::ranges::copy(service_name.substr(0, kServiceNameBytes - 1), message.service_name);
  return message;
}

// The processor drains its rings, commits and ends.
struct stop_message {
  std::uint32_t version;
  std::uint32_t kind;  // kMessageStop
};
static_assert(sizeof(stop_message) == 8);

}  // namespace beyla::abi
