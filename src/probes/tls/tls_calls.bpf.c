/* SPDX-License-Identifier: GPL-2.0
 * Calls of TLS libraries. One program for all probes, unlike Go's dispatcher: there is one long body,
 * that of a call which has moved bytes, and no map of programs is looked into. */
#include "probes/tls/tls_emit.bpf.h"
#include "probes/tls/tls_thread.bpf.h"

char LICENSE[] __weak SEC("license") = "GPL";

/* What a record of application data has more than plaintext: content type and tag of TLS 1.3 (RFC 8446
 * 5.2); explicit nonce and tag of TLS 1.2's GCM (RFC 5288 3), its tag alone with ChaCha20 (RFC 7905 2);
 * with CBC the whole record is blocks, of IV, MAC of at least SHA-1 and at most SHA-384, and padding of
 * up to a block (RFC 5246 6.2.3.2). A peer that pads more stays unproven by length. */
enum {
  kTls13Overhead = 17,
  kTlsGcmOverhead = 24,
  kTlsTag = 16,
  kTlsBlock = 16,
  kTlsLeastCbcOverhead = 16 + 20 + 1,
  kTlsMostCbcOverhead = 16 + 48 + 16,
};
enum { kTlsFitsWanted = 2 };

/* A set of probes: one bit each. */
enum {
  kReads = 1 << kTlsReadEnter | 1 << kTlsReadExEnter | 1 << kTlsRecordRecvEnter |
           1 << kTlsReadInnerEnter,
  kWrites = 1 << kTlsWriteEnter | 1 << kTlsWriteExEnter | 1 << kTlsRecordSendEnter |
            1 << kTlsWriteInnerEnter | 1 << kTlsWriteFlagsEnter,
  /* The number of bytes is stored at a pointer. */
  kCountsByPointer = 1 << kTlsReadExEnter | 1 << kTlsWriteExEnter | 1 << kTlsReadInnerEnter |
                     1 << kTlsWriteInnerEnter | 1 << kTlsWriteFlagsEnter,
  kEnters = kReads | kWrites | 1 << kTlsHandshakeEnter | 1 << kTlsFreeEnter | 1 << kTlsShutdownEnter,
};

static __always_inline bool is_one_of(__u32 probe, __u32 probes) { return probes >> (probe & 31) & 1; }
static __always_inline bool is_read(__u32 enter) { return is_one_of(enter, kReads); }
static __always_inline bool is_write(__u32 enter) { return is_one_of(enter, kWrites); }
static __always_inline bool is_ex(__u32 enter) { return is_one_of(enter, kCountsByPointer); }

/* Memory BIO: the thread has received on a stream just before it turned to this object. With a write only if
 * the object has sent there: that of Node's clients is the call that ends the handshake. */
static __always_inline void guess_stream(struct tls_thread *thread, const struct tls_object_key *key,
                                         __u32 enter) {
  __u64 carrier = thread->received_carrier;
  __u32 index = thread->received_stream;
  struct tls_stream *stream = stream_at(index);
  bool has_sent = stream && stream->sent_by && stream->sent_by == key->object;
  if (is_write(enter) && !has_sent) return;
  thread->received_carrier = 0;
  if (!stream || stream->carrier != carrier || stream->binding == kTlsNested) return;
  struct tls_stream *now = stream_of(bpf_map_lookup_elem(&tls_objects, key), key);
  if (now == stream || (now && now->binding == kTlsNested)) return;
  /* An object may read what it was given before while another one's bytes wait; it is used for a new
   * connection when it makes a handshake after it had plaintext. */
  bool begins = enter == kTlsHandshakeEnter && !stream->bound_to.object && now &&
                (now->next_offset[kReceived] || now->next_offset[kSent]);
  if (now && now->binding == kTlsProven && !begins) return;
  bool same = stream->bound_to.object == key->object;
  if (stream->binding == kTlsProven && !same) return;
  bind_object(stream, index, key, has_sent ? kTlsProven : kTlsGuessed);
}

static __always_inline void on_free(struct tls_thread *thread, const struct tls_object_key *key) {
  struct tls_object *known = bpf_map_lookup_elem(&tls_objects, key);
  if (thread->wrote == key->object) thread->wrote = 0;
  if (!known) return;
  struct tls_stream *stream = stream_of(known, key);
  if (stream) end_plaintext(stream);
  bpf_map_delete_elem(&tls_objects, key);
}

static __always_inline void on_shutdown(const struct tls_object_key *key) {
  struct tls_stream *stream = stream_of(bpf_map_lookup_elem(&tls_objects, key), key);
  if (stream) end_plaintext_sends(stream);
}

static __always_inline void on_enter(const struct pt_regs *ctx, __u32 enter,
                                     struct task_struct *task) {
  struct tls_thread *thread =
      bpf_task_storage_get(&tls_threads, task, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
  if (!thread) {
    note(kNoteNoStorage);
    return;
  }
  struct tls_object_key key;
  if (enter == kTlsFreeEnter) {
    fill_object_key(&key, ctx->di, task);
    on_free(thread, &key);
    return;
  }
  struct tls_call *call = begin_call(thread, ctx->sp);
  /* Read one by one: the verifier takes no computed place in the context. */
  __u64 fourth = ctx->cx, fifth = ctx->r8;
  barrier_var(fourth);
  barrier_var(fifth);
  call->object = ctx->di;
  call->buffer = ctx->si;
  call->wanted = ctx->dx;
  call->count_at = fourth;
  if (enter == kTlsWriteFlagsEnter) call->count_at = fifth;
  call->stack = ctx->sp;
  call->enter = enter;
  if (enter == kTlsShutdownEnter) {
    fill_object_key(&key, ctx->di, task);
    on_shutdown(&key);
  } else if (thread->received_carrier) {
    fill_object_key(&key, ctx->di, task);
    guess_stream(thread, &key, enter);
  }
}

/* How many bytes the call has moved; 0: none, or more than can be. */
static __always_inline __u32 moved_bytes(const struct pt_regs *ctx, const struct tls_call *call,
                                          __u32 enter) {
  __s64 bytes = (__s32)ctx->ax;
  __u64 wanted = (__u32)call->wanted;
  if (enter == kTlsRecordRecvEnter || enter == kTlsRecordSendEnter) {
    bytes = (__s64)ctx->ax;
    wanted = call->wanted;
  } else if (is_ex(enter)) {
    if (bytes != 1) return 0;
    wanted = call->wanted;
    if (bpf_probe_read_user(&bytes, sizeof(bytes), (void *)call->count_at)) return 0;
  }
  return bytes > 0 && (__u64)bytes <= wanted && bytes <= 0xffffffff ? (__u32)bytes : 0;
}

static __always_inline bool is_record_of(__u32 length, __u32 bytes) {
  __u32 more = length - bytes;
  if (more == kTls13Overhead || more == kTlsGcmOverhead || more == kTlsTag) return true;
  return length % kTlsBlock == 0 && more >= kTlsLeastCbcOverhead && more <= kTlsMostCbcOverhead;
}

/* Whether one of the records that came last was these bytes. Not static: the kernel verifies it once. */
__noinline int fits_tls_records(struct tls_stream *stream, __u32 bytes) {
  int fits = 0;
  if (!stream) return 0;
  for (__u32 at = 0; at < kTlsLengths; ++at) {
    if (at < stream->lengths_seen && is_record_of(stream->lengths[at], bytes)) fits = 1;
  }
  return fits;
}

/* Its plaintext is passed over: what comes later does not begin at the beginning. */
static __always_inline void pass_over(const struct tls_object_key *key) {
  note(kNoteTlsUnbound);
  struct tls_object *known = bpf_map_lookup_elem(&tls_objects, key);
  if (known) {
    known->missed = 1;
    return;
  }
  struct tls_object object = {.missed = 1};
  bpf_map_update_elem(&tls_objects, key, &object, BPF_NOEXIST);
}

/* Whether the object is surely that of the stream. A guess is proven by what it reads, and one length may
 * fit by chance. */
static __always_inline bool prove(struct tls_stream *stream, __u32 direction, __u32 bytes) {
  if (stream->binding >= kTlsProven) return true;
  stream->from_start = 0;
  if (direction == kSent) return false;
  if (!fits_tls_records(stream, bytes)) {
    note(kNoteTlsMisfit);
    end_plaintext(stream);
  } else if (++stream->fits == kTlsFitsWanted) {
    stream->binding = kTlsProven;
    return true;
  }
  return false;
}

static __always_inline struct tls_stream *find_stream(struct tls_thread *thread,
                                                      const struct tls_object_key *key) {
  if (thread->recent_object == key->object) {
    struct tls_stream *recent = stream_at(thread->recent_stream);
    if (recent && recent->carrier && is_same_object(&recent->bound_to, key)) return recent;
  }
  struct tls_object *known = bpf_map_lookup_elem(&tls_objects, key);
  struct tls_stream *stream = stream_of(known, key);
  if (!stream) return 0;
  thread->recent_object = key->object;
  thread->recent_stream = known->stream;
  return stream;
}

static __always_inline void on_bytes(struct tls_thread *thread, const struct pt_regs *ctx,
                                     const struct tls_call *call,
                                     struct task_struct *task, __u32 direction, __u32 bytes) {
  struct tls_object_key key;
  fill_object_key(&key, call->object, task);
  struct tls_stream *stream = find_stream(thread, &key);
  if (!stream || !prove(stream, direction, bytes)) {
    pass_over(&key);
    return;
  }
  if (stream->budget.ignored) return;
  emit_plaintext(stream, ctx->r14, direction, call->buffer, bytes);
}

static __always_inline void on_exit(const struct pt_regs *ctx, __u32 exit,
                                    struct task_struct *task) {
  struct tls_thread *thread = bpf_task_storage_get(&tls_threads, task, 0, 0);
  struct tls_call *call = thread ? end_call(thread, exit) : 0;
  __u32 enter = exit - 1;
  if (!call) { /* it had begun before the probes stood */
    if (has_ended_before(thread, exit)) return;
    if ((is_read(enter) || is_write(enter)) && (__s32)ctx->ax > 0) note(kNoteTlsUnbound);
    return;
  }
  thread->ended_by = exit;
  __u32 direction = is_read(enter) ? kReceived : kSent;
  __u32 bytes = is_read(enter) || is_write(enter) ? moved_bytes(ctx, call, enter) : 0;
  /* What a read leaves to be sent is part of a handshake, and then it has no bytes. */
  thread->wrote = bytes && direction == kReceived ? 0 : call->object;
  if (bytes) on_bytes(thread, ctx, call, task, direction, bytes);
}

/* A probe that stands in every process was hit in one that is none of ours. The agent is told of it now and
 * then, and takes such probes away where it happens often. */
static __always_inline void count_stranger(struct task_struct *task, __u32 library) {
  barrier_var(library);
  if (library > kTlsSharedLibraries) return;
  __u64 before = __sync_fetch_and_add(&tls_stranger_hits[library], 1);
  if (before % kStrangerBatch == kStrangerBatch - 1) emit_process(task, kTlsStrangers, library, 0, 0);
}

/* All points of a process hang on one link, see docs/design/0014. */
SEC("uprobe.multi")
int tls_call(struct pt_regs *ctx) {
  struct task_struct *task = bpf_get_current_task_btf();
  __u32 cookie = bpf_get_attach_cookie(ctx);
  __u32 probe = cookie & ((1 << kTlsLibraryShift) - 1);
  __u32 library = cookie >> kTlsLibraryShift;
  if (!is_tls_probed(task->tgid)) {
    if (library) count_stranger(task, library);
    return 0;
  }
  if (library && has_own_tls(task->tgid)) return 0;
  if (is_one_of(probe, kEnters))
    on_enter(ctx, probe, task);
  else
    on_exit(ctx, probe, task);
  return 0;
}
