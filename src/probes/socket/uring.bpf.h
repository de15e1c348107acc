/* SPDX-License-Identifier: GPL-2.0
 * The buffer of a socket call made by io_uring. Its request is remembered when it is issued
 * (uring.bpf.c) and read when the socket call returns. Only when `follow_io_uring` is set are the
 * kernel types of this file known to exist. */
#pragma once

#include "probes/kernel_lib/user_buffer.bpf.h"

extern void *bpf_rdonly_cast(const void *object, __u32 type_id) __ksym;
/* A pointer that was read as a number; a load through it yields 0 where there is no memory. Only
 * one object may use it: bpftool 7.1 cannot link an external function that two of them name. */
#define CAST_TO_KERNEL(type, pointer) \
  ((type *)bpf_rdonly_cast(pointer, bpf_core_type_id_kernel(type)))

/* include/uapi/linux/io_uring.h */
enum uring_operation {
  kUringReadv = 1,
  kUringWritev = 2,
  kUringReadFixed = 4,
  kUringWriteFixed = 5,
  kUringSendmsg = 9,
  kUringRecvmsg = 10,
  kUringRead = 22,
  kUringWrite = 23,
  kUringSend = 26,
  kUringRecv = 27,
  kUringSendZc = 47,
  kUringSendmsgZc = 48,
  kUringReadMultishot = 49,
};
enum { kUringRecvMultishot = 1 << 1, kUringBundle = 1 << 4, kMsgWaitall = 0x100 };
enum { kSysIoUringEnter = 426, kEnosys = 38, kPfIoWorker = 0x10 };

struct request_key {
  __u64 socket; /* its address */
  __u64 direction;
};

/* value: address of the io_uring request that is about to use the socket. Written when a
 * request is issued; deleted when it is done, if its end is seen; else the oldest goes. So many
 * requests wait at once before the oldest are counted as unreadable. */
struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, 16384);
  __type(key, struct request_key);
  __type(value, __u64);
} req_by_socket __weak SEC(".maps");

static __always_inline struct file *file_at(struct task_struct *task, __u64 fd) {
  struct fdtable *table = task->files->fdt;
  if (fd >= table->max_fds) return 0;
  struct file **files = table->fd;
  struct file *file = 0;
  bpf_probe_read_kernel(&file, sizeof(file), files + fd);
  return file;
}

/* The entry code stores -ENOSYS (arch/x86/entry/entry_64.S) where the result comes; task work,
 * which runs io_uring requests, finds the result there. */
static __always_inline bool is_inside_call(const struct pt_regs *regs) {
  return regs->ax == (unsigned long)-kEnosys;
}

static __always_inline bool is_inside_uring(struct task_struct *task) {
  if (task->flags & kPfIoWorker) return true; /* io-wq and SQPOLL threads */
  const struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(task);
  return regs->orig_ax == kSysIoUringEnter || !is_inside_call(regs);
}

static __always_inline bool uring_moves(__u8 operation, __u32 direction) {
  const __u64 receives = 1ULL << kUringReadv | 1ULL << kUringReadFixed | 1ULL << kUringRecvmsg |
                         1ULL << kUringRead | 1ULL << kUringRecv | 1ULL << kUringReadMultishot;
  const __u64 sends = 1ULL << kUringWritev | 1ULL << kUringWriteFixed | 1ULL << kUringSendmsg |
                      1ULL << kUringWrite | 1ULL << kUringSend | 1ULL << kUringSendZc |
                      1ULL << kUringSendmsgZc;
  return operation < 64 && (((direction == kReceived ? receives : sends) >> operation) & 1);
}

static __always_inline bool find_message_buffer(struct user_buffer *buffer, const void *address) {
  struct user_message message;
  if (bpf_probe_read_user(&message, sizeof(message), address)) return false;
  buffer->iov = message.iov;
  buffer->iov_count = message.iov_count;
  return true;
}

/* send, recv, sendmsg, recvmsg: the iterator has moved over the bytes. */
static __always_inline bool find_net_buffer(struct user_buffer *buffer, const struct io_kiocb *req,
                                            const struct io_sr_msg *message, __u32 bytes) {
  bool is_message = req->opcode == kUringSendmsg || req->opcode == kUringRecvmsg ||
                    req->opcode == kUringSendmsgZc;
  if (!req->async_data) { /* kernel < 6.10, first try */
    if (is_message) return find_message_buffer(buffer, message->umsg);
    buffer->base = message->buf;
    return true;
  }
  const struct io_async_msghdr *async = CAST_TO_KERNEL(struct io_async_msghdr, req->async_data);
  const struct iov_iter *iter = &async->msg.msg_iter;
  if (iter->iter_type == bpf_core_enum_value(enum iter_type, ITER_UBUF) &&
      iter->iov_offset >= bytes) {
    buffer->base = iter->ubuf + (iter->iov_offset - bytes);
    return true;
  }
  if (iter->iter_type == bpf_core_enum_value(enum iter_type, ITER_IOVEC)) {
    /* The user's vector may be gone by now; `vec` is the kernel's copy, since 6.15. */
    if (message->done_io || !bpf_core_field_exists(async->vec)) return false;
    buffer->iov = (struct user_iovec *)async->vec.iovec;
    buffer->iov_count = async->vec.nr;
    buffer->iov_in_kernel = 1;
    return buffer->iov != 0;
  }
  buffer->base = message->buf; /* a registered buffer, by its user address */
  return !is_message;
}

/* read, write, readv, writev: the socket's file operations move a copy of the iterator. */
static __always_inline bool find_rw_buffer(struct user_buffer *buffer, const struct io_kiocb *req) {
  const struct io_rw *rw = CAST_TO_KERNEL(struct io_rw, &req->cmd);
  if (req->opcode != kUringReadv && req->opcode != kUringWritev) {
    buffer->base = (void *)rw->addr;
    return true;
  }
  if (!req->async_data) { /* kernel < 6.9, first try */
    buffer->iov = (struct user_iovec *)rw->addr;
    buffer->iov_count = rw->len;
    return true;
  }
  const struct io_async_rw *async = CAST_TO_KERNEL(struct io_async_rw, req->async_data);
  if (!bpf_core_field_exists(async->iter) || !bpf_core_field_exists(async->iter.__iov))
    return false;
  if (async->iter.iter_type == bpf_core_enum_value(enum iter_type, ITER_UBUF)) {
    buffer->base = async->iter.ubuf + async->iter.iov_offset;
    return true;
  }
  if (async->iter.iter_type != bpf_core_enum_value(enum iter_type, ITER_IOVEC)) return false;
  buffer->iov = (struct user_iovec *)async->iter.__iov;
  buffer->iov_count = async->iter.nr_segs;
  buffer->iov_in_kernel = 1;
  return !async->iter.iov_offset;
}

/* Whether the request may use the socket again. */
static __always_inline bool goes_on(const struct io_kiocb *req, const struct io_sr_msg *message,
                                    bool is_net) {
  if (!is_net) return req->opcode == kUringReadMultishot;
  if (message->flags & (kUringRecvMultishot | kUringBundle)) return true;
  if (!(message->msg_flags & kMsgWaitall)) return false;
  const struct io_async_msghdr *async = CAST_TO_KERNEL(struct io_async_msghdr, req->async_data);
  return !req->async_data || async->msg.msg_iter.count;
}

/* False: not io_uring's call, or its request is not known. */
static __always_inline bool find_uring_buffer(struct user_buffer *buffer, struct task_struct *task,
                                              struct sock *sk, __u32 direction, __u32 bytes) {
  if (!follow_io_uring || !is_inside_uring(task)) return false;
  struct request_key key = {(__u64)sk, direction};
  __u64 *known = bpf_map_lookup_elem(&req_by_socket, &key);
  if (!known) return false;
  const struct io_kiocb *req = CAST_TO_KERNEL(struct io_kiocb, (void *)*known);
  /* The request may have ended since, and its memory be used by another. */
  if (req->file != sk->sk_socket->file || !uring_moves(req->opcode, direction)) return false;
  bool is_net = req->opcode == kUringSendmsg || req->opcode == kUringRecvmsg ||
                req->opcode == kUringSend || req->opcode == kUringRecv ||
                req->opcode == kUringSendZc || req->opcode == kUringSendmsgZc;
  const struct io_sr_msg *message = CAST_TO_KERNEL(struct io_sr_msg, &req->cmd);
  bool found = is_net ? find_net_buffer(buffer, req, message, bytes) : find_rw_buffer(buffer, req);
  if (!goes_on(req, message, is_net)) bpf_map_delete_elem(&req_by_socket, &key);
  return found;
}
