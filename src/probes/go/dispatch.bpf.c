/* SPDX-License-Identifier: GPL-2.0
 * Where every Go probe begins. All points of a process hang on one link, since a link takes the
 * kernel some 60 ms to remove (two RCU grace periods): with one per program, an agent that ends would
 * take seconds for each Go process. */
#include "probes/go/go_http1.bpf.h"

char LICENSE[] __weak SEC("license") = "GPL";

/* key: go_probe; filled by user space after load, but for kGoProbeServeHttp. */
struct {
  __uint(type, BPF_MAP_TYPE_PROG_ARRAY);
  __uint(max_entries, kGoProbes);
  __type(key, __u32);
  __type(value, __u32);
} go_programs SEC(".maps");

SEC("uprobe.multi")
int go_dispatch(struct pt_regs *ctx) {
  struct task_struct *task = bpf_get_current_task_btf();
  if (!is_go_probed(task->tgid)) return 0;
  __u64 cookie = bpf_get_attach_cookie(ctx);
  __u32 probe = cookie >> kGoCookieProbeShift;
  if (probe != kGoProbeServeHttp) {
    bpf_tail_call(ctx, &go_programs, probe);
    return 0; /* no program for it */
  }
  /* The one that stands in most programs is spared the indirect jump. */
  struct go_hit hit;
  if (take_hit_of(&hit, ctx, task, cookie)) serve_http1(&hit, ctx->cx, ctx->di);
  return 0;
}
