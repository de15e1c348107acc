/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
 * Records that the kernel half writes into its two rings, and the user half reads.
 * Bump kAbiVersion whenever a struct's layout or the meaning of a field changes.
 * Times are nanoseconds of CLOCK_BOOTTIME; ports are in host order; addresses in network order,
 * IPv4 as IPv4-mapped IPv6. */
#pragma once

#include "abi/layout.h"

#ifdef __cplusplus
namespace beyla::abi {
#endif

enum { kAbiVersion = 4 };

enum event_kind {
  kEventOpen = 0,    /* data ring: first sight of a connection */
  kEventData = 1,    /* data ring */
  kEventFin = 2,     /* data ring: the watched side sends no more */
  kEventClose = 3,   /* data ring */
  kEventProcess = 4, /* lifecycle ring */
  kEventCall = 5,    /* data ring: a function of the target was called, go_calls.h */
  kEventKinds = 6,
};

enum event_loss { kLossRingFull = 0, kLossReasons = 1 };

enum stream_direction { kReceived = 0, kSent = 1, kDirections = 2 };

enum connection_role { kRoleUnknown = 0, kRoleClient = 1, kRoleServer = 2 };

enum data_flag {
  kDataUnreadable = 1, /* bytes counted, none copied: sendfile, sendmmsg, 32-bit task */
};

enum process_change {
  kProcessWatched = 1, /* its events are captured from now on; user space decides whether to keep it */
  kProcessExited = 2,
  kTlsStrangers = 3, /* cause: a library; see kStrangerBatch, tls_calls.h. The process says nothing */
};

enum watch_cause {
  kWatchedByScan = 1,   /* ran before us */
  kWatchedByListen = 2, /* listens on a wanted port */
  kWatchedByExec = 3,   /* every exec, while a name selector has no ports */
  kWatchedByFork = 4,   /* child of a watched process */
  kWatchedBySocket = 5, /* used a connection of a marked listener */
};

struct process_key {
  uint32_t pid;
  uint32_t exec_generation;
  uint64_t start_ns;
};
ABI_ASSERT(sizeof(struct process_key) == 16);

struct event_header {
  uint32_t kind;
  uint32_t size; /* of the whole record, header included */
  uint64_t time_ns;
  uint64_t connection_id; /* socket cookie, or of plaintext: tls_calls.h; 0 on process events */
};
ABI_ASSERT(sizeof(struct event_header) == 24);

struct event_open {
  struct event_header header;
  struct process_key process;
  uint8_t local_address[16];
  uint8_t remote_address[16];
  uint16_t local_port;
  uint16_t remote_port;
  uint32_t slot; /* index into policy_by_slot, or kNoSlot */
  uint32_t slot_generation;
  uint8_t role;
  uint8_t seen_from_start;
  uint16_t padding;
  uint32_t netns_inode;
  uint32_t padding2;
  uint64_t carrier; /* of plaintext: the id of the socket's connection that it travels on; else 0 */
};
ABI_OFFSET(event_open, local_address, 40);
ABI_OFFSET(event_open, local_port, 72);
ABI_OFFSET(event_open, role, 84);
ABI_OFFSET(event_open, carrier, 96);
ABI_ASSERT(sizeof(struct event_open) == 104);

/* Followed by head_bytes of payload, the first that were transferred; the rest of the record is its
 * tail, the last. A long call of a framed connection makes several, one behind the other. */
struct event_data {
  struct event_header header;
  struct process_key process;
  uint64_t offset;       /* stream position of the first byte */
  uint64_t other_offset; /* position of the other direction, from the socket's sequence numbers */
  uint64_t arrival_ns;   /* received by a server only; 0: unknown */
  uint64_t goroutine;    /* r14 of the caller: of a Go process the address of its g, else anything */
  uint32_t total_bytes;
  uint16_t head_bytes;
  uint8_t direction; /* stream_direction */
  uint8_t flags;     /* data_flag */
};
ABI_OFFSET(event_data, offset, 40);
ABI_OFFSET(event_data, goroutine, 64);
ABI_OFFSET(event_data, total_bytes, 72);
ABI_OFFSET(event_data, direction, 78);
ABI_ASSERT(sizeof(struct event_data) == 80);

/* kEventFin and kEventClose are a bare event_header. */

enum { kExecutableNameBytes = 64, kExecutablePathBytes = 192 };

struct event_process {
  struct event_header header;
  struct process_key process;
  uint32_t change; /* process_change */
  uint32_t cause;  /* watch_cause; 0 on exit */
  uint8_t executable_name[kExecutableNameBytes]; /* base name, NUL-terminated, maybe cut */
  uint8_t executable_path[kExecutablePathBytes]; /* as given to execve, likewise; else empty */
};
ABI_OFFSET(event_process, change, 40);
ABI_ASSERT(sizeof(struct event_process) == 304);

#ifdef __cplusplus
}  // namespace beyla::abi
#endif
