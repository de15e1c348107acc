/* SPDX-License-Identifier: GPL-2.0
 * Connections that open and close, and when bytes reach a socket. */
#include "probes/tls/tls_stream.bpf.h"

char LICENSE[] __weak SEC("license") = "GPL";

/* Process context: the caller of listen() owns the socket. */
static __always_inline void on_listen(struct sock *sk) {
  struct task_struct *task = bpf_get_current_task_btf();
  remember_listener(sk);
  if (is_wanted_port(sk->__sk_common.skc_num)) watch(task, kWatchedByListen);
  if (!is_watched(task->tgid)) return;
  struct connection_state *state =
      bpf_sk_storage_get(&conn_by_sock, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
  if (state) state->marked = 1;
  else note(kNoteNoStorage);
}

/* Process context: a watched process opens a connection. */
static __always_inline void on_connect(struct sock *sk) {
  struct task_struct *task = bpf_get_current_task_btf();
  if (!is_watched(task->tgid)) return;
  struct connection_state *state =
      bpf_sk_storage_get(&conn_by_sock, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
  if (!state) {
    note(kNoteNoStorage);
    return;
  }
  state->role = kRoleClient;
  /* Gives it the number that announce() takes: a program that may not ask for it finds it there. */
  bpf_get_socket_cookie(sk);
}

static __always_inline struct connection_state *adopt_from_mptcp(struct sock *sk) {
  __u64 key = listener_key(sk);
  if (!bpf_map_lookup_elem(&mptcp_listeners, &key)) return 0;
  struct connection_state *state =
      bpf_sk_storage_get(&conn_by_sock, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
  if (state) state->marked = 1;
  return state;
}

static __always_inline void on_established(struct sock *sk, int old_state) {
  struct connection_state *state = known_state(sk);
  if (!state && has_mptcp_listeners && old_state == kTcpSynRecv) state = adopt_from_mptcp(sk);
  if (!state) return;
  state->role = old_state == kTcpSynRecv ? kRoleServer : kRoleClient;
  state->seen_from_start = 1;
  /* Fast open (RFC 7413): bytes may have passed before. The SYN-ACK sets a client's receive
   * position only now. */
  if (!state->started) start_streams(state, sk);
  else if (state->role == kRoleClient) restart_received(state, sk);
}

static __always_inline void on_ending(struct sock *sk, int new_state) {
  struct connection_state *state = known_state(sk);
  if (!state || !state->started) return;
  if (new_state != kTcpClose) {
    if (state->carries_tls) end_tls_sends(state);
    if (state->budget.announced && !state->budget.ignored)
      emit_bare(state->budget.id, kEventFin);
    return;
  }
  if (state->carries_tls) close_tls_socket(state);
  if (state->budget.announced) emit_bare(state->budget.id, kEventClose);
  state->budget.announced = 0;
  state->started = 0;
  give_slot_back(&state->budget);
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(socket_state__tp_btf, struct sock *sk, int old_state, int new_state) {
  if (!is_tcp(sk)) return 0;
  if (new_state == kTcpListen) on_listen(sk);
  else if (new_state == kTcpSynSent) on_connect(sk);
  else if (new_state == kTcpEstablished) on_established(sk, old_state);
  else if (new_state == kTcpFinWait1 || new_state == kTcpLastAck || new_state == kTcpClose)
    on_ending(sk, new_state);
  return 0;
}

/* Arrival of a request: the first wake-up since the last receive. A listener's own wake-ups would
 * be cloned into every child as a stale stamp. */
SEC("tp_btf/sk_data_ready")
int BPF_PROG(socket_arrival__tp_btf, struct sock *sk) {
  struct connection_state *state = known_state(sk);
  if (!state || state->role != kRoleServer || sk->__sk_common.skc_state == kTcpListen) return 0;
  __u64 now = bpf_ktime_get_boot_ns();
  state->arrival_last_ns = now;
  if (!state->arrival_first_ns) state->arrival_first_ns = now;
  return 0;
}
