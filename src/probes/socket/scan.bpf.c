/* SPDX-License-Identifier: GPL-2.0
 * One walk over all open files of the machine, in every network namespace: who listens where, and
 * which connections existed before us. Run twice: `scan_listeners` first, then `scan_mark`. */
#include "probes/kernel_lib/connection.bpf.h"

char LICENSE[] __weak SEC("license") = "GPL";

/* Threads are passed over by the kernel if they share their leader's files. Not so by us: a leader
 * that has ended before its other threads has no files any more. */
static __always_inline struct sock *stream_socket_of(struct task_struct *task, struct file *file) {
  if (!file || !task) return 0;
  struct socket *socket = bpf_sock_from_file(file);
  if (!socket || !socket->sk) return 0;
  return is_tcp(socket->sk) || is_mptcp(socket->sk) ? socket->sk : 0;
}

SEC("iter/task_file")
int scan_listeners(struct bpf_iter__task_file *ctx) {
  struct task_struct *task = ctx->task;
  struct sock *sk = stream_socket_of(task, ctx->file);
  if (!sk || sk->__sk_common.skc_state != kTcpListen) return 0;
  remember_listener(sk);
  if (is_wanted_port(sk->__sk_common.skc_num)) watch(task, kWatchedByScan);
  return 0;
}

/* Go >= 1.24 listens with MPTCP by default. Plain clients are accepted as plain TCP sockets whose
 * listener is a TCP socket inside, which no file leads to (net/mptcp/protocol.c,
 * mptcp_stream_accept): their ports are remembered instead of their storage marked. */
static __always_inline void mark_mptcp_listener(struct sock *sk) {
  if (sk->__sk_common.skc_state != kTcpListen) return;
  __u64 key = listener_key(sk);
  __u32 one = 1;
  if (bpf_map_update_elem(&mptcp_listeners, &key, &one, BPF_ANY) == 0) has_mptcp_listeners = 1;
}

SEC("iter/task_file")
int scan_mark(struct bpf_iter__task_file *ctx) {
  struct task_struct *task = ctx->task;
  struct sock *sk = stream_socket_of(task, ctx->file);
  if (!sk || !is_watched(task->tgid)) return 0;
  if (is_mptcp(sk)) {
    mark_mptcp_listener(sk);
    return 0;
  }
  struct connection_state *state =
      bpf_sk_storage_get(&conn_by_sock, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
  if (!state) {
    note(kNoteNoStorage);
    return 0;
  }
  if (sk->__sk_common.skc_state == kTcpListen) {
    state->marked = 1;
  } else {
    decide_role(state, sk);
  }
  return 0;
}

/* For a name selector: every process that has a user address space. Of any thread, since the leader
 * may have ended. */
SEC("iter/task")
int scan_processes(struct bpf_iter__task *ctx) {
  struct task_struct *task = ctx->task;
  if (task && task->mm && !(task->flags & kPfKthread)) watch(task, kWatchedByScan);
  return 0;
}
