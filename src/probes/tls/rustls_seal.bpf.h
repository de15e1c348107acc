/* SPDX-License-Identifier: GPL-2.0
 * What an encrypter of rustls was given, and what it has made of it. */
#pragma once

#include "probes/tls/rustls_message.bpf.h"

/* The plaintext of a call of encrypt: one buffer, or bytes [start, end) of a list of buffers. */
struct plaintext {
  __u64 base;   /* 0: a list */
  __u64 chunks; /* address of {address, length} each */
  __u64 count;
  __u64 start;
  __u64 end;
};

/* False: the message is not what it should be. */
static __always_inline bool plaintext_of(struct plaintext *text, const struct rustls_call *call) {
  const __u64 *words = call->message;
  bool is_slice = call->enter == kSealAt10Enter || call->enter == kSealAt14Enter;
  __builtin_memset(text, 0, sizeof(*text));
  if (is_slice || !words[0]) { /* OutboundChunks::Single */
    text->base = words[is_slice ? 0 : 1];
    text->end = words[is_slice ? 1 : 2];
    return text->end <= kMostPlaintext;
  }
  text->chunks = words[0];
  text->count = words[1];
  text->start = words[2];
  text->end = words[3];
  return text->start <= text->end && text->end - text->start <= kMostPlaintext;
}

static __always_inline __u32 content_type_of(const struct rustls_call *call) {
  switch (call->enter) {
    case kSealAt10Enter: return (__u8)call->message[2];
    case kSealAt14Enter: return (__u8)(call->message[2] >> 32);
    case kSealAt20Enter: return (__u8)call->message[4];
    default: return (__u8)(call->message[4] >> 32);
  }
}

/* One piece after the other; what is left when the walk has ended was not found. */
struct text_walk {
  struct plaintext text;
  __u64 passed; /* bytes of the list */
  __u64 left;   /* of the plaintext */
  struct tls_stream *stream;   /* one of these two takes the pieces */
  struct held_plaintext *held;
};

static __always_inline bool next_text(struct text_walk *walk, __u32 index, __u64 *from,
                                       __u64 *bytes) {
  __u64 chunk[2];
  const struct plaintext *text = &walk->text;
  *bytes = 0;
  if (text->base) {
    *from = text->base;
    *bytes = text->end;
    return !index;
  }
  if (index >= text->count || walk->passed >= text->end) return false;
  if (bpf_probe_read_user(chunk, sizeof(chunk), (void *)(text->chunks + index * sizeof(chunk))))
    return false;
  __u64 begin = walk->passed;
  if (chunk[1] > text->end) chunk[1] = text->end;
  __u64 end = begin + chunk[1];
  walk->passed = end;
  __u64 first = begin > text->start ? begin : text->start;
  __u64 last = end < text->end ? end : text->end;
  if (first >= last) return true;
  *from = chunk[0] + (first - begin);
  *bytes = last - first;
  return true;
}

static long emit_piece(__u32 index, struct text_walk *walk) {
  __u64 from = 0, bytes = 0;
  if (!next_text(walk, index, &from, &bytes) || bytes > walk->left) return 1;
  if (bytes) emit_plaintext(walk->stream, 0, kSent, from, bytes);
  walk->left -= bytes;
  return walk->left == 0;
}

static long keep_piece(__u32 index, struct text_walk *walk) {
  __u64 from = 0, bytes = 0;
  if (!next_text(walk, index, &from, &bytes)) return 1;
  __u32 at = walk->held->head;
  if (at >= kHeldBytes) return 1;
  __u64 room = kHeldBytes - at;
  __u32 wanted = bytes < room ? bytes : room;
  barrier_var(wanted);
  barrier_var(at);
  if (at >= kHeldBytes || wanted > kHeldBytes) return 1;
  if (wanted && bpf_probe_read_user(walk->held->bytes + at, wanted, (void *)from)) return 1;
  walk->held->head = at + wanted;
  return 0;
}

/* What tells the record that the call has made; 0: the result does not fit the message. In the
 * result are capacity, address and length of a Vec, somewhere in its first words. Not static: the kernel verifies it once. */
__noinline int sealed_bytes(struct record_print *print, __u64 result, __u64 plain) {
  __u64 words[kMessageWords];
  if (!print || bpf_probe_read_user(words, sizeof(words), (void *)result)) return 0;
  for (int at = kMessageWords - 1; at; --at) { /* the capacity, before it, may be the same */
    __u64 more = words[at] - plain;
    bool with_header = more == kSeal13 + kSealedHeader || more == kSealGcm + kSealedHeader ||
                       more == kSealChaCha + kSealedHeader;
    if (!with_header && more != kSeal13 && more != kSealGcm && more != kSealChaCha) continue;
    __u64 header = with_header ? kSealedHeader : 0;
    if (bpf_probe_read_user(&print->bytes, sizeof(print->bytes),
                            (void *)(words[at - 1] + header + kPrintAt)))
      continue;
    print->length = words[at] - header;
    return 1;
  }
  return 0;
}

static __always_inline void emit_chunks(struct text_walk *walk) {
  bpf_loop(kChunks, emit_piece, walk, 0);
  if (walk->left) emit_plaintext(walk->stream, 0, kSent, 0, walk->left);
}

/* Only the first record is kept, and of it the first bytes. */
static __always_inline bool hold(const struct tls_object_key *key, struct text_walk *walk) {
  static const struct held_plaintext kNothing;
  struct held_plaintext *held = bpf_map_lookup_elem(&rustls_held, key);
  bool is_first = !held;
  if (is_first) {
    if (bpf_map_update_elem(&rustls_held, key, &kNothing, BPF_ANY)) return false;
    held = bpf_map_lookup_elem(&rustls_held, key);
    if (!held) return false;
  }
  held->total += walk->left;
  walk->held = held;
  if (is_first) bpf_loop(kChunks, keep_piece, walk, 0);
  return true;
}

static __always_inline void on_sealed(struct rustls_thread *thread, const struct pt_regs *ctx,
                                      const struct tls_object_key *key) {
  const struct rustls_call *call = &thread->call;
  struct text_walk walk = {};
  struct record_print print = {};
  struct rustls_half *half = half_of(key, call->number);
  if (!half) return;
  bool is_data = content_type_of(call) == kEnumApplicationData;
  struct tls_stream *stream = stream_of_half(half);
  bool is_text = plaintext_of(&walk.text, call);
  walk.left = walk.text.end - walk.text.start;
  if (!is_text || !sealed_bytes(&print, ctx->ax, walk.left)) {
    note(kNoteTlsUnbound);
    half->lost = 1;
    half->carrier = 0;
    return;
  }
  half->next = call->number + 1;
  if (stream) {
    walk.stream = stream;
    if (is_data && !stream->budget.ignored) emit_chunks(&walk);
    return;
  }
  half->carrier = 0;
  if (is_data && !hold(key, &walk)) {
    note(kNoteTlsUnbound);
    half->lost = 1;
  }
  thread->sealed = print;
  thread->sealed_by = *key;
}
