/* SPDX-License-Identifier: GPL-2.0
 * The kernel types that our programs read, cut down to the fields they use. CO-RE relocates every
 * access by name against the running kernel's BTF, so a build host needs no BTF of its own. */
#pragma once

typedef unsigned char __u8;
typedef unsigned short __u16;
typedef unsigned int __u32;
typedef int __s32;
typedef unsigned long long __u64;
typedef long long __s64;
typedef signed char __s8;
typedef short __s16;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u64 __be64;
typedef __u16 __sum16;
typedef __u32 __wsum;
typedef _Bool bool;
enum { false = 0, true = 1 };

enum bpf_map_type_used {
  BPF_MAP_TYPE_HASH = 1,
  BPF_MAP_TYPE_ARRAY = 2,
  BPF_MAP_TYPE_PROG_ARRAY = 3,
  BPF_MAP_TYPE_PERCPU_ARRAY = 6,
  BPF_MAP_TYPE_LRU_HASH = 9,
  BPF_MAP_TYPE_QUEUE = 22,
  BPF_MAP_TYPE_SK_STORAGE = 24,
  BPF_MAP_TYPE_RINGBUF = 27,
  BPF_MAP_TYPE_TASK_STORAGE = 29,
};
enum {
  BPF_ANY = 0,
  BPF_NOEXIST = 1,
  BPF_F_NO_PREALLOC = 1,
  BPF_F_RDONLY = 8,
  BPF_F_CLONE = 512,
  BPF_F_MMAPABLE = 1024,
  BPF_SK_STORAGE_GET_F_CREATE = 1,
  BPF_LOCAL_STORAGE_GET_F_CREATE = 1,
  BPF_RB_NO_WAKEUP = 1,
  BPF_RB_FORCE_WAKEUP = 2,
  BPF_RB_AVAIL_DATA = 0,
};

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct pt_regs {
  unsigned long r14, bx, r8, r9, cx, dx, si, di, ax, orig_ax, flags, sp;
};
typedef struct { int counter; } atomic_t;
typedef struct { __s64 counter; } atomic64_t;
struct in6_addr {
  union { __u8 u6_addr8[16]; } in6_u;
};
struct ns_common { unsigned int inum; };
struct net { struct ns_common ns; };
typedef struct { struct net *net; } possible_net_t;
struct sock_common {
  __be32 skc_daddr;
  __be32 skc_rcv_saddr;
  __be16 skc_dport;
  __u16 skc_num;
  unsigned short skc_family;
  volatile unsigned char skc_state;
  possible_net_t skc_net;
  atomic64_t skc_cookie;
  struct in6_addr skc_v6_daddr;
  struct in6_addr skc_v6_rcv_saddr;
};
struct file;
struct sock;
struct bpf_local_storage;
struct socket { struct file *file; struct sock *sk; };
struct sock {
  struct sock_common __sk_common;
  struct socket *sk_socket;
  __u16 sk_type;
  __u16 sk_protocol;
  unsigned char sk_shutdown;
  struct bpf_local_storage *sk_bpf_storage;
};
struct tcp_sock {
  __u32 rcv_nxt;
  __u32 copied_seq;
  __u32 write_seq;
};
struct qstr { const unsigned char *name; };
struct dentry { struct qstr d_name; };
struct path { struct dentry *dentry; };
struct inode { unsigned short i_mode; };
struct file {
  struct path f_path;
  struct inode *f_inode;
  void *private_data;
};
struct list_head { struct list_head *next; };
struct fdtable { unsigned int max_fds; struct file **fd; };
struct files_struct { struct fdtable *fdt; };
struct mm_struct { struct file *exe_file; };
struct signal_struct { atomic_t live; };
struct thread_info { __u32 status; };
struct task_struct {
  struct thread_info thread_info;
  unsigned int flags;
  int pid;
  int tgid;
  struct task_struct *group_leader;
  __u64 start_boottime;
  __u64 self_exec_id;
  struct mm_struct *mm;
  struct files_struct *files;
  struct signal_struct *signal;
};
/* io_uring; absent from kernels without it. */
enum iter_type { ITER_UBUF = 0, ITER_IOVEC = 1 };
struct iovec;
struct iov_iter {
  __u8 iter_type;
  unsigned long iov_offset;
  const struct iovec *__iov;
  void *ubuf;
  unsigned long count;
  unsigned long nr_segs;
};
struct msghdr { struct iov_iter msg_iter; };
struct iou_vec { struct iovec *iovec; unsigned int nr; };
struct io_async_msghdr { struct iou_vec vec; struct msghdr msg; };
struct io_async_rw { struct iov_iter iter; };
struct io_sr_msg {
  void *umsg;
  void *buf;
  unsigned int done_io;
  unsigned int msg_flags;
  __u16 flags;
};
struct io_rw { __u64 addr; __u32 len; };
struct io_rsrc_node { unsigned long file_ptr; };
struct io_rsrc_data { unsigned int nr; struct io_rsrc_node **nodes; };
struct io_file_table { struct io_rsrc_data data; };
struct io_ring_ctx { struct io_file_table file_table; };
struct io_cmd_data { struct file *file; };
struct io_cqe { int fd; };
struct io_kiocb {
  struct file *file;
  struct io_cmd_data cmd;
  __u8 opcode;
  __u64 flags;
  struct io_cqe cqe;
  struct io_ring_ctx *ctx;
  void *async_data;
};
struct linux_binprm { const char *filename; };
struct seq_file;
struct bpf_iter_meta { struct seq_file *seq; };
struct bpf_iter__task {
  struct bpf_iter_meta *meta;
  struct task_struct *task;
};
struct bpf_iter__task_file {
  struct bpf_iter_meta *meta;
  struct task_struct *task;
  __u32 fd;
  struct file *file;
};

#pragma clang attribute pop

/* Read from user memory, so no relocation: these layouts are ABI (include/uapi/linux/uio.h,
 * include/linux/socket.h). */
struct user_iovec { void *base; unsigned long length; };
struct user_message { void *name; __u32 name_length; __u32 padding; struct user_iovec *iov; unsigned long iov_count; };
