/* SPDX-License-Identifier: GPL-2.0
 * Processes that begin, change their image and end. */
#include "probes/kernel_lib/select.bpf.h"

char LICENSE[] __weak SEC("license") = "GPL";

SEC("tp_btf/sched_process_exec")
int BPF_PROG(lifecycle_exec, struct task_struct *task, int old_pid, struct linux_binprm *bprm) {
  /* The new image must be selected anew: by name in user space, or by its first byte on a socket
   * of a marked listener it inherited. */
  if (forget(task->tgid)) emit_process(task, kProcessExited, 0, 1, 0);
  if (watch_every_exec) watch_image(task, kWatchedByExec, bprm->filename);
  return 0;
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(lifecycle_fork, struct task_struct *parent, struct task_struct *child) {
  if (child->tgid == parent->tgid) return 0; /* a thread */
  forget(child->tgid);
  if (is_watched(parent->tgid)) watch(child, kWatchedByFork);
  /* What stands in every process stands in the child. */
  if (is_tls_probed(parent->tgid)) set_bit(has_tls_probes, kPidWords, child->tgid);
  if (is_rejected(parent->tgid)) set_bit(rejected, kPidWords, child->tgid);
  return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(lifecycle_exit, struct task_struct *task) {
  if (!is_ending(task)) return 0; /* other threads go on */
  /* The last two threads may both see that none is left. The pid is free only after both. */
  if (forget(task->tgid)) emit_process(task, kProcessExited, 0, 0, 0);
  return 0;
}

/* Run by user space on one pid, to carry out a decision. A process that has ended or called exec
 * since it was proposed is left alone: its pid may have another process by now. */
SEC("iter/task")
int decide_process(struct bpf_iter__task *ctx) {
  struct task_struct *task = ctx->task;
  if (!task) return 0;
  struct process_key key;
  fill_key(&key, task);
  if (key.pid != decided_pid || key.start_ns != decided_start_ns ||
      key.exec_generation != decided_generation)
    return 0;
  switch (decided_what) {
    case kDecideSelect:
      clear_bit(rejected, kPidWords, key.pid);
      set_bit(watched, kPidWords, key.pid);
      break;
    case kDecideReject:
      clear_bit(watched, kPidWords, key.pid);
      clear_bit(has_go_probes, kPidWords, key.pid);
      clear_bit(has_tls_probes, kPidWords, key.pid);
      clear_bit(has_own_tls_probes, kPidWords, key.pid);
      set_bit(rejected, kPidWords, key.pid);
      break;
    case kDecideTlsProbed: set_bit(has_tls_probes, kPidWords, key.pid); break;
    case kDecideTlsOwn: set_bit(has_own_tls_probes, kPidWords, key.pid); break;
    case kDecideGoProbed: set_bit(has_go_probes, kPidWords, key.pid); break;
  }
  /* Ending: lifecycle_exit may have run before, or finds nothing to tell of when it runs. Told twice,
   * an end ends what is not known. */
  if (is_ending(task) && forget(key.pid)) emit_process(task, kProcessExited, 0, 0, 0);
  return 0;
}
