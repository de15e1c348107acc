/* SPDX-License-Identifier: GPL-2.0
 * What the hook of the sockets does in a process that has probes in a TLS library: finds sockets that
 * carry TLS records and what tells their objects. */
#pragma once

#include "probes/socket/payload.bpf.h"
#include "probes/tls/rustls_socket.bpf.h"
#include "probes/tls/tls_thread.bpf.h"

/* RFC 8446 5.1; RFC 5246 6.2.3 allows records to be longer by 2048. */
enum {
  kTlsHeaderBytes = 5,
  kTlsLowestType = 0x14,
  kTlsHandshakeType = 0x16,
  kTlsDataType = 0x17,
  kTlsMajor = 3,
  kTlsHighestMinor = 4,
  kTlsLongestRecord = 16384 + 2048,
};
enum {
  kTlsLooks = 64, /* transfers of a socket that are looked at for a record */
  kTlsWalks = 64, /* receives of a socket without an object whose records are read */
  kTlsWalkedRecords = 32, /* of one receive */
};

struct tls_header {
  __u8 type;
  __u8 major;
  __u8 minor;
  __u8 length[2];
};

static __always_inline __u32 record_length(const struct tls_header *header) {
  return (__u32)header->length[0] << 8 | header->length[1];
}

static __always_inline bool read_header(struct tls_header *header, const void *at) {
  if (bpf_probe_read_user(header, sizeof(*header), at)) return false;
  __u32 length = record_length(header);
  return header->type >= kTlsLowestType && header->type <= kTlsDataType &&
         header->major == kTlsMajor && header->minor <= kTlsHighestMinor && length &&
         length <= kTlsLongestRecord;
}

/* The first piece of what the call moves; false: it cannot be told, or has no room for a header. */
static __always_inline bool first_piece(struct user_iovec *piece, struct task_struct *task,
                                        struct sock *sk, __u32 direction, __u32 bytes) {
  struct user_buffer buffer = {.socket = sk};
  const struct pt_regs *regs = registers_of(task);
  if (bytes < kTlsHeaderBytes || !find_call_buffer(&buffer, task, regs, sk, direction)) return false;
  piece->base = buffer.base;
  piece->length = bytes;
  if (!buffer.iov) return true;
  if (bpf_probe_read_user(piece, sizeof(*piece), buffer.iov)) return false;
  if (piece->length > bytes) piece->length = bytes;
  return piece->length >= kTlsHeaderBytes;
}

static __always_inline void remember_tuple(struct tls_stream *stream, const struct sock *sk) {
  if (sk->__sk_common.skc_family == kAfInet) {
    fill_v4(stream->local_address, sk->__sk_common.skc_rcv_saddr);
    fill_v4(stream->remote_address, sk->__sk_common.skc_daddr);
  } else {
    BPF_CORE_READ_INTO(&stream->local_address, sk, __sk_common.skc_v6_rcv_saddr.in6_u.u6_addr8);
    BPF_CORE_READ_INTO(&stream->remote_address, sk, __sk_common.skc_v6_daddr.in6_u.u6_addr8);
  }
  stream->local_port = sk->__sk_common.skc_num;
  stream->remote_port = __builtin_bswap16(sk->__sk_common.skc_dport);
  stream->netns_inode = sk->__sk_common.skc_net.net->ns.inum;
}

/* A record in the clear that is part of a handshake: no plaintext has passed yet. */
static __always_inline struct tls_stream *make_stream(struct connection_state *state,
                                                      struct sock *sk, bool from_start) {
  __u32 index;
  if (!take_tls_index(&index)) {
    note(kNoteTlsFull);
    return 0;
  }
  struct tls_stream *stream = stream_at(index);
  if (!stream) return 0;
  __builtin_memset(stream, 0, sizeof(*stream));
  remember_tuple(stream, sk);
  stream->role = state->role;
  stream->from_start = from_start;
  stream->carrier = bpf_get_socket_cookie(sk);
  name_plaintext(stream);
  state->tls_stream = index;
  state->carries_tls = 1;
  return stream;
}

static __always_inline struct tls_stream *find_stream(struct connection_state *state,
                                                      struct task_struct *task, struct sock *sk,
                                                      __u32 direction, __u32 bytes) {
  struct user_iovec piece;
  struct tls_header header;
  if (state->carries_tls) return stream_at(state->tls_stream);
  if (state->tls_looks >= kTlsLooks) return 0;
  ++state->tls_looks;
  if (!first_piece(&piece, task, sk, direction, bytes)) return 0;
  if (!read_header(&header, piece.base)) return 0;
  return make_stream(state, sk, header.type == kTlsHandshakeType);
}

struct record_walk {
  struct tls_stream *stream;
  const void *base;
  __u32 bytes;
  __u32 at;
  __u32 index; /* of the stream */
  bool lost;
};

static long walk_record(__u32 index, struct record_walk *walk) {
  struct tls_header header;
  struct tls_stream *stream = walk->stream;
  if (walk->at >= walk->bytes) return 1;
  walk->lost = walk->bytes - walk->at < kTlsHeaderBytes || !read_header(&header, walk->base + walk->at);
  if (walk->lost) return 1;
  __u32 length = record_length(&header);
  if (header.type == kTlsDataType) {
    __u32 place = stream->lengths_seen;
    barrier_var(place);
    if (place < kTlsLengths) {
      stream->lengths[place] = length;
      stream->lengths_seen = place + 1;
    }
    if (follow_rustls) keep_print(stream, walk->index, walk->base, walk->at, walk->bytes, length);
  }
  walk->at += kTlsHeaderBytes + length;
  return 0;
}

/* Which records a receive has brought, as long as that may be needed to prove an object. */
static __always_inline void walk_records(struct tls_stream *stream, __u32 index,
                                         struct task_struct *task, struct sock *sk, __u32 bytes) {
  struct user_iovec piece;
  if (stream->walks >= kTlsWalks) return;
  ++stream->walks;
  stream->lengths_seen = 0;
  __u32 left = stream->framed ? stream->record_left : 0;
  if (left >= bytes) {
    stream->record_left = left - bytes;
    return;
  }
  stream->framed = 0;
  if (!first_piece(&piece, task, sk, kReceived, bytes) || piece.length != bytes) return;
  struct record_walk walk = {
      .stream = stream, .base = piece.base, .bytes = bytes, .at = left, .index = index};
  bpf_loop(kTlsWalkedRecords, walk_record, &walk, 0);
  if (walk.lost || walk.at < bytes) return;
  stream->record_left = walk.at - bytes;
  stream->framed = 1;
}

static __always_inline void note_nested(struct tls_stream *stream, __u32 index,
                                        const struct tls_call *call, struct task_struct *task) {
  struct tls_object_key key;
  fill_object_key(&key, call->object, task);
  if (stream->binding == kTlsNested && is_same_object(&stream->bound_to, &key)) return;
  bind_object(stream, index, &key, kTlsNested);
}

/* The object `wrote` has ended a call, and the next thing that its thread did was this send. */
static __always_inline void note_sent_by(struct tls_stream *stream, __u64 wrote) {
  if (stream->binding == kTlsUnbound) stream->sent_by = wrote;
  if (stream->binding != kTlsGuessed) return;
  if (stream->bound_to.object == wrote) {
    stream->binding = kTlsProven;
    return;
  }
  note(kNoteTlsMisfit);
  end_plaintext(stream);
}

static __always_inline void note_outside(struct tls_stream *stream, __u32 index,
                                         struct task_struct *task, __u32 direction, __u64 wrote) {
  if (direction == kSent) {
    if (wrote) note_sent_by(stream, wrote);
    return;
  }
  if (stream->binding == kTlsNested) return;
  struct tls_thread *thread =
      bpf_task_storage_get(&tls_threads, task, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
  if (!thread) return;
  thread->received_carrier = stream->carrier;
  thread->received_stream = index;
}

/* A receive that found nothing: the thread has turned to another socket than the one before. */
static __always_inline void note_failure(struct task_struct *task, struct sock *sk) {
  struct tls_thread *thread = bpf_task_storage_get(&tls_threads, task, 0, 0);
  if (!thread || !thread->received_carrier) return;
  const struct connection_state *state = known_state(sk);
  if (!state || !state->carries_tls || state->tls_stream != thread->received_stream)
    thread->received_carrier = 0;
}

/* True: the bytes are those of an object whose plaintext is reported. */
static __always_inline bool observe_tls(struct connection_state *state, struct task_struct *task,
                                       struct sock *sk, __u32 direction, __u32 bytes) {
  struct tls_thread *thread = bpf_task_storage_get(&tls_threads, task, 0, 0);
  struct tls_call *call = thread ? innermost_call(thread) : 0;
  __u64 wrote = thread ? thread->wrote : 0;
  if (thread) thread->received_carrier = thread->wrote = 0;
  struct tls_stream *stream = find_stream(state, task, sk, direction, bytes);
  if (!stream) return false;
  if (direction == kReceived && state->arrival_first_ns)
    stream->arrival_ns = state->arrival_first_ns;
  if (call) {
    note_nested(stream, state->tls_stream, call, task);
  } else {
    if (direction == kReceived && (stream->binding < kTlsProven || stream->sealed == kSealedInPart))
      walk_records(stream, state->tls_stream, task, sk, bytes);
    if (direction == kSent && follow_rustls) match_sent(stream, state->tls_stream, task, sk, bytes);
    note_outside(stream, state->tls_stream, task, direction, wrote);
  }
  if (stream->binding >= kTlsProven) state->hides_bytes = 1;
  return state->hides_bytes;
}
