/* SPDX-License-Identifier: GPL-2.0
 * Calls of rustls' encrypters and decrypters. Their messages are Rust's own, without a layout that anyone
 * has promised: what is read of them is held against what the record's length and its bytes say. */
#include "probes/tls/rustls.bpf.h"

char LICENSE[] __weak SEC("license") = "GPL";

/* Content types: as rustls' enum counts them (0.21 to 0.23, enums.rs), and as they are sent (RFC 8446
 * 5.1). */
enum { kEnumApplicationData = 3, kTypeFirst = 20, kTypeHandshake = 22, kTypeApplicationData = 23 };
enum { kKeyUpdate = 24 /* RFC 8446 4.6.3 */ };
/* What sealing adds: tag and type of TLS 1.3 (RFC 8446 5.2); explicit nonce and tag (RFC 5288 3); tag
 * (RFC 7905 2). */
enum { kSeal13 = 17, kSealGcm = 24, kSealChaCha = 16, kNonce = 8 };
enum { kSealedHeader = 5 /* rustls 0.23 leaves room for it before the record */ };
enum { kMostPlaintext = 16384, kMostSealed = 16384 + 2048, kChunks = 16 };

static __always_inline bool is_enter(__u32 probe) { return probe % 2 == 0; }
static __always_inline bool is_seal(__u32 enter) { return enter < kOpen13Enter; }

static __always_inline void on_enter(const struct pt_regs *ctx, __u32 enter,
                                     struct task_struct *task) {
  struct rustls_thread *thread =
      bpf_task_storage_get(&rustls_threads, task, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
  if (!thread) {
    note(kNoteNoStorage);
    return;
  }
  struct rustls_call *call = &thread->call;
  call->enter = 0;
  if (bpf_probe_read_user(call->message, sizeof(call->message), (void *)ctx->dx)) return;
  call->object = ctx->si;
  call->number = ctx->cx;
  call->enter = enter;
}

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

static __always_inline bool next_piece(struct text_walk *walk, __u32 index, __u64 *from,
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
  if (!next_piece(walk, index, &from, &bytes) || bytes > walk->left) return 1;
  if (bytes) emit_plaintext(walk->stream, 0, kSent, from, bytes);
  walk->left -= bytes;
  return walk->left == 0;
}

static long keep_piece(__u32 index, struct text_walk *walk) {
  __u64 from = 0, bytes = 0;
  if (!next_piece(walk, index, &from, &bytes)) return 1;
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

/* All points of a process hang on one link, as those of the other libraries. */
SEC("uprobe.multi")
int rustls_call(struct pt_regs *ctx) {
  struct task_struct *task = bpf_get_current_task_btf();
  if (!is_tls_probed(task->tgid)) return 0;
  __u32 probe = bpf_get_attach_cookie(ctx);
  struct tls_object_key key;
  if (is_enter(probe)) {
    on_enter(ctx, probe, task);
    if (is_seal(probe)) return 0;
  }
  struct rustls_thread *thread = bpf_task_storage_get(&rustls_threads, task, 0, 0);
  if (!thread || !thread->call.enter) return 0;
  fill_object_key(&key, thread->call.object, task);
  if (is_enter(probe)) {
    begin_opening(&thread->call, &key);
    return 0;
  }
  if (thread->call.enter != probe - 1) return 0;
  if (is_seal(probe - 1)) on_sealed(thread, ctx, &key);
  else on_opened(ctx, &thread->call, &key);
  thread->call.enter = 0;
  return 0;
}
