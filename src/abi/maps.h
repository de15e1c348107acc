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
  /* 8 MiB: 50,000 requests/s for some 0.15 s without a reader. All of it counts as resident memory
   * of the reader. */
  kDataRingBytes = 8388608,
  kLifecycleRingBytes = 1048576, /* some 3,000 process records */
  kPolicySlots = 65536,
  kLostCloses = 65536, /* as many as user space remembers connections */
  kFirstRequestBytes = 16384, /* copied of a new connection: a request head at the usual limits */
  kFirstAnswerBytes = 4096,   /* the same of the other direction */
  kTurnBytes = 1024,     /* copied after each change of direction, without a policy */
  /* Copied of each record, also when the credit is used up: small messages are always whole, and of
   * a long one the ends, where a head or a chunk's frame may stand behind a body. */
  kShortHeadBytes = 1024,
  kTailBytes = 1024,
  kRecordHeadBytes = 16384, /* most that one record carries, without its tail */
  kMaxRecordBytes = sizeof(struct event_data) + kRecordHeadBytes + kTailBytes, /* of the data ring */
};
/* As turn bytes of a policy: the connection's bytes are frames, frame_walk.h; of each call their headers
 * and those that are wanted are copied, whatever was copied before. */
enum { kFramed = 0xffff };
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

/* What user space decides on a process, by running decide_process. */
enum decision {
  kDecideSelect = 0,
  kDecideReject = 1,
  kDecideGoProbed = 2,
  kDecideTlsProbed = 3, /* probes in TLS libraries may speak of it, whosesoever they are */
  kDecideTlsOwn = 4,    /* it has all of its own: those of every process have nothing to add */
};

/* Reasons why a selected socket's bytes could not be read or a slot not be had, and why plaintext was
 * passed over. */
enum kernel_note {
  kNoteUnreadable = 0,
  kNoteNoSlot = 1,
  kNoteNoStorage = 2,
  kNoteTlsUnbound = 3, /* plaintext of a TLS object whose socket is not known */
  kNoteTlsMisfit = 4,  /* a TLS object and a socket were taken apart again: they do not belong together */
  kNoteTlsFull = 5,    /* no room for one more socket or object of TLS */
  kNotes = 6,
};

#ifdef __cplusplus
}  // namespace beyla::abi
#endif
