/* SPDX-License-Identifier: GPL-2.0
 * Socket requests of io_uring, at the moment they are issued. Nobody else pays for these. */
#include "probes/socket/uring.bpf.h"

char LICENSE[] __weak SEC("license") = "GPL";

enum { kFileTypeMask = 0170000, kFileTypeSocket = 0140000 }; /* include/uapi/linux/stat.h */
enum { kUringFixedFile = 1 << 0 }; /* IOSQE_FIXED_FILE; REQ_F_FIXED_FILE is the same bit */
enum { kFilePointerTags = 7 };     /* FFS_MASK in io_uring/filetable.h, within the alignment */

static __always_inline bool is_of_interest(const struct io_kiocb *req, struct task_struct *task) {
  return is_watched(task->tgid) &&
         (uring_moves(req->opcode, kReceived) || uring_moves(req->opcode, kSent));
}

static __always_inline void remember(struct io_kiocb *req, struct file *file) {
  if (!file) return;
  if ((BPF_CORE_READ(file, f_inode, i_mode) & kFileTypeMask) != kFileTypeSocket) return;
  struct socket *socket = BPF_CORE_READ(file, private_data);
  struct request_key key = {(__u64)BPF_CORE_READ(socket, sk),
                            uring_moves(req->opcode, kSent) ? kSent : kReceived};
  __u64 value = (__u64)req;
  bpf_map_update_elem(&req_by_socket, &key, &value, BPF_ANY);
}

/* At the first try of each request that names its file by descriptor; req->file is not yet set. */
SEC("tp_btf/io_uring_file_get")
int BPF_PROG(uring_issue__tp_btf, struct io_kiocb *req, int fd) {
  struct task_struct *task = bpf_get_current_task_btf();
  if (is_of_interest(req, task)) remember(req, file_at(task, (__u32)fd));
  return 0;
}

/* Registered files pass no tracepoint when they are issued, only this one before. Of several linked
 * requests on one socket only the last is thus known. */
SEC("tp_btf/io_uring_submit_req")
int BPF_PROG(uring_submit__tp_btf, struct io_kiocb *req) {
  if (!(req->flags & kUringFixedFile)) return 0;
  if (!is_of_interest(req, bpf_get_current_task_btf())) return 0;
  if (!bpf_core_field_exists(struct io_file_table, data)) return 0; /* kernel < 6.13 */
  const struct io_rsrc_data *table = &req->ctx->file_table.data;
  __u32 index = (__u32)req->cqe.fd;
  if (index >= table->nr) return 0;
  struct io_rsrc_node *entry = 0;
  bpf_probe_read_kernel(&entry, sizeof(entry), table->nodes + index);
  if (!entry) return 0;
  unsigned long file = BPF_CORE_READ(entry, file_ptr);
  remember(req, (struct file *)(file & ~(unsigned long)kFilePointerTags));
  return 0;
}
