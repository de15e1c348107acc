/* SPDX-License-Identifier: GPL-2.0
 * Records of plaintext: as those of a socket, out of the buffer of a call that has just ended. */
#pragma once

#include "probes/kernel_lib/frames.bpf.h"
#include "probes/tls/tls_stream.bpf.h"

struct tls_scratch {
  __u64 in_use;
  struct payload_scratch payload;
};

/* key: CPU * kTlsScratchDepth + how many programs of this CPU are writing: a uprobe program stays on its
 * CPU, but the task may be preempted and the next one hit a probe, too. The loader sets the size. */
enum { kTlsScratchDepth = 2 };
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, kTlsScratchDepth);
  __type(key, __u32);
  __type(value, struct tls_scratch);
} tls_scratch_by_cpu __weak SEC(".maps");

static __always_inline struct tls_scratch *take_tls_scratch(void) {
  for (__u32 depth = 0; depth < kTlsScratchDepth; ++depth) {
    __u32 key = bpf_get_smp_processor_id() * kTlsScratchDepth + depth;
    struct tls_scratch *scratch = bpf_map_lookup_elem(&tls_scratch_by_cpu, &key);
    if (scratch && !__sync_lock_test_and_set(&scratch->in_use, 1)) return scratch;
  }
  return 0;
}

/* As announce() of connection.bpf.h. */
static __always_inline bool announce_plaintext(struct tls_stream *stream, struct task_struct *task) {
  struct capture_budget *budget = &stream->budget;
  if (budget->announced) return true;
  take_slot(budget);
  struct event_open *event = bpf_ringbuf_reserve(&data_ring, sizeof(*event), 0);
  if (!event) {
    count_lost(kEventOpen, kLossRingFull);
    finish_record(kEventOpen);
    return false;
  }
  fill_header(&event->header, kEventOpen, sizeof(*event), budget->id);
  fill_key(&event->process, task);
  __builtin_memcpy(event->local_address, stream->local_address, sizeof(event->local_address));
  __builtin_memcpy(event->remote_address, stream->remote_address, sizeof(event->remote_address));
  event->local_port = stream->local_port;
  event->remote_port = stream->remote_port;
  event->netns_inode = stream->netns_inode;
  event->slot = budget->slot;
  event->slot_generation = budget->slot_generation;
  event->role = stream->role;
  event->seen_from_start = stream->from_start;
  event->padding = 0;
  event->padding2 = 0;
  event->carrier = stream->carrier;
  budget->announced = 1;
  bpf_ringbuf_submit(event, wakeup_flags());
  finish_record(kEventOpen);
  return true;
}

/* Plaintext, in one place: memory of the process, or what was kept of it in a map. */
struct tls_source {
  __u64 user;
  const void *kept; /* 0: it is the former */
};

static __always_inline long read_source(void *to, __u32 bytes, const struct tls_source *from,
                                        __u32 at) {
  if (!from->kept) return bpf_probe_read_user(to, bytes, (void *)(from->user + at));
  barrier_var(at);
  return at > kRecordHeadBytes ? -1 : bpf_probe_read_kernel(to, bytes, from->kept + at);
}

/* The first `wanted` bytes of the source and its last ones; returns how many those are together. */
static __always_inline __u32 copy_ends(struct payload_scratch *scratch, const struct tls_source *source,
                                       __u32 wanted, __u32 total) {
  scratch->event.head_bytes = 0;
  scratch->event.flags = kDataUnreadable;
  barrier_var(wanted);
  if (wanted > kRecordHeadBytes) wanted = kRecordHeadBytes;
  if (read_source(scratch->bytes, wanted, source, 0)) {
    note(kNoteUnreadable);
    return 0;
  }
  scratch->event.head_bytes = wanted;
  scratch->event.flags = 0;
  __u32 tail = total - wanted;
  if (!tail) return wanted;
  if (tail > kTailBytes) tail = kTailBytes;
  barrier_var(tail);
  if (tail > kTailBytes) return wanted;
  __u32 at = wanted;
  barrier_var(at);
  if (at > kRecordHeadBytes) return wanted;
  return read_source(scratch->bytes + at, tail, source, total - tail) ? wanted : at + tail;
}

/* What is copied whole. */
static __always_inline __u32 copy_short_frames(struct payload_scratch *scratch,
                                               struct frame_state *frame,
                                               const struct tls_source *source) {
  __u32 total = scratch->event.total_bytes;
  __u32 copied = copy_ends(scratch, source, total, total);
  if (copied == total && frame->synced) walk_copied(scratch, frame);
  else frame->synced = 0;
  return copied;
}

/* As copy_ends(), of plaintext that is frames: as copy_frames() of a socket. Not static: the kernel verifies
 * it once; weak, as end_plaintext(). */
__weak __noinline __u32 copy_plaintext_frames(struct tls_stream *stream,
                                              struct payload_scratch *scratch, __u64 base,
                                              __u32 direction) {
  if (!stream || !scratch) return 0;
  struct frame_state *frame = &stream->frames[direction % kDirections];
  struct user_buffer buffer = {.base = (void *)base};
  struct tls_source source = {.user = base};
  __u32 total = scratch->event.total_bytes;
  if (!reach_frames(scratch, frame, &buffer))
    return copy_ends(scratch, &source, smaller(total, kRecordHeadBytes), total);
  if (total > kWorthWalking) return copy_walked(scratch, frame, &buffer, stream->budget.announced);
  return copy_short_frames(scratch, frame, &source);
}

/* REQUIRES: what was kept is no longer than a record. */
static __always_inline __u32 copy_source_frames(struct tls_stream *stream,
                                                struct payload_scratch *scratch,
                                                const struct tls_source *source, __u32 direction) {
  if (!source->kept) return copy_plaintext_frames(stream, scratch, source->user, direction);
  struct frame_state *frame = &stream->frames[direction % kDirections];
  pass_over_call(scratch, frame);
  return copy_short_frames(scratch, frame, source);
}

static __always_inline int emit_source(struct tls_stream *stream, __u64 goroutine, __u32 direction,
                                       const struct tls_source *source, __u32 bytes) {
  if (!stream || direction >= kDirections) return 0;
  struct task_struct *task = bpf_get_current_task_btf();
  __u64 offset = stream->next_offset[direction];
  stream->next_offset[direction] = offset + bytes;
  struct tls_scratch *scratch = take_tls_scratch();
  if (!scratch) {
    count_lost(kEventData, kLossRingFull);
    finish_record(kEventData);
    return 0;
  }
  struct event_data *event = &scratch->payload.event;
  event->offset = offset;
  event->other_offset = stream->next_offset[direction == kReceived ? kSent : kReceived];
  __u32 credit = take_credit(&stream->budget, direction);
  if (!stream->budget.ignored) {
    bool announced = announce_plaintext(stream, task);
    __u32 wanted = smaller(bytes, credit);
    event->arrival_ns = direction == kReceived && stream->role == kRoleServer ? stream->arrival_ns : 0;
    event->goroutine = goroutine;
    event->total_bytes = bytes;
    event->direction = direction;
    event->flags = 0;
    fill_header(&event->header, kEventData, sizeof(*event), stream->budget.id);
    fill_key(&event->process, task);
    __u32 copied = stream->budget.framed
                       ? copy_source_frames(stream, &scratch->payload, source, direction)
                       : copy_ends(&scratch->payload, source, wanted, bytes);
    if (!stream->budget.framed && is_framed_opening(event, scratch->payload.bytes)) {
      begin_framed(event, &stream->budget, stream->frames, direction);
      copied = copy_source_frames(stream, &scratch->payload, source, direction);
    }
    spend_credit(&stream->budget, direction, event->head_bytes);
    __u32 size = sizeof(*event) + copied;
    event->header.size = size;
    barrier_var(size);
    if (size <= kMaxRecordBytes) write_record(event, size, announced);
  }
  /* Not before the copy: the next hit on this CPU may write here. */
  __sync_lock_test_and_set(&scratch->in_use, 0);
  return 0;
}

/* What a call has moved: `bytes` of the buffer. Not static: the kernel verifies it once; weak, as
 * end_plaintext(). */
__weak __noinline int emit_plaintext(struct tls_stream *stream, __u64 goroutine, __u32 direction,
                                     __u64 buffer, __u32 bytes) {
  struct tls_source source = {.user = buffer};
  return emit_source(stream, goroutine, direction, &source, bytes);
}
