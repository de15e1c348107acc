/* SPDX-License-Identifier: GPL-2.0
 * A connection whose bytes are frames: of a long call, headers and frames of wanted types are copied
 * wherever they stand, in as many records as it takes; the content of all others is passed over by
 * its length. What a frame looks like, `frame_walk` says; the protocol is user space's affair. The same
 * for the bytes of a socket and for plaintext of TLS. */
#pragma once

#include "probes/kernel_lib/user_buffer.bpf.h"

enum {
  kMaxWalkSteps = 4096,        /* of one call, some 50 ns each: a frame takes two, a piece of a vector one */
  kWalkBudgetBytes = 262144,   /* copied of the frames that begin in one call, headers not counted */
  kWorthWalking = 2048,        /* of a shorter call all is copied, at once */
  kWorthPassingOver = 512,     /* shorter content is copied: a record costs more */
  kFoundHeaders = 2,           /* that fit behind each other: here a frame begins */
};

static __always_inline long fail_step(struct frame_steps *steps) {
  steps->failed = 1;
  return 1;
}

static __always_inline __u32 smaller(__u32 a, __u32 b) { return a < b ? a : b; }

static __always_inline long next_piece(struct frame_steps *steps) {
  struct user_iovec piece;
  if (!steps->buffer.iov || steps->piece_index >= steps->buffer.iov_count)
    return fail_step(steps);
  if (!read_piece(&steps->buffer, steps->piece_index, &piece)) return fail_step(steps);
  __u64 left = steps->total - steps->at;
  steps->piece_index++;
  steps->base = piece.base;
  steps->piece_begin = steps->at;
  steps->piece_end = steps->at + (__u32)(piece.length < left ? piece.length : left);
  return 0;
}

/* What was passed over since belongs to the record, as bytes that were not copied. */
static __always_inline void write_piece(struct payload_scratch *scratch) {
  struct frame_steps *steps = &scratch->steps;
  struct event_data *event = &scratch->event;
  __u32 length = steps->at - steps->begin;
  __u32 size = sizeof(*event) + steps->copied;
  barrier_var(size);
  if (size > kMaxRecordBytes) return;
  event->head_bytes = steps->copied;
  event->total_bytes = length;
  event->header.size = size;
  write_record(scratch, size, steps->announced);
  event->offset += length;
  steps->begin = steps->at;
  steps->copied = 0;
}

static __always_inline bool copy_here(struct payload_scratch *scratch, __u32 bytes) {
  struct frame_steps *steps = &scratch->steps;
  bool follows = steps->begin + steps->copied == steps->at;
  if (!follows || steps->copied + bytes > kRecordHeadBytes) write_piece(scratch);
  __u32 to = steps->copied;
  barrier_var(to);
  if (to > kRecordHeadBytes) return false;
  barrier_var(bytes);
  if (bytes > kRecordHeadBytes) return false;
  const void *from = steps->base + (steps->at - steps->piece_begin);
  if (bpf_probe_read_user(scratch->bytes + to, bytes, from)) return false;
  steps->copied = to + bytes;
  return true;
}

static __always_inline bool read_here(struct payload_scratch *scratch, void *to, __u32 bytes) {
  struct frame_steps *steps = &scratch->steps;
  __u32 at = steps->at;
  if (!steps->from_scratch)
    return bpf_probe_read_user(to, bytes, steps->base + (at - steps->piece_begin)) == 0;
  barrier_var(at);
  if (at > kRecordHeadBytes) return false;
  return bpf_probe_read_kernel(to, bytes, scratch->bytes + at) == 0;
}

static __always_inline long begin_frame(struct frame_steps *steps) {
  struct frame_state *frame = &steps->frame;
  __u32 length = 0;
  for (__u32 i = 0; i < kMaxFrameLengthBytes; i++) {
    if (i < frame_walk.length_bytes)
      length = length << 8 | frame->header[(frame_walk.length_at + i) % kMaxFrameHeaderBytes];
  }
  __u32 type = frame->header[frame_walk.type_at % kMaxFrameHeaderBytes];
  frame->header_bytes = 0;
  if (type >= kMaxFrameTypes || !((frame_walk.known_types >> type) & 1)) return fail_step(steps);
  if (steps->finds && length > frame_walk.max_found_bytes) return fail_step(steps);
  steps->headers++;
  bool is_wanted = ((frame_walk.wanted_types >> type) & 1) || length <= kWorthPassingOver;
  __u32 wanted = is_wanted ? length : smaller(length, frame_walk.other_bytes);
  wanted = smaller(wanted, kWalkBudgetBytes);
  __u32 here = smaller(wanted, steps->total - steps->at);
  if (here > steps->budget) wanted = here = steps->budget;
  steps->budget -= here;
  frame->wanted = wanted;
  frame->left = length;
  return steps->finds && steps->headers == kFoundHeaders;
}

static __always_inline long take_header(struct payload_scratch *scratch, __u32 room) {
  struct frame_steps *steps = &scratch->steps;
  struct frame_state *frame = &steps->frame;
  __u32 have = frame->header_bytes;
  barrier_var(have);
  if (have >= kMaxFrameHeaderBytes || have >= frame_walk.header_bytes) return fail_step(steps);
  __u32 bytes = smaller(frame_walk.header_bytes - have, room);
  barrier_var(bytes);
  if (bytes > kMaxFrameHeaderBytes) return fail_step(steps);
  if (!read_here(scratch, frame->header + have, bytes)) return fail_step(steps);
  if (steps->copies && !copy_here(scratch, bytes)) return fail_step(steps);
  steps->at += bytes;
  frame->header_bytes = have + bytes;
  return have + bytes == frame_walk.header_bytes ? begin_frame(steps) : 0;
}

struct frame_walker {
  struct payload_scratch *scratch;
};

static long walk_step(__u32 index, struct frame_walker *walker) {
  struct payload_scratch *scratch = walker->scratch;
  struct frame_steps *steps = &scratch->steps;
  if (steps->at >= steps->total) return 1;
  if (steps->at >= steps->piece_end) return next_piece(steps);
  struct frame_state *frame = &steps->frame;
  __u32 room = steps->piece_end - steps->at;
  if (frame->wanted) {
    __u32 bytes = smaller(smaller(frame->wanted, room), kRecordHeadBytes);
    if (steps->copies && !copy_here(scratch, bytes)) return fail_step(steps);
    frame->wanted -= bytes;
    frame->left -= bytes;
    steps->at += bytes;
    return 0;
  }
  __u32 passed = smaller(frame->left, room);
  frame->left -= passed;
  steps->at += passed;
  return room == passed ? 0 : take_header(scratch, room - passed);
}

/* False: these were no frames, or too many. Not static, and what it knows lies in the scratch, not on the
 * stack: the kernel verifies it once, for all that may be there, in place of each way that leads to it. */
__weak __noinline int walk_scratch(struct payload_scratch *scratch) {
  if (!scratch) return 0;
  struct frame_walker walker = {.scratch = scratch};
  bpf_loop(kMaxWalkSteps, walk_step, &walker, 0);
  return !scratch->steps.failed;
}

/* buffer: 0 where the call is copied already. What the walk makes of the frame, walk() hands back. */
static __always_inline struct frame_steps *prepare_walk(struct payload_scratch *scratch,
                                                        const struct frame_state *frame,
                                                        const struct user_buffer *buffer) {
  struct frame_steps *steps = &scratch->steps;
  __builtin_memset(steps, 0, sizeof(*steps));
  steps->frame = *frame;
  steps->total = scratch->event.total_bytes;
  steps->budget = kWalkBudgetBytes;
  if (buffer) steps->buffer = *buffer;
  steps->from_scratch = !buffer;
  if (!steps->buffer.iov) {
    steps->base = steps->buffer.base;
    steps->piece_end = steps->total;
  }
  return steps;
}

static __always_inline bool walk(struct payload_scratch *scratch, struct frame_state *frame) {
  bool are_frames = walk_scratch(scratch);
  *frame = scratch->steps.frame;
  return are_frames && scratch->steps.at >= scratch->steps.total;
}

static __always_inline void begin_frames(struct frame_state *frame, __u32 bytes_before) {
  frame->left = bytes_before;
  frame->wanted = 0;
  frame->header_bytes = 0;
  frame->synced = 1;
}

/* Where the walk has lost the frames, or never had them: a call often begins with one. */
static __always_inline bool find_frames(struct payload_scratch *scratch, struct frame_state *frame,
                                        const struct user_buffer *buffer) {
  begin_frames(frame, 0);
  struct frame_steps *steps = prepare_walk(scratch, frame, buffer);
  steps->finds = 1;
  return walk_scratch(scratch) && (steps->headers >= kFoundHeaders ||
                                   (steps->headers && !steps->frame.left && !steps->frame.header_bytes));
}

/* What nobody copied, or was not a call, may have been content. */
static __always_inline void pass_over_hole(struct frame_state *frame, __u64 offset) {
  __u64 hole = offset - frame->next;
  if (!hole) return;
  if (hole > frame->left) {
    frame->synced = 0;
    return;
  }
  frame->left -= hole;
  frame->wanted = hole < frame->wanted ? frame->wanted - hole : 0;
}

static __always_inline void walk_copied(struct payload_scratch *scratch, struct frame_state *frame) {
  prepare_walk(scratch, frame, 0);
  if (!walk(scratch, frame)) frame->synced = 0;
}

static __always_inline void pass_over_call(const struct payload_scratch *scratch,
                                           struct frame_state *frame) {
  const struct event_data *event = &scratch->event;
  pass_over_hole(frame, event->offset);
  frame->next = event->offset + event->total_bytes;
}

/* Call before a call's bytes are walked. False: nobody knows where in them a frame begins. */
static __always_inline bool reach_frames(struct payload_scratch *scratch, struct frame_state *frame,
                                         const struct user_buffer *buffer) {
  pass_over_call(scratch, frame);
  if (!frame->synced) frame->synced = find_frames(scratch, frame, buffer);
  return frame->synced;
}

/* Writes all records of the call but the last, which stays in the scratch; returns what is copied of it. */
static __always_inline __u32 copy_walked(struct payload_scratch *scratch, struct frame_state *frame,
                                         const struct user_buffer *buffer, bool announced) {
  struct event_data *event = &scratch->event;
  struct frame_steps *steps = prepare_walk(scratch, frame, buffer);
  steps->copies = 1;
  steps->announced = announced;
  if (!walk(scratch, frame)) frame->synced = 0;
  event->total_bytes = steps->total - steps->begin;
  event->head_bytes = steps->copied;
  return steps->copied;
}

/* After is_framed_opening(): what follows the opening is still to be walked. frames: of both directions. */
static __always_inline void begin_framed(const struct event_data *event, struct capture_budget *budget,
                                         struct frame_state *frames, __u32 direction) {
  struct frame_state *frame = &frames[direction % kDirections];
  budget->framed = 1;
  begin_frames(frame, frame_walk.opening_bytes);
  frame->wanted = frame_walk.opening_bytes;
  frame->next = 0;
  if (event->other_offset == 0) begin_frames(&frames[(direction + 1) % kDirections], 0);
}
