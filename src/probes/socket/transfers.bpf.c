/* SPDX-License-Identifier: GPL-2.0
 * Bytes that a watched process sent or received, by the tracepoints behind sock_sendmsg and
 * sock_recvmsg (net/socket.c, kernel >= 6.3), which fire after the copy in the caller's context. */
#include "probes/go/on_send.bpf.h"
#include "probes/socket/frames.bpf.h"
#include "probes/tls/tls_socket.bpf.h"

char LICENSE[] __weak SEC("license") = "GPL";

enum { kMsgOob = 0x1, kMsgPeek = 0x2, kMsgTrunc = 0x20, kRcvShutdown = 1, kSendShutdown = 2 };

/* The socket's state if its bytes are wanted, else null. The common miss costs two look-ups. */
static __always_inline struct connection_state *wanted_state(struct sock *sk,
                                                             struct task_struct *task,
                                                             __u32 direction) {
  struct connection_state *state = known_state(sk);
  if (!state) {
    if (!is_watched(task->tgid)) return 0;
    if (!is_tcp(sk) || sk->__sk_common.skc_state == kTcpListen) return 0;
    state = bpf_sk_storage_get(&conn_by_sock, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
    if (!state) {
      note(kNoteNoStorage);
      return 0;
    }
  }
  if (state->budget.ignored && !is_tls_probed(task->tgid)) {
    if (direction == kSent) before_send(state, task, registers_of(task)); /* Go's own TLS as well */
    return 0;
  }
  /* A process that got a marked listener's connection by exec or over a unix socket. */
  if (!is_watched(task->tgid) && !(state->marked && watch(task, kWatchedBySocket))) return 0;
  return state;
}

static __always_inline void join_midway(struct connection_state *state, struct sock *sk,
                                        __u32 direction, __u32 bytes) {
  __u8 tcp_state = sk->__sk_common.skc_state;
  decide_role(state, sk);
  start_streams(state, sk);
  state->base_sequence[direction] -= bytes;
  /* Fast open: before the handshake has ended nothing can have been missed. */
  state->seen_from_start = tcp_state == kTcpSynSent || tcp_state == kTcpSynRecv;
}

/* Positions by sequence number: also right where calls were not seen (splice). The FIN takes one
 * number (RFC 9293 3.4) once it was read. */
static __always_inline __u64 take_offset(struct connection_state *state,
                                         const struct tcp_sock *tcp,
                                         struct sock *sk, __u32 direction, __u32 bytes) {
  __u32 sequence = direction == kReceived ? tcp->copied_seq : tcp->write_seq;
  __u64 expected = state->next_offset[direction];
  __s32 ahead = (__s32)(sequence - state->base_sequence[direction] - bytes - (__u32)expected);
  if (ahead == 1 && direction == kReceived && (sk->sk_shutdown & kRcvShutdown)) ahead = 0;
  if (ahead > 0) expected += ahead;
  state->next_offset[direction] = expected + bytes;
  return expected;
}

static __always_inline __u64 other_position(struct connection_state *state,
                                         const struct tcp_sock *tcp,
                                            struct sock *sk, __u32 direction) {
  __u32 other = direction == kReceived ? kSent : kReceived;
  __u32 sequence = other == kReceived ? tcp->copied_seq : tcp->write_seq;
  __u64 known = state->next_offset[other];
  __s32 ahead = (__s32)(sequence - state->base_sequence[other] - (__u32)known);
  __u8 ended = other == kReceived ? kRcvShutdown : kSendShutdown;
  if (ahead == 1 && (sk->sk_shutdown & ended)) ahead = 0; /* the FIN */
  return known + ahead;
}

static __always_inline __u64 take_arrival(struct connection_state *state,
                                         const struct tcp_sock *tcp) {
  __u64 arrival = state->arrival_first_ns;
  /* Bytes left unread keep an arrival. */
  state->arrival_first_ns = tcp->rcv_nxt != tcp->copied_seq ? state->arrival_last_ns : 0;
  return arrival;
}

/* Copies what the credit allows and fills in how much that was. Returns the record's size. */
static __always_inline __u32 fill_payload(struct payload_scratch *scratch,
                                          struct connection_state *state, struct task_struct *task,
                                          const struct pt_regs *regs, struct sock *sk,
                                          __u32 direction, __u32 wanted, __u32 readable) {
  struct event_data *event = &scratch->event;
  __u32 bytes = event->total_bytes;
  struct user_buffer buffer = {.socket = sk};
  __u32 copied = 0, unreadable = 1;
  event->head_bytes = 0;
  if (readable && (find_call_buffer(&buffer, task, regs, sk, direction) ||
                   find_uring_payload(&buffer, direction, bytes))) {
    unreadable = 0;
    if (state->budget.framed) copied = copy_frames(&buffer, state, direction);
    else if (wanted == bytes && buffer.iov_count <= kShortVector)
      copied = copy_short(scratch, &buffer, bytes);
    else copied = copy_payload(&buffer, direction, wanted, bytes);
    if (!state->budget.framed && is_framed_opening(event, scratch->bytes))
      copied = copy_opening(&buffer, state, event, direction);
  } else {
    note(kNoteUnreadable);
  }
  spend_credit(&state->budget, direction, event->head_bytes);
  event->flags = unreadable ? kDataUnreadable : 0;
  return sizeof(*event) + copied;
}

static __always_inline void emit_data(struct connection_state *state, struct task_struct *task,
                                      const struct pt_regs *regs, struct sock *sk, __u32 direction,
                                      __u32 bytes, __u32 readable) {
  const struct tcp_sock *tcp = CAST_TO_KERNEL(struct tcp_sock, sk); /* is_tcp() where state is made */
  struct payload_scratch *scratch = take_scratch(direction);
  if (!scratch) return;
  __u64 offset = take_offset(state, tcp, sk, direction, bytes);
  __u64 arrival = direction == kReceived ? take_arrival(state, tcp) : 0;
  __u32 credit = take_credit(&state->budget, direction);
  if (state->budget.ignored) return;
  bool announced = announce(state, sk, task);
  struct event_data *event = &scratch->event;
  event->offset = offset;
  event->other_offset = other_position(state, tcp, sk, direction);
  event->arrival_ns = arrival;
  event->goroutine = regs->r14;
  event->total_bytes = bytes;
  event->direction = direction;
  event->flags = 0;
  fill_header(&event->header, kEventData, sizeof(*event), state->budget.id);
  fill_key(&event->process, task);
  __u32 wanted = bytes < credit ? bytes : credit;
  __u32 size = fill_payload(scratch, state, task, regs, sk, direction, wanted, readable);
  event->header.size = size;
  barrier_var(size);
  if (size > kMaxRecordBytes) return;
  write_record(scratch, size, announced);
}

static __always_inline int on_transfer(struct sock *sk, int result, int flags, __u32 direction) {
  struct task_struct *task = bpf_get_current_task_btf();
  if (result <= 0 || (flags & (kMsgPeek | kMsgOob))) {
    if (is_tls_probed(task->tgid)) note_failure(task, sk);
    return 0;
  }
  struct connection_state *state = wanted_state(sk, task, direction);
  if (!state) return 0;
  if ((task->flags & kPfKthread) || !sk->sk_socket || !sk->sk_socket->file) return 0;
  if (!state->started) {
    /* Bytes read after a reset: the connection has ended for user space, and ends only once. */
    if (sk->__sk_common.skc_state == kTcpClose) return 0;
    join_midway(state, sk, direction, result);
  }
  if (is_tls_probed(task->tgid)) {
    bool hidden = observe_tls(state, task, sk, direction, result);
    if (hidden || state->budget.ignored) {
      if (direction == kReceived) take_arrival(state, CAST_TO_KERNEL(struct tcp_sock, sk));
      else if (is_go_probed(task->tgid)) before_send(state, task, registers_of(task));
      return 0;
    }
  }
  const struct pt_regs *regs = registers_of(task);
  if (direction == kSent) before_send(state, task, regs);
  __u32 readable = !(direction == kReceived && (flags & kMsgTrunc));
  emit_data(state, task, regs, sk, direction, result, readable);
  return 0;
}

SEC("tp_btf/sock_recv_length")
int BPF_PROG(socket_receive__tp_btf, struct sock *sk, int result, int flags) {
  return on_transfer(sk, result, flags, kReceived);
}

SEC("tp_btf/sock_send_length")
int BPF_PROG(socket_send__tp_btf, struct sock *sk, int result, int flags) {
  return on_transfer(sk, result, flags, kSent);
}
