/* SPDX-License-Identifier: GPL-2.0
 * A socket under TLS, and the plaintext on it: a connection of its own for user space. The programs in
 * TLS libraries cannot reach a socket's storage, so what they need of it stands in an array. */
#pragma once

#include "probes/kernel_lib/connection.bpf.h"

/* The object of a TLS library: one SSL of OpenSSL, one session of GnuTLS. The image tells processes
 * apart that have the same pid one after the other. */
struct tls_object_key {
  __u64 object; /* its address */
  __u32 pid;
  __u32 image;
};

enum tls_binding {
  kTlsUnbound = 0,
  kTlsGuessed = 1, /* memory BIO: by the order of calls; says nothing until it is proven */
  kTlsProven = 2,  /* a second, independent sign */
  kTlsNested = 3,  /* the socket was used inside a call on the object */
};

enum { kTlsLengths = 8 };
struct tls_stream {
  struct capture_budget budget; /* of the plaintext */
  __u64 carrier;                /* cookie of the socket; 0: nobody's entry */
  struct tls_object_key bound_to;
  __u64 next_offset[kDirections];
  __u64 arrival_ns; /* of the latest bytes that were received, on a server */
  __u64 sent_by;    /* object whose call ended just before a send on the socket; 0: none */
  __u8 local_address[16];
  __u8 remote_address[16];
  __u32 netns_inode;
  __u16 local_port;
  __u16 remote_port;
  __u8 role;
  __u8 from_start; /* no plaintext can have passed unseen */
  __u8 binding;    /* tls_binding */
  __u8 fin_told;
  __u16 generation;
  __u8 walks; /* receives whose records were read */
  __u8 framed; /* record_left is known */
  __u32 record_left; /* of a record that the latest receive has cut */
  __u32 fits; /* reads in a row whose lengths were those of records */
  __u32 sealed; /* tls_sealed, of rustls.bpf.h */
  __u32 lengths_seen;
  __u16 lengths[kTlsLengths]; /* of the records with application data in the latest receive */
  struct frame_state frames[kDirections]; /* of the plaintext */
};

/* key: index that connection_state.tls_stream and tls_object name; written by the socket programs and
 * the TLS programs. The loader makes it small where TLS is not wanted. */
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, kTlsStreams);
  __type(key, __u32);
  __type(value, struct tls_stream);
} tls_streams __weak SEC(".maps");

/* Entries that were given back, oldest first: one is used again as late as can be, since a program may
 * still hold it. */
struct {
  __uint(type, BPF_MAP_TYPE_QUEUE);
  __uint(max_entries, kTlsStreams);
  __type(value, __u32);
} free_tls_streams __weak SEC(".maps");

struct tls_object {
  __u64 carrier; /* as in its stream; 0: it is not bound */
  __u32 stream;
  __u32 missed; /* plaintext passed while it was not */
};

/* Deleted when the object or the socket ends. The oldest go: an object whose end was not seen, and of a
 * live one no more is lost than that its next call looks for its socket again. */
struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, kTlsObjects);
  __type(key, struct tls_object_key);
  __type(value, struct tls_object);
} tls_objects __weak SEC(".maps");

static __always_inline struct tls_stream *stream_at(__u32 index) {
  return bpf_map_lookup_elem(&tls_streams, &index);
}

static __always_inline bool is_same_object(const struct tls_object_key *a,
                                           const struct tls_object_key *b) {
  return a->object == b->object && a->pid == b->pid && a->image == b->image;
}

static __always_inline void fill_object_key(struct tls_object_key *key, __u64 object,
                                            struct task_struct *task) {
  key->object = object;
  key->pid = task->tgid;
  key->image = (__u32)task->self_exec_id ^ (__u32)task->group_leader->start_boottime;
}

static __always_inline struct tls_stream *stream_of(const struct tls_object *known,
                                                    const struct tls_object_key *key) {
  if (!known || !known->carrier) return 0;
  struct tls_stream *stream = stream_at(known->stream);
  if (!stream || stream->carrier != known->carrier) return 0;
  return is_same_object(&stream->bound_to, key) ? stream : 0;
}

static __always_inline bool take_tls_index(__u32 *index) {
  if (fresh_tls_streams < kTlsStreams) {
    *index = __sync_fetch_and_add(&fresh_tls_streams, 1);
    if (*index < kTlsStreams) return true;
  }
  return bpf_map_pop_elem(&free_tls_streams, index) == 0;
}

static __always_inline void name_plaintext(struct tls_stream *stream) {
  stream->budget.id = ABI_TLS_ID_BIT |
                      (__u64)(stream->generation & kTlsGenerationMask) << kTlsGenerationShift |
                      stream->carrier;
  start_budget(&stream->budget, stream->role);
}

/* The plaintext of this object has ended; another object may follow on the same socket. Not static, as
 * bind_object(): the kernel verifies such a function once, not for each way that leads to it; weak, since
 * several objects carry it. */
__weak __noinline int end_plaintext(struct tls_stream *stream) {
  if (!stream) return 0;
  __builtin_memset(&stream->bound_to, 0, sizeof(stream->bound_to));
  stream->binding = kTlsUnbound;
  stream->fits = 0;
  stream->sent_by = 0;
  /* Several may end it at once: the object and the socket. */
  bool told = __sync_lock_test_and_set(&stream->budget.slot_taken, 0);
  if (!told) return 0; /* it never began */
  if (stream->budget.announced) emit_bare(stream->budget.id, kEventClose);
  __u32 slot = stream->budget.slot;
  if (slot != ABI_NO_SLOT) bpf_map_push_elem(&free_slots, &slot, BPF_ANY);
  stream->budget.announced = 0;
  stream->budget.ignored = 0;
  stream->next_offset[kReceived] = stream->next_offset[kSent] = 0;
  stream->frames[kReceived].synced = stream->frames[kSent].synced = 0;
  stream->from_start = 0;
  stream->fin_told = 0;
  ++stream->generation;
  name_plaintext(stream);
  return 0;
}

/* The watched side sends no more. */
static __always_inline void end_plaintext_sends(struct tls_stream *stream) {
  if (!stream->budget.announced || stream->budget.ignored || stream->fin_told) return;
  stream->fin_told = 1;
  emit_bare(stream->budget.id, kEventFin);
}

static __always_inline void end_tls_sends(const struct connection_state *state) {
  struct tls_stream *stream = stream_at(state->tls_stream);
  if (stream) end_plaintext_sends(stream);
}

/* Call when the socket closes: its entry goes to another one. */
static __always_inline void close_tls_socket(struct connection_state *state) {
  __u32 index = state->tls_stream;
  struct tls_stream *stream = stream_at(index);
  state->carries_tls = 0;
  state->hides_bytes = 0;
  state->tls_looks = 0;
  if (!stream) return;
  struct tls_object_key key = stream->bound_to;
  struct tls_object *known = key.object ? bpf_map_lookup_elem(&tls_objects, &key) : 0;
  if (known && known->carrier == stream->carrier) bpf_map_delete_elem(&tls_objects, &key);
  end_plaintext(stream);
  stream->carrier = 0;
  bpf_map_push_elem(&free_tls_streams, &index, BPF_ANY);
}

/* From now on the object's plaintext is that of this stream. */
__weak __noinline int bind_object(struct tls_stream *stream, __u32 index,
                                  const struct tls_object_key *key, __u32 binding) {
  if (!stream || !key) return 0;
  struct tls_object *known = bpf_map_lookup_elem(&tls_objects, key);
  struct tls_stream *before = stream_of(known, key);
  if (before && before != stream) end_plaintext(before);
  if (known && known->missed) stream->from_start = 0;
  /* After fork() the child goes on with the object of its parent. */
  if (stream->bound_to.object == key->object) {
    if (stream->binding > binding) binding = stream->binding;
  } else if (stream->bound_to.object) {
    end_plaintext(stream);
  }
  struct tls_object bound = {.carrier = stream->carrier, .stream = index};
  if (bpf_map_update_elem(&tls_objects, key, &bound, BPF_ANY)) {
    note(kNoteTlsFull);
    return 0;
  }
  stream->bound_to = *key;
  stream->binding = binding;
  return 0;
}
