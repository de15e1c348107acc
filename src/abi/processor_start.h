/* SPDX-License-Identifier: Apache-2.0
 * Broker -> processor, the first message of the channel: everything that the processor gets. */
#pragma once

#include "abi/messages.h"

namespace beyla::abi {

// The file descriptors in the message's one SCM_RIGHTS, in this order; fd i is there if bit i of
// fds_present is set, and absent ones leave no gap.
enum start_fd : std::uint32_t {
  kFdDataRing = 0,      // ring buffer, events.h
  kFdPolicyBySlot = 1,  // this and the next four: maps, maps.h
  kFdReaderByZero = 2,
  kFdLostCloses = 3,
  kFdCountsByKind = 4,
  kFdNotesByKind = 5,
  kFdLedger = 6,           // memfd, base/ledger.h
  kFdBrokerBooks = 7,      // memfd, broker_books.h, cannot be written
  kFdListeningSocket = 8,  // of /metrics; absent: not served
  kFdRecording = 9,        // open for writing; absent: nothing is recorded
  kFdBrokerStat = 10,      // /proc/PID/stat of each process, for the process metrics
  kFdSpawnerStat = 11,
  kFdProcessorStat = 12,
  kFdMachineStat = 13,     // /proc/stat
  kStartFds = 14,
};
enum : std::uint32_t { kStartFdsRequired = (1U << kFdListeningSocket) - 1 };

enum { kRecordingNameBytes = 256 };
enum { kStartSettingsBytes = 4096 };  // kSettingsBlobBytes of the config worker's blob

struct processor_start {
  std::uint32_t version;                       // kChannelVersion
  std::uint32_t kind;                          // kMessageStart
  std::uint32_t length;                        // sizeof(processor_start)
  std::uint32_t abi_version;                   // kAbiVersion: of the records in the ring
  std::uint32_t fds_present;                   // bits by start_fd
  std::uint32_t cpu_count;                     // possible ones: values of each key in a per-CPU map
  std::uint8_t settings[kStartSettingsBytes];  // as the config worker made it; not trusted
  std::uint8_t recording_name[kRecordingNameBytes];  // for messages; NUL-terminated, maybe cut
};
ABI_OFFSET(processor_start, kind, offsetof(message_head, kind));
ABI_OFFSET(processor_start, fds_present, 16);
ABI_OFFSET(processor_start, settings, 24);
static_assert(sizeof(processor_start) == 24 + kStartSettingsBytes + kRecordingNameBytes);

}  // namespace beyla::abi
