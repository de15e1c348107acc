/* SPDX-License-Identifier: GPL-2.0
 * Finding and copying the user buffer of the socket call that is just returning: its arguments
 * are still in the task's saved registers, its pages are resident. */
#pragma once

#include "probes/kernel_lib/connection.bpf.h"

/* x86-64 system call numbers, arch/x86/entry/syscalls/syscall_64.tbl. */
enum syscall_number { kSysRead = 0, kSysWrite = 1, kSysReadv = 19, kSysWritev = 20, kSysSendto = 44, kSysRecvfrom = 45, kSysSendmsg = 46, kSysRecvmsg = 47 };
enum { kPfKthread = 0x00200000, kPfIoWorker = 0x10, kTsCompat = 0x2, kMaxIovecs = 8, kMaxMaskedBytes = 8191 };

struct payload_scratch {
  struct event_data event;
  __u8 bytes[8192 + kTailBytes]; /* kRecordHeadBytes used; the slack lets the verifier mask offsets */
};

/* key: direction. The two programs never nest in themselves: the kernel guards against it. */
struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, kDirections);
  __type(key, __u32);
  __type(value, struct payload_scratch);
} scratch_by_dir SEC(".maps");

struct user_buffer {
  struct user_iovec *iov;
  __u32 iov_count; /* 0: one plain buffer at `base` */
  void *base;
};

static __always_inline bool is_this_socket(struct task_struct *task, struct sock *sk, __u64 fd) {
  struct fdtable *table = task->files->fdt;
  if (fd >= table->max_fds) return false;
  struct file **files = table->fd;
  struct file *file = 0;
  bpf_probe_read_kernel(&file, sizeof(file), files + fd);
  return file && file == sk->sk_socket->file;
}

/* False: the buffer cannot be told from the registers (io_uring, sendfile, 32-bit tasks ...). */
static __always_inline bool find_buffer(struct user_buffer *buffer, struct task_struct *task,
                                        struct sock *sk, __u32 direction) {
  if ((task->flags & kPfIoWorker) || (task->thread_info.status & kTsCompat)) return false;
  struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(task);
  __u64 number = regs->orig_ax;
  if (!is_this_socket(task, sk, regs->di)) return false;
  if (number == (direction == kReceived ? kSysRead : kSysWrite) ||
      number == (direction == kReceived ? kSysRecvfrom : kSysSendto)) {
    buffer->base = (void *)regs->si;
    return true;
  }
  if (number == (direction == kReceived ? kSysReadv : kSysWritev)) {
    buffer->iov = (struct user_iovec *)regs->si;
    buffer->iov_count = regs->dx;
    return true;
  }
  if (number != (direction == kReceived ? kSysRecvmsg : kSysSendmsg)) return false;
  struct user_message message;
  if (bpf_probe_read_user(&message, sizeof(message), (void *)regs->si)) return false;
  buffer->iov = message.iov;
  buffer->iov_count = message.iov_count;
  return true;
}

static __always_inline __u32 copy_plain(struct payload_scratch *scratch, const void *base,
                                        __u32 wanted) {
  barrier_var(wanted);
  if (wanted > kRecordHeadBytes) wanted = kRecordHeadBytes;
  return bpf_probe_read_user(scratch->bytes, wanted, base) ? 0 : wanted;
}

/* Copies the first `wanted` bytes over the vector; stops at the first unreadable piece. */
static __always_inline __u32 copy_vector(struct payload_scratch *scratch,
                                         const struct user_buffer *buffer, __u32 wanted) {
  __u32 copied = 0;
  for (__u32 i = 0; i < kMaxIovecs; ++i) {
    struct user_iovec piece;
    if (i >= buffer->iov_count || copied >= wanted) break;
    if (bpf_probe_read_user(&piece, sizeof(piece), &buffer->iov[i])) break;
    __u64 length = piece.length;
    if (length > wanted - copied) length = wanted - copied;
    __u32 bounded = (__u32)length;
    barrier_var(bounded);
    if (bounded > kRecordHeadBytes) break;
    __u32 at = copied;
    barrier_var(at);
    if (at > kRecordHeadBytes - 1) break;
    if (bpf_probe_read_user(scratch->bytes + at, bounded, piece.base)) break;
    copied += bounded;
  }
  return copied;
}

static __always_inline __u32 copy_head(struct payload_scratch *scratch,
                                       const struct user_buffer *buffer, __u32 wanted) {
  if (wanted > kRecordHeadBytes) wanted = kRecordHeadBytes;
  return buffer->iov ? copy_vector(scratch, buffer, wanted) : copy_plain(scratch, buffer->base, wanted);
}

/* The last piece of a vector that was used whole; false if it was not, or is too long to walk. */
static __always_inline bool find_last_piece(const struct user_buffer *buffer, __u32 total,
                                            struct user_iovec *piece) {
  __u64 sum = 0;
  for (__u32 i = 0; i < kMaxIovecs; ++i) {
    if (i >= buffer->iov_count) break;
    if (bpf_probe_read_user(piece, sizeof(*piece), &buffer->iov[i])) return false;
    sum += piece->length;
  }
  return sum == total;
}

/* The end of what was transferred, behind the head in the record. */
static __always_inline __u32 copy_tail(struct payload_scratch *scratch,
                                       const struct user_buffer *buffer, __u32 head, __u32 total) {
  if (total <= head) return 0;
  __u32 tail = total - head;
  if (tail > kTailBytes) tail = kTailBytes;
  struct user_iovec last = {.base = buffer->base, .length = total};
  if (buffer->iov && !find_last_piece(buffer, total, &last)) return 0;
  if (tail > last.length) tail = last.length;
  __u32 at = head;
  barrier_var(at);
  if (at > kRecordHeadBytes) return 0;
  barrier_var(tail);
  if (tail > kTailBytes) return 0;
  return bpf_probe_read_user(scratch->bytes + at, tail, last.base + (last.length - tail)) ? 0 : tail;
}
