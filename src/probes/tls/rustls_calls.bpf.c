/* SPDX-License-Identifier: GPL-2.0
 * Calls of rustls' encrypters and decrypters. */
#include "probes/tls/rustls_open.bpf.h"
#include "probes/tls/rustls_seal.bpf.h"

char LICENSE[] __weak SEC("license") = "GPL";

static __always_inline bool is_enter(__u32 probe) { return probe % 2 == 0; }
static __always_inline bool is_seal(__u32 enter) { return enter < kOpen13Enter; }

static __always_inline void on_enter(const struct pt_regs *ctx, __u32 enter,
                                     struct task_struct *task) {
  struct rustls_thread *thread =
      bpf_task_storage_get(&rustls_threads, task, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
  if (!thread) {
    note(kNoteNoStorage);
    return;
  }
  struct rustls_call *call = &thread->call;
  call->enter = 0;
  if (bpf_probe_read_user(call->message, sizeof(call->message), (void *)ctx->dx)) return;
  call->object = ctx->si;
  call->number = ctx->cx;
  call->enter = enter;
}

/* All points of a process hang on one link, as those of the other libraries. */
SEC("uprobe.multi")
int rustls_call(struct pt_regs *ctx) {
  struct task_struct *task = bpf_get_current_task_btf();
  if (!is_tls_probed(task->tgid)) return 0;
  __u32 probe = bpf_get_attach_cookie(ctx);
  struct tls_object_key key;
  if (is_enter(probe)) {
    on_enter(ctx, probe, task);
    if (is_seal(probe)) return 0;
  }
  struct rustls_thread *thread = bpf_task_storage_get(&rustls_threads, task, 0, 0);
  if (!thread || !thread->call.enter) return 0;
  fill_object_key(&key, thread->call.object, task);
  if (is_enter(probe)) {
    begin_opening(&thread->call, &key);
    return 0;
  }
  if (thread->call.enter != probe - 1) return 0;
  if (is_seal(probe - 1)) on_sealed(thread, ctx, &key);
  else on_opened(ctx, &thread->call, &key);
  thread->call.enter = 0;
  return 0;
}
