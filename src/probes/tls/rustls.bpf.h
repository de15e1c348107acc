/* SPDX-License-Identifier: GPL-2.0
 * The two halves of a rustls connection, which seal what is sent and open what was received, and how
 * they get their socket: by the bytes of a sealed record, which both the half and the socket have in
 * their hands. See docs/design/0022. */
#pragma once

#include "probes/tls/tls_emit.bpf.h"

/* An encrypter or a decrypter: in memory of its own, which stays where it is when the connection is
 * moved. Each set of keys has its own and counts its records from 0: with 0 another one has begun at
 * the address, and a number that does not follow says that records were missed. */
struct rustls_half {
  __u64 carrier; /* as in its stream; 0: not bound */
  __u32 stream;
  __u32 at; /* of a decrypter: in which word of its message the address of the bytes is */
  __u64 next; /* number of its next record */
  __u32 joined; /* its first records were not seen */
  __u32 lost;   /* plaintext of it was passed over since then */
};

/* key: address, as of any TLS object. Ends with its socket: an entry whose carrier is no longer that of
 * the stream is as good as none. The oldest go. */
struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, kSealHalves);
  __type(key, struct tls_object_key);
  __type(value, struct rustls_half);
} rustls_halves __weak SEC(".maps");

/* Bytes 8 to 15 of a sealed record: of an AEAD they are as good as random, in TLS 1.2 the first 8 may be
 * a counter (RFC 5288 3). No record is shorter than its tag of 16 bytes. */
enum { kPrintAt = 8, kLeastSealedBytes = 16 };
struct record_print {
  __u64 bytes;
  __u64 length; /* of the record, without its header */
};

struct print_owner {
  __u64 carrier; /* 0: several sockets have received such a record */
  __u64 stream;
};

/* Of the records that were received and may have to tell whose they are. */
struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, kSealPrints);
  __type(key, struct record_print);
  __type(value, struct print_owner);
} rustls_prints __weak SEC(".maps");

/* Plaintext that was sealed by an encrypter whose socket is not known yet. */
enum { kHeldBytes = 4096 };
struct held_plaintext {
  __u64 total; /* bytes */
  __u32 head;  /* of those, how many from the beginning are here */
  __u32 padding;
  __u8 bytes[2 * kHeldBytes]; /* half of it slack: the verifier adds up bounds */
};

/* key: the encrypter. Deleted when it is bound, or begins anew. */
struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, kSealHeld);
  __type(key, struct tls_object_key);
  __type(value, struct held_plaintext);
} rustls_held __weak SEC(".maps");

enum { kMessageWords = 5 };
struct rustls_call {
  __u64 object;
  __u64 number; /* of the record */
  __u64 message[kMessageWords];
  __u32 enter; /* 0: nothing is open here */
  __u32 padding;
};

struct rustls_thread {
  struct rustls_call call; /* no half calls another one */
  struct record_print sealed; /* the latest record of an encrypter that is not bound; length 0: none */
  struct tls_object_key sealed_by;
};

/* Freed with the thread. */
struct {
  __uint(type, BPF_MAP_TYPE_TASK_STORAGE);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, int);
  __type(value, struct rustls_thread);
} rustls_threads __weak SEC(".maps");

enum tls_sealed {
  kNotSealed = 0,
  kSealedInPart = 1, /* of rustls, and a decrypter of data is still looked for */
  kSealed = 2,
};

static __always_inline struct tls_stream *stream_of_half(const struct rustls_half *half) {
  if (!half->carrier) return 0;
  struct tls_stream *stream = stream_at(half->stream);
  return stream && stream->carrier == half->carrier && stream->binding == kTlsNested ? stream : 0;
}

/* As of the beginning of a record with this number. */
static __always_inline struct rustls_half *half_of(const struct tls_object_key *key, __u64 number) {
  struct rustls_half *known = bpf_map_lookup_elem(&rustls_halves, key);
  if (known && number && known->next == number) return known;
  struct rustls_half fresh = {
      .next = number, .joined = number && !known, .lost = number && known};
  bpf_map_delete_elem(&rustls_held, key);
  if (bpf_map_update_elem(&rustls_halves, key, &fresh, BPF_ANY)) {
    note(kNoteTlsFull);
    return 0;
  }
  return bpf_map_lookup_elem(&rustls_halves, key);
}

/* From now on the plaintext of this half is that of the stream. Not static, as bind_object(). */
__weak __noinline int bind_half(struct tls_stream *stream, __u32 index,
                                const struct tls_object_key *key) {
  if (!stream || !key) return 0;
  struct rustls_half *half = bpf_map_lookup_elem(&rustls_halves, key);
  if (!half) return 0;
  bool is_others = stream->binding != kTlsNested && stream->bound_to.object;
  /* Behind what is missing another connection begins: nothing is paired over it. */
  if (is_others || (half->lost && stream->budget.announced)) end_plaintext(stream);
  if (half->joined || half->lost) stream->from_start = 0;
  if (!stream->bound_to.object) stream->bound_to = *key;
  stream->binding = kTlsNested;
  if (stream->sealed == kNotSealed) stream->sealed = kSealedInPart;
  half->carrier = stream->carrier;
  half->stream = index;
  half->lost = 0;
  return 0;
}
