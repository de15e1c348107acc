/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
 * What both halves must agree on about maps: sizes, limits and values. */
#pragma once

#include "abi/events.h"

#ifdef __cplusplus
namespace beyla::abi {
#endif

enum {
  kPidLimit = 4194304,      /* PID_MAX_LIMIT, include/linux/threads.h, 64-bit kernels */
  kPorts = 65536,
  kBitsPerWord = 64,
  kDataRingBytes = 16777216, /* 16 MiB: 50,000 requests/s for some 0.3 s without a reader */
  kLifecycleRingBytes = 1048576, /* some 8,000 process records */
  kPolicySlots = 65536,
  kLostCloses = 65536, /* as many as user space remembers connections */
  kFirstBytes = 4096,    /* copied of each direction of a new connection */
  kTurnBytes = 1024,     /* copied after each change of direction, without a policy */
  kShortHeadBytes = 64,  /* copied of a record whose credit is used up */
  kTailBytes = 32,       /* copied of the end of a record that was cut */
  kRecordHeadBytes = 4096, /* most that one record carries */
};
#define ABI_NO_SLOT 0xffffffffU

/* User space writes it with one 8-byte store; the kernel obeys while generations match. */
struct policy {
  uint32_t generation;
  uint16_t received_turn_bytes;
  uint16_t sent_turn_bytes; /* both 0: ignore the connection for good */
};
ABI_ASSERT(sizeof(struct policy) == 8);

/* Written by the reader of the data ring before it sleeps, cleared by the producer that wakes it. */
struct reader_state {
  uint64_t asleep;
};

/* One per event kind and CPU: generated = submitted + lost. */
struct event_counts {
  uint64_t generated;
  uint64_t lost[kLossReasons];
};
ABI_ASSERT(sizeof(struct event_counts) == 16);

/* Reasons why a selected socket's bytes could not be read or a slot not be had. */
enum kernel_note { kNoteUnreadable = 0, kNoteNoSlot = 1, kNoteNoStorage = 2, kNotes = 3 };

#ifdef __cplusplus
}  // namespace beyla::abi
#endif
