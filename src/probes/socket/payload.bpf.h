/* SPDX-License-Identifier: GPL-2.0
 * Finding and copying the user buffer of the socket call that is just returning: its arguments
 * are still in the task's saved registers or in its io_uring request, its pages are resident. */
#pragma once

#include "probes/socket/data_record.bpf.h"
#include "probes/socket/uring.bpf.h"

/* x86-64 system call numbers, arch/x86/entry/syscalls/syscall_64.tbl. */
enum syscall_number { kSysRead = 0, kSysWrite = 1, kSysReadv = 19, kSysWritev = 20, kSysSendto = 44, kSysRecvfrom = 45, kSysSendmsg = 46, kSysRecvmsg = 47 };
enum { kTsCompat = 0x2, kMaxIovecs = 1024 /* UIO_MAXIOV, include/uapi/linux/uio.h */ };

/* Asked once a transfer: each call of a helper is dear, see docs/design/0007-hot-path.md. */
static __always_inline const struct pt_regs *registers_of(struct task_struct *task) {
  return (const struct pt_regs *)bpf_task_pt_regs(task);
}

/* As file_at(), without a call: any kernel struct that begins with a pointer serves as the type of an
 * element of the table. */
static __always_inline bool is_file_at(const struct file *file, struct task_struct *task, __u64 fd) {
  struct fdtable *table = task->files->fdt;
  if (fd >= table->max_fds) return false;
  const struct list_head *element = CAST_TO_KERNEL(struct list_head, table->fd + fd);
  return (unsigned long)element->next == (unsigned long)file;
}

/* False: the buffer cannot be told from the registers (io_uring, sendfile, 32-bit tasks ...). */
static __always_inline bool find_call_buffer(struct user_buffer *buffer, struct task_struct *task,
                                             const struct pt_regs *regs, struct sock *sk,
                                             __u32 direction) {
  if ((task->flags & kPfIoWorker) || (task->thread_info.status & kTsCompat)) return false;
  __u64 number = regs->orig_ax;
  if (!is_inside_call(regs) || !is_file_at(sk->sk_socket->file, task, regs->di)) return false;
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
  return find_message_buffer(buffer, (void *)regs->si);
}

static __always_inline __u32 copy_plain(struct payload_scratch *scratch, const void *base,
                                        __u32 wanted) {
  barrier_var(wanted);
  if (wanted > kRecordHeadBytes) wanted = kRecordHeadBytes;
  return bpf_probe_read_user(scratch->bytes, wanted, base) ? 0 : wanted;
}

struct vector_copy {
  struct payload_scratch *scratch;
  const struct user_buffer *buffer;
  __u32 wanted;
  __u32 copied;
};

static long copy_piece(__u32 index, struct vector_copy *copy) {
  struct user_iovec piece;
  if (index >= copy->buffer->iov_count || copy->copied >= copy->wanted) return 1;
  if (!read_piece(copy->buffer, index, &piece)) return 1;
  __u64 left = copy->wanted - copy->copied;
  __u32 bounded = (__u32)(piece.length < left ? piece.length : left);
  barrier_var(bounded);
  if (bounded > kRecordHeadBytes) return 1;
  __u32 at = copy->copied;
  barrier_var(at);
  if (at > kRecordHeadBytes - 1) return 1;
  if (bpf_probe_read_user(copy->scratch->bytes + at, bounded, piece.base)) return 1;
  copy->copied = at + bounded;
  return 0;
}

/* Copies the first `wanted` bytes over the vector; stops at the first unreadable piece. A callback,
 * since unrolled in the verifier the loop is too long for it. */
static __always_inline __u32 copy_vector(struct payload_scratch *scratch,
                                         const struct user_buffer *buffer, __u32 wanted) {
  struct vector_copy copy = {.scratch = scratch, .buffer = buffer, .wanted = wanted};
  bpf_loop(kMaxIovecs, copy_piece, &copy, 0);
  return copy.copied > kRecordHeadBytes ? 0 : copy.copied;
}

static __always_inline __u32 copy_head(struct payload_scratch *scratch,
                                       const struct user_buffer *buffer, __u32 wanted) {
  if (wanted > kRecordHeadBytes) wanted = kRecordHeadBytes;
  return buffer->iov ? copy_vector(scratch, buffer, wanted) : copy_plain(scratch, buffer->base, wanted);
}

struct end_search {
  const struct user_buffer *buffer;
  struct user_iovec piece;
  __u64 left; /* from the start of the piece to the end */
  bool found;
};

static long pass_piece(__u32 index, struct end_search *search) {
  struct user_iovec piece;
  if (index >= search->buffer->iov_count || !read_piece(search->buffer, index, &piece)) return 1;
  if (piece.length >= search->left) {
    search->piece.base = piece.base;
    search->piece.length = search->left;
    search->found = true;
    return 1;
  }
  search->left -= piece.length;
  return 0;
}

/* The used part of the piece in which the `total` bytes end; false if it is too far to walk. */
static __always_inline bool find_last_piece(const struct user_buffer *buffer, __u32 total,
                                            struct user_iovec *piece) {
  struct end_search search = {.buffer = buffer, .left = total};
  bpf_loop(kMaxIovecs, pass_piece, &search, 0);
  *piece = search.piece;
  return search.found;
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

enum { kShortVector = 2 };

/* Both entries are read at once. REQUIRES: the vector is not longer. */
static __always_inline __u32 copy_two_pieces(struct payload_scratch *scratch,
                                             const struct user_buffer *buffer, __u32 wanted) {
  struct user_iovec pieces[kShortVector] = {};
  __u32 size = buffer->iov_count * sizeof(pieces[0]);
  if (size > sizeof(pieces)) return 0;
  if (buffer->iov_in_kernel ? bpf_probe_read_kernel(pieces, size, buffer->iov)
                            : bpf_probe_read_user(pieces, size, buffer->iov))
    return 0;
  __u32 first = pieces[0].length < wanted ? pieces[0].length : wanted;
  first = copy_plain(scratch, pieces[0].base, first);
  if (first < pieces[0].length || first >= wanted) return first;
  __u64 left = wanted - first;
  __u32 second = pieces[1].length < left ? pieces[1].length : left;
  __u32 at = first;
  barrier_var(at);
  if (at > kRecordHeadBytes - 1) return first;
  barrier_var(second);
  if (second > kRecordHeadBytes) return first;
  return bpf_probe_read_user(scratch->bytes + at, second, pieces[1].base) ? first : at + second;
}

/* The usual message, whole, from a plain buffer or from head and body. The same as copy_payload(),
 * without its call. */
static __always_inline __u32 copy_short(struct payload_scratch *scratch,
                                        const struct user_buffer *buffer, __u32 bytes) {
  __u32 head = buffer->iov ? copy_two_pieces(scratch, buffer, bytes)
                           : copy_plain(scratch, buffer->base, bytes);
  scratch->event.head_bytes = head;
  return head;
}

/* Copies head and tail into the CPU's scratch; returns the bytes of both. The kernel verifies a
 * function that is not static for itself: once, not again for each way that leads to it. */
__noinline __u32 copy_payload(struct user_buffer *buffer, __u32 direction, __u32 wanted,
                              __u32 total) {
  struct payload_scratch *scratch = take_scratch(direction);
  if (!scratch || !buffer) return 0;
  __u32 head = copy_head(scratch, buffer, wanted);
  scratch->event.head_bytes = head;
  return head + copy_tail(scratch, buffer, head, total);
}

/* The same for the buffer of a call by io_uring. The kernel takes no pointer to its own structs as an
 * argument here; in the memory that one points to it may lie, and is a number. */
__noinline int find_uring_payload(struct user_buffer *buffer, __u32 direction, __u32 bytes) {
  if (!buffer) return 0;
  struct sock *sk = CAST_TO_KERNEL(struct sock, buffer->socket);
  return find_uring_buffer(buffer, bpf_get_current_task_btf(), sk, direction, bytes);
}
