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

struct payload_scratch {
  struct event_data event;
  __u8 bytes[2 * kRecordHeadBytes + kTailBytes]; /* half of it slack: the verifier adds up bounds */
};

static __always_inline bool read_piece(const struct user_buffer *buffer, __u32 index,
                                       struct user_iovec *piece) {
  const struct user_iovec *from = buffer->iov + index;
  return (buffer->iov_in_kernel ? bpf_probe_read_kernel(piece, sizeof(*piece), from)
                                : bpf_probe_read_user(piece, sizeof(*piece), from)) == 0;
}
