/* SPDX-License-Identifier: GPL-2.0
 * The record that a decrypter of rustls was given, and what was in it. */
#pragma once

#include "probes/tls/rustls_message.bpf.h"

/* A sealed record: where it is, in the message that decrypt was given, and its bytes. */
static __always_inline bool read_print(struct record_print *print, const __u64 *words, __u32 at) {
  print->length = words[at + 1];
  return print->length >= kLeastSealedBytes && print->length <= kMostSealed &&
         !bpf_probe_read_user(&print->bytes, sizeof(print->bytes), (void *)(words[at] + kPrintAt));
}

/* 0.23 gives a slice of its buffer, 0.21 and 0.22 a Vec {capacity, address, length}. Before
 * the call, which writes the plaintext over the record. */
__noinline int find_opener(const struct tls_object_key *key, const struct rustls_call *call) {
  if (!key || !call) return 0;
  for (__u32 at = 0; at < 2; ++at) {
    struct record_print print;
    if (!read_print(&print, call->message, at)) continue;
    struct print_owner *owner = bpf_map_lookup_elem(&rustls_prints, &print);
    if (!owner || !owner->carrier) continue;
    __u32 index = owner->stream;
    struct tls_stream *stream = stream_at(index);
    if (!stream || stream->carrier != owner->carrier) continue;
    struct rustls_half *half = bpf_map_lookup_elem(&rustls_halves, key);
    if (!half) return 0;
    half->at = at;
    bind_half(stream, index, key);
    return 1;
  }
  return 0;
}

/* Plaintext in the place of the record; 0 bytes: the call has failed, or it is none of data. */
struct opened {
  __u64 base;
  __u64 bytes;
  __u8 type; /* 0: unknown */
};

static __always_inline void find_type(struct opened *opened, const struct rustls_call *call) {
  __u64 first = 0;
  __u8 tag;
  opened->type = 0;
  switch (call->enter) {
    case kOpen12At10Enter: tag = call->message[2]; break;
    case kOpen12At1cEnter: tag = call->message[3] >> 32; break;
    default:
      /* It ended with its type, RFC 8446 5.2, which stays where it was. Where the tag was wrong there are
       * zeros (ring, aws-lc). */
      if (bpf_probe_read_user(&opened->type, 1, (void *)(opened->base + opened->bytes)))
        opened->type = 0;
      return;
  }
  /* Likewise. */
  if (bpf_probe_read_user(&first, sizeof(first), (void *)opened->base) || !first) return;
  opened->type = tag + kTypeFirst;
}

__noinline int find_opened(struct opened *opened, __u64 result, const struct rustls_call *call,
                           __u32 at) {
  __u64 words[kMessageWords];
  if (!opened || !call || at > 1) return 0;
  __u64 sealed = call->message[at ? 1 : 0], length = call->message[at ? 2 : 1];
  if (length < kLeastSealedBytes || length > kMostSealed) return 0;
  if (bpf_probe_read_user(words, sizeof(words), (void *)result)) return 0;
  for (__u32 word = 0; word + 1 < kMessageWords; ++word) {
    if (words[word + 1] > length - kSealChaCha) continue;
    __u64 before = words[word] - sealed, more = length - words[word + 1];
    bool fits = call->enter == kOpen13Enter ? !before && more >= kSeal13
                                            : more == kSealGcm ? !before || before == kNonce
                                                               : !before && more == kSealChaCha;
    if (!fits) continue;
    opened->base = words[word];
    opened->bytes = words[word + 1];
    find_type(opened, call);
    return opened->type != 0;
  }
  return 0;
}

/* The next record has other keys, and so another decrypter. */
static __always_inline void look_for_key_update(struct tls_stream *stream,
                                                const struct opened *opened) {
  __u8 first = 0;
  if (bpf_probe_read_user(&first, sizeof(first), (void *)opened->base) || first != kKeyUpdate) return;
  stream->sealed = kSealedInPart;
  stream->walks = 0;
  stream->framed = 0;
}

static __always_inline void on_opened(const struct pt_regs *ctx, const struct rustls_call *call,
                                      const struct tls_object_key *key) {
  struct rustls_half *half = bpf_map_lookup_elem(&rustls_halves, key);
  struct opened opened = {};
  if (!half) return;
  struct tls_stream *stream = stream_of_half(half);
  bool is_opened = find_opened(&opened, ctx->ax, call, half->at);
  if (!stream && !is_opened) is_opened = find_opened(&opened, ctx->ax, call, 1);
  if (!is_opened) { /* it has failed; if not, its next number will not follow */
    if (opened.bytes) note(kNoteTlsUnbound);
    return;
  }
  half->next = call->number + 1;
  if (opened.type == kTypeHandshake && stream) look_for_key_update(stream, &opened);
  if (opened.type != kTypeApplicationData || !opened.bytes) return;
  if (!stream) {
    note(kNoteTlsUnbound);
    half->lost = 1;
    return;
  }
  stream->sealed = kSealed;
  if (opened.bytes > kMostSealed) return;
  if (!stream->budget.ignored) emit_plaintext(stream, 0, kReceived, opened.base, opened.bytes);
}

static __always_inline void begin_opening(const struct rustls_call *call,
                                          const struct tls_object_key *key) {
  struct rustls_half *half = half_of(key, call->number);
  if (half && !stream_of_half(half)) find_opener(key, call);
}
