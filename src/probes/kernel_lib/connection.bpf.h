/* SPDX-License-Identifier: GPL-2.0
 * What is remembered of a socket and the record that announces it. */
#pragma once

#include "probes/kernel_lib/budget.bpf.h"
#include "probes/kernel_lib/select.bpf.h"

enum { kAfInet = 2, kAfInet6 = 10, kSockStream = 1, kIpprotoTcp = 6, kIpprotoMptcp = 262 };
enum tcp_state { kTcpEstablished = 1, kTcpSynSent = 2, kTcpSynRecv = 3, kTcpFinWait1 = 4, kTcpClose = 7, kTcpCloseWait = 8, kTcpLastAck = 9, kTcpListen = 10 };

static __always_inline bool is_tcp(const struct sock *sk) {
  __u16 family = sk->__sk_common.skc_family;
  return (family == kAfInet || family == kAfInet6) && sk->sk_type == kSockStream &&
         sk->sk_protocol == kIpprotoTcp;
}

/* The state that the socket has, or null. Most sockets of the machine carry no storage at all: for
 * these no helper is called. */
static __always_inline struct connection_state *known_state(struct sock *sk) {
  return sk->sk_bpf_storage ? bpf_sk_storage_get(&conn_by_sock, sk, 0, 0) : 0;
}

static __always_inline bool is_mptcp(const struct sock *sk) {
  return sk->sk_protocol == kIpprotoMptcp;
}

static __always_inline __u64 listener_key(const struct sock *sk) {
  return (__u64)sk->__sk_common.skc_num << 32 | sk->__sk_common.skc_net.net->ns.inum;
}

static __always_inline void remember_listener(const struct sock *sk) {
  __u64 key = listener_key(sk);
  __u32 one = 1;
  bpf_map_update_elem(&seen_listeners, &key, &one, BPF_ANY);
}

/* For a connection whose opening was not seen: someone listens, or has listened, on its local port,
 * or its process opened it. */
static __always_inline void decide_role(struct connection_state *state, const struct sock *sk) {
  if (state->role != kRoleUnknown) return;
  __u64 key = listener_key(sk);
  bool accepted = state->marked || bpf_map_lookup_elem(&seen_listeners, &key);
  state->role = accepted ? kRoleServer : kRoleClient;
}

/* From now on both positions are counted from here. REQUIRES: the role is decided. */
static __always_inline void start_streams(struct connection_state *state, struct sock *sk) {
  struct tcp_sock *tcp = bpf_skc_to_tcp_sock(sk);
  if (!tcp) return;
  state->base_sequence[kReceived] = tcp->copied_seq;
  state->base_sequence[kSent] = tcp->write_seq;
  start_budget(&state->budget, state->role);
  state->started = 1;
}

static __always_inline void restart_received(struct connection_state *state, struct sock *sk) {
  struct tcp_sock *tcp = bpf_skc_to_tcp_sock(sk);
  if (tcp) state->base_sequence[kReceived] = tcp->copied_seq;
}

static __always_inline void fill_v4(__u8 *address, __be32 v4) {
  __builtin_memset(address, 0, 10);
  address[10] = address[11] = 0xff;
  __builtin_memcpy(address + 12, &v4, 4);
}

static __always_inline void fill_tuple(struct event_open *event, const struct sock *sk) {
  if (sk->__sk_common.skc_family == kAfInet) {
    fill_v4(event->local_address, sk->__sk_common.skc_rcv_saddr);
    fill_v4(event->remote_address, sk->__sk_common.skc_daddr);
  } else {
    BPF_CORE_READ_INTO(&event->local_address, sk, __sk_common.skc_v6_rcv_saddr.in6_u.u6_addr8);
    BPF_CORE_READ_INTO(&event->remote_address, sk, __sk_common.skc_v6_daddr.in6_u.u6_addr8);
  }
  event->local_port = sk->__sk_common.skc_num;
  event->remote_port = __builtin_bswap16(sk->__sk_common.skc_dport);
  event->netns_inode = sk->__sk_common.skc_net.net->ns.inum;
}

/* Makes the connection known to user space; false when the ring is full: tried again later. */
static __always_inline bool announce(struct connection_state *state, struct sock *sk,
                                     struct task_struct *task) {
  struct capture_budget *budget = &state->budget;
  if (budget->announced) return true;
  budget->id = bpf_get_socket_cookie(sk);
  take_slot(budget);
  struct event_open *event = bpf_ringbuf_reserve(&data_ring, sizeof(*event), 0);
  if (!event) {
    count_lost(kEventOpen, kLossRingFull);
    finish_record(kEventOpen);
    return false;
  }
  fill_header(&event->header, kEventOpen, sizeof(*event), budget->id);
  fill_key(&event->process, task);
  fill_tuple(event, sk);
  event->slot = budget->slot;
  event->slot_generation = budget->slot_generation;
  event->role = state->role;
  event->seen_from_start = state->seen_from_start;
  event->padding = 0;
  event->padding2 = 0;
  event->carrier = 0;
  budget->announced = 1;
  bpf_ringbuf_submit(event, wakeup_flags());
  finish_record(kEventOpen);
  return true;
}
