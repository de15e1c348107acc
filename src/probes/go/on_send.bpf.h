/* SPDX-License-Identifier: GPL-2.0
 * What the hook of the sockets calls: it knows no protocol and no language. */
#pragma once

#include "probes/kernel_lib/connection.bpf.h"

/* The goroutine is about to have sent on the connection, which may be one that speaks no protocol we
 * know; in routes.bpf.c. */
int go_before_send(__u64 goroutine, __u64 connection_id, __u32 is_ignored);

/* Before the record of what a server sends. */
static __always_inline void before_send(const struct connection_state *state,
                                        struct task_struct *task, const struct pt_regs *regs) {
  if (state->role != kRoleServer || !is_go_probed(task->tgid)) return;
  go_before_send(regs->r14, state->id, state->ignored);
}
