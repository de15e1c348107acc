/* SPDX-License-Identifier: GPL-2.0
 * What the hook of the sockets does for rustls: keeps prints of the records that were received, and finds
 * the record that an encrypter has just sealed in what is sent. */
#pragma once

#include "probes/socket/payload.bpf.h"
#include "probes/tls/rustls.bpf.h"

enum { kRecordHeader = 5, kSentRecords = 16 /* of one call that are looked at */ };

/* The record whose header is at `at` of what was received. */
static __always_inline void keep_print(const struct tls_stream *stream, __u32 index, const void *base,
                                       __u32 at, __u32 bytes, __u32 length) {
  struct record_print print = {.length = length};
  __u32 print_at = at + kRecordHeader + kPrintAt;
  if (length < kLeastSealedBytes || bytes < print_at + sizeof(print.bytes)) return;
  if (bpf_probe_read_user(&print.bytes, sizeof(print.bytes), base + print_at)) return;
  struct print_owner owner = {.carrier = stream->carrier, .stream = index};
  if (!bpf_map_update_elem(&rustls_prints, &print, &owner, BPF_NOEXIST)) return;
  struct print_owner *known = bpf_map_lookup_elem(&rustls_prints, &print);
  if (known && known->carrier != stream->carrier) known->carrier = 0; /* a peer has copied a record */
}

struct sent_walk {
  const struct user_buffer *buffer;
  struct record_print wanted;
  struct user_iovec piece;
  __u64 at; /* in the piece */
  __u32 next_piece;
  bool found;
};

struct sent_record {
  __u8 type;
  __u8 version[2];
  __u8 length[2];
  __u8 before_print[kPrintAt];
  __u8 print[8];
};

static long look_at_sent(__u32 index, struct sent_walk *walk) {
  struct sent_record record;
  if (walk->at >= walk->piece.length) {
    if (!walk->buffer->iov || walk->next_piece >= walk->buffer->iov_count) return 1;
    if (!read_piece(walk->buffer, walk->next_piece++, &walk->piece)) return 1;
    walk->at = 0;
  }
  if (walk->piece.length - walk->at < sizeof(record)) {
    walk->at = walk->piece.length; /* in the clear, or the rest of one that was sent in part */
    return 0;
  }
  if (bpf_probe_read_user(&record, sizeof(record), walk->piece.base + walk->at)) return 1;
  __u64 print;
  __builtin_memcpy(&print, record.print, sizeof(print));
  __u32 length = (__u32)record.length[0] << 8 | record.length[1];
  walk->found = print == walk->wanted.bytes && length == walk->wanted.length;
  if (walk->found) return 1;
  walk->at += kRecordHeader + length;
  return 0;
}

/* What the encrypter has sealed before its socket was known. Not static: the kernel verifies it once. */
__noinline int emit_held(struct tls_stream *stream, const struct tls_object_key *key) {
  struct held_plaintext *held = key ? bpf_map_lookup_elem(&rustls_held, key) : 0;
  if (!held || !stream) return 0;
  __u32 head = held->head;
  __u64 rest = held->total - head;
  struct tls_source source = {.kept = held->bytes};
  if (head && head <= kHeldBytes) emit_source(stream, 0, kSent, &source, head);
  if (rest && rest <= 0xffffffff) emit_plaintext(stream, 0, kSent, 0, rest);
  bpf_map_delete_elem(&rustls_held, key);
  return 0;
}

static __always_inline void match_sent(struct tls_stream *stream, __u32 index,
                                       struct task_struct *task, struct sock *sk, __u32 bytes) {
  struct rustls_thread *thread = bpf_task_storage_get(&rustls_threads, task, 0, 0);
  if (!thread || !thread->sealed.length) return;
  struct user_buffer buffer = {.socket = sk};
  if (!find_call_buffer(&buffer, task, registers_of(task), sk, kSent)) return;
  struct sent_walk walk = {.buffer = &buffer, .wanted = thread->sealed};
  if (!buffer.iov) {
    walk.piece.base = buffer.base;
    walk.piece.length = bytes;
  }
  bpf_loop(kSentRecords, look_at_sent, &walk, 0);
  if (!walk.found) return;
  thread->sealed.length = 0;
  struct tls_object_key key = thread->sealed_by;
  bind_half(stream, index, &key);
  emit_held(stream, &key);
}
