/* SPDX-License-Identifier: GPL-2.0
 * The walk over frames, of a socket's calls. */
#pragma once

#include "probes/kernel_lib/frames.bpf.h"
#include "probes/socket/payload.bpf.h"

/* As copy_payload(), of a framed connection: writes all records of the call but the last, which stays
 * in the scratch. */
__noinline __u32 copy_frames(struct user_buffer *buffer, struct connection_state *state,
                             __u32 direction) {
  struct payload_scratch *scratch = take_scratch(direction);
  if (!scratch || !buffer || !state) return 0;
  struct frame_state *frame = &state->frames[direction % kDirections];
  __u32 total = scratch->event.total_bytes;
  if (!reach_frames(scratch, frame, buffer))
    return copy_payload(buffer, direction, kRecordHeadBytes, total);
  if (total > kWorthWalking) return copy_walked(scratch, frame, buffer, state->budget.announced);
  __u32 copied = copy_payload(buffer, direction, total, total);
  if (copied == total) walk_copied(scratch, frame);
  else frame->synced = 0;
  return copied;
}

/* The first call may hold long heads behind the opening: it is copied anew, as one of frames. */
static __always_inline __u32 copy_opening(struct user_buffer *buffer, struct connection_state *state,
                                          const struct event_data *event, __u32 direction) {
  begin_framed(event, &state->budget, state->frames, direction);
  return copy_frames(buffer, state, direction);
}
