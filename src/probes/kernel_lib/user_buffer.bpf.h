/* SPDX-License-Identifier: GPL-2.0
 * The memory of a watched process that a call has filled or read, and the record that is made of it. */
#pragma once

#include "probes/kernel_lib/connection.bpf.h"

struct user_buffer {
  struct user_iovec *iov; /* 0: one plain buffer at `base` */
  __u32 iov_count;
  __u32 iov_in_kernel; /* the vector itself; what it points to never is */
  void *base;
  void *socket; /* whose call it is: its struct sock */
};

/* A walk over the frames of a call, frames.bpf.h. */
struct frame_steps {
  struct frame_state frame;
  struct user_buffer buffer;
  const void *base; /* of the piece of the vector that holds `at` */
  __u32 piece_begin; /* positions in the call, as all below */
  __u32 piece_end;
  __u32 piece_index; /* of the next */
  __u32 at;
  __u32 total;
  __u32 begin; /* of the record that is being filled; `copied` bytes from here on are in it */
  __u32 copied;
  __u32 budget;
  __u32 headers; /* whole ones, so far */
  __u8 from_scratch; /* the call is copied already */
  __u8 copies;
  __u8 finds; /* is this the beginning of frames? */
  __u8 failed;
  __u8 announced; /* is the connection */
};

struct payload_scratch {
  struct event_data event;
  __u8 bytes[2 * kRecordHeadBytes + kTailBytes]; /* half of it slack: the verifier adds up bounds */
  struct frame_steps steps;
};

static __always_inline bool read_piece(const struct user_buffer *buffer, __u32 index,
                                       struct user_iovec *piece) {
  const struct user_iovec *from = buffer->iov + index;
  return (buffer->iov_in_kernel ? bpf_probe_read_kernel(piece, sizeof(*piece), from)
                                : bpf_probe_read_user(piece, sizeof(*piece), from)) == 0;
}
