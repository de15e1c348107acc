/* SPDX-License-Identifier: GPL-2.0
 * Where every Go probe begins. All points of a process hang on one link, since a link takes the
 * kernel some 60 ms to remove (two RCU grace periods): with one per program, an agent that ends would
 * take seconds for each Go process. */
#include "probes/kernel_lib/select.bpf.h"

char LICENSE[] __weak SEC("license") = "GPL";

/* key: go_probe; filled by user space after load. */
struct {
  __uint(type, BPF_MAP_TYPE_PROG_ARRAY);
  __uint(max_entries, kGoProbes);
  __type(key, __u32);
  __type(value, __u32);
} go_programs SEC(".maps");

SEC("uprobe.multi")
int go_dispatch(struct pt_regs *ctx) {
  if (!is_go_probed(bpf_get_current_pid_tgid() >> 32)) return 0;
  bpf_tail_call(ctx, &go_programs, bpf_get_attach_cookie(ctx) >> kGoCookieProbeShift);
  return 0; /* no program for it */
}
