/* SPDX-License-Identifier: GPL-2.0
 * From a net.Conn of the target to the socket it stands on. */
#pragma once

#include "probes/go/go_read.bpf.h"
#include "probes/kernel_lib/connection.bpf.h"

enum { kModeType = 0170000, kModeSocket = 0140000 }; /* S_IFMT, S_IFSOCK: include/uapi/linux/stat.h */

static __always_inline struct file *open_file(struct task_struct *task, __u64 fd) {
  struct fdtable *table = task->files->fdt;
  if (fd >= table->max_fds) return 0;
  struct file *file = 0;
  bpf_probe_read_kernel(&file, sizeof(file), table->fd + fd);
  return file;
}

/* The number that the kernel gave to a TCP socket of a watched process when it began to connect; 0:
 * it is something else. */
static __always_inline __u64 socket_number(struct file *file) {
  if (!file || (BPF_CORE_READ(file, f_inode, i_mode) & kModeType) != kModeSocket) return 0;
  struct socket *socket = (struct socket *)BPF_CORE_READ(file, private_data);
  struct sock *sk = BPF_CORE_READ(socket, sk);
  if (BPF_CORE_READ(socket, file) != file || !BPF_CORE_READ(sk, sk_bpf_storage)) return 0;
  __u16 family = BPF_CORE_READ(sk, __sk_common.skc_family);
  if (family != kAfInet && family != kAfInet6) return 0;
  if (BPF_CORE_READ(sk, sk_protocol) != kIpprotoTcp) return 0;
  return BPF_CORE_READ(sk, __sk_common.skc_cookie.counter);
}

/* conn: a *net.TCPConn, as far as one can tell: of another type it leads to a number that is no
 * socket of ours, or is none of our connections. */
static __always_inline __u64 connection_of(const struct go_hit *hit, __u64 conn) {
  __u64 net_fd = read_field(hit->image, conn, kGoTcpConnFd);
  __u64 address = field_at(hit->image, net_fd, kGoNetFdSysfd);
  __u64 fd = 0;
  if (!address || bpf_probe_read_user(&fd, sizeof(fd), (void *)address)) return 0;
  return fd ? socket_number(open_file(hit->task, fd)) : 0;
}
