/* SPDX-License-Identifier: GPL-2.0
 * Processes that begin, change their image and end. */
#include "probes/kernel_lib/select.bpf.h"

char LICENSE[] __weak SEC("license") = "GPL";

SEC("tp_btf/sched_process_exec")
int BPF_PROG(lifecycle_exec, struct task_struct *task) {
  /* The new image must be selected anew: by name in user space, or by its first byte on a socket
   * of a marked listener it inherited. */
  if (is_watched(task->tgid)) emit_process(task, kProcessExited, 0, 1);
  forget(task->tgid);
  if (watch_every_exec) watch(task, kWatchedByExec);
  return 0;
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(lifecycle_fork, struct task_struct *parent, struct task_struct *child) {
  if (child->tgid == parent->tgid) return 0; /* a thread */
  forget(child->tgid);
  if (is_watched(parent->tgid)) watch(child, kWatchedByFork);
  if (is_rejected(parent->tgid)) set_bit(rejected, kPidWords, child->tgid);
  return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(lifecycle_exit, struct task_struct *task) {
  if (task->signal->live.counter > 0) return 0; /* other threads go on */
  if (is_watched(task->tgid)) emit_process(task, kProcessExited, 0, 0);
  forget(task->tgid);
  return 0;
}
