/* SPDX-License-Identifier: GPL-2.0
 * The variables that all probes share; maps.bpf.h says what they mean. */
#include "probes/kernel_lib/maps.bpf.h"

__u64 watched[kPidLimit / kBitsPerWord];
__u64 rejected[kPidLimit / kBitsPerWord];
__u64 has_go_probes[kPidLimit / kBitsPerWord];
__u64 has_tls_probes[kPidLimit / kBitsPerWord];
__u64 has_own_tls_probes[kPidLimit / kBitsPerWord];
__u64 tls_stranger_hits[kTlsSharedLibraries + 1];
__u64 wanted_ports[kPorts / kBitsPerWord];
__u32 has_mptcp_listeners;
__u32 last_slot_generation;
__u32 fresh_slots;
__u32 fresh_tls_streams;
__u32 follow_rustls;
__u64 decided_start_ns;
__u32 decided_pid;
__u32 decided_generation;
__u32 decided_what;

const volatile __u32 own_pid = 0;
const volatile __u32 watch_every_exec = 0;
const volatile __u32 follow_tls = 0;
const volatile __u32 follow_io_uring = 0;
const volatile struct frame_walk frame_walk = {};
