/* SPDX-License-Identifier: GPL-2.0
 * Maps and variables shared by all probes. Weak: every object that includes this carries the same
 * definition, and the BPF linker keeps one. */
#pragma once

#include "probes/kernel_lib/kernel_types.bpf.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_core_read.h>
#include "abi/frame_walk.h"
#include "abi/go_calls.h"
#include "abi/maps.h"
#include "abi/tls_calls.h"

/* What one connection is known by in user space, and what may still be copied of it. */
struct capture_budget {
  __u64 id;
  __u32 credit[kDirections];
  __u32 slot;
  __u32 slot_generation;
  __u32 slot_taken;
  __u8 announced;
  __u8 ignored;
  __u8 last_direction;
  __u8 framed; /* its bytes are frames: as the policy says, or, until there is one, the opening */
};

/* How far the walk over the frames of one direction is; see frames.bpf.h. */
struct frame_state {
  __u64 next;   /* stream position behind what was walked */
  __u32 left;   /* of the frame, until the next header */
  __u32 wanted; /* of these so many, to be copied */
  __u8 header_bytes; /* of the next header, in `header`: it may span calls */
  __u8 synced;
  __u8 padding[6];
  __u8 header[2 * kMaxFrameHeaderBytes]; /* half of it slack: the verifier adds up bounds */
};

/* What we remember of one socket; freed with it. On a listener only `marked` is set, and
 * BPF_F_CLONE copies it to each accepted socket before its first byte. */
struct connection_state {
  struct capture_budget budget; /* id 0: no data seen yet */
  __u64 arrival_first_ns;
  __u64 arrival_last_ns;
  __u64 next_offset[kDirections];
  __u32 base_sequence[kDirections];
  __u8 role;
  __u8 marked; /* descends from a listener on a wanted port, or its process is watched */
  __u8 seen_from_start;
  __u8 started;
  __u8 tls_looks;    /* how many transfers were asked whether they are TLS */
  __u8 carries_tls;  /* it has the entry tls_stream of the TLS probes */
  __u8 hides_bytes;  /* its plaintext is reported instead */
  __u8 padding;
  __u32 tls_stream;
  struct frame_state frames[kDirections];
};

/* key: socket; written by all programs; freed by the kernel with the socket. */
struct {
  __uint(type, BPF_MAP_TYPE_SK_STORAGE);
  __uint(map_flags, BPF_F_NO_PREALLOC | BPF_F_CLONE);
  __type(key, int);
  __type(value, struct connection_state);
} conn_by_sock __weak SEC(".maps");

/* Connection and payload records; read with a timer, see wakeup_flags(). */
struct {
  __uint(type, BPF_MAP_TYPE_RINGBUF);
  __uint(max_entries, kDataRingBytes);
} data_ring __weak SEC(".maps");

/* Process records; every record wakes the reader. Never shared with payload. */
struct {
  __uint(type, BPF_MAP_TYPE_RINGBUF);
  __uint(max_entries, kLifecycleRingBytes);
} process_ring __weak SEC(".maps");

/* key: event kind; written here, read at a scrape. Read-only for user space: who parses traffic can
 * lie about what it read, but not about what there was. */
struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(map_flags, BPF_F_RDONLY);
  __uint(max_entries, kEventKinds);
  __type(key, __u32);
  __type(value, struct event_counts);
} counts_by_kind __weak SEC(".maps");

/* key: kernel_note; as above. */
struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(map_flags, BPF_F_RDONLY);
  __uint(max_entries, kNotes);
  __type(key, __u32);
  __type(value, __u64);
} notes_by_kind __weak SEC(".maps");

/* key: slot; user space stores policies with plain 8-byte writes into the mapping. */
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(map_flags, BPF_F_MMAPABLE);
  __uint(max_entries, kPolicySlots);
  __type(key, __u32);
  __type(value, struct policy);
} policy_by_slot __weak SEC(".maps");

/* Slots that a connection held before: popped at first sight, pushed at close. Those that none has
 * held yet are counted by fresh_slots. */
struct {
  __uint(type, BPF_MAP_TYPE_QUEUE);
  __uint(max_entries, kPolicySlots);
  __type(value, __u32);
} free_slots __weak SEC(".maps");

/* Ids of connections whose close record found the ring full; popped by user space, which would
 * otherwise remember them for ever. */
struct {
  __uint(type, BPF_MAP_TYPE_QUEUE);
  __uint(max_entries, kLostCloses);
  __type(value, __u64);
} lost_closes __weak SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(map_flags, BPF_F_MMAPABLE);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct reader_state);
} reader_by_zero __weak SEC(".maps");

/* key: index that a probe's cookie names; written by user space, through the mapping, before any
 * probe with that cookie stands, and left alone until the last is gone. */
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(map_flags, BPF_F_MMAPABLE);
  __uint(max_entries, kGoImages);
  __type(key, __u32);
  __type(value, struct go_image);
} go_images __weak SEC(".maps");

/* key: the same; counted by the probes, read and zeroed by user space through the mapping. */
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(map_flags, BPF_F_MMAPABLE);
  __uint(max_entries, kGoImages);
  __type(key, __u32);
  __type(value, struct go_mux_use);
} go_mux_uses __weak SEC(".maps");

/* key: port << 32 | netns inode, of the listening sockets that were seen; written by the scan and
 * at listen(); the oldest go, since ports of many short listeners would fill it. */
struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, 16384);
  __type(key, __u64);
  __type(value, __u32);
} seen_listeners __weak SEC(".maps");

/* The same key, for listeners of watched processes whose storage cannot be reached; see scan.bpf.c. */
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 4096);
  __type(key, __u64);
  __type(value, __u32);
} mptcp_listeners __weak SEC(".maps");

/* Defined once, in state.bpf.c: weak variables would keep a copy of their space per object.
 * One bit per process. `watched`: its events are captured. `rejected`: user space said no. Set by
 * either half, cleared at exec and exit. */
extern __u64 watched[kPidLimit / kBitsPerWord];
extern __u64 rejected[kPidLimit / kBitsPerWord];
/* Likewise: probes stand in this image. Set by user space once all of them do, cleared with
 * `watched`: a probe that runs in any other process has nothing to say. */
extern __u64 has_go_probes[kPidLimit / kBitsPerWord];
/* The same for probes in TLS libraries. */
extern __u64 has_tls_probes[kPidLimit / kBitsPerWord];
/* Of these: all that they need are their own, see kDecideTlsOwn. */
extern __u64 has_own_tls_probes[kPidLimit / kBitsPerWord];
extern __u64 tls_stranger_hits[kTlsSharedLibraries + 1]; /* by number of the library */
extern __u64 wanted_ports[kPorts / kBitsPerWord];
extern __u32 has_mptcp_listeners;
extern __u32 last_slot_generation;
extern __u32 fresh_slots;
extern __u32 fresh_tls_streams;
extern __u32 follow_rustls; /* set by user space: its probes stand in some process */
/* What user space has decided, on which process; written by it before it runs decide_process. */
extern __u64 decided_start_ns;
extern __u32 decided_pid;
extern __u32 decided_generation;
extern __u32 decided_what; /* decision */

/* Set before load. */
extern const volatile __u32 own_pid;
extern const volatile __u32 watch_every_exec; /* a name selector without ports */
extern const volatile __u32 follow_tls;       /* probes may come to stand in TLS libraries */
extern const volatile __u32 follow_io_uring;  /* this kernel has its tracepoints and types */
extern const volatile struct frame_walk frame_walk; /* of the one protocol that has frames */
