/* SPDX-License-Identifier: GPL-2.0
 * The record of bytes that passed: where it is put together. */
#pragma once

#include "probes/kernel_lib/user_buffer.bpf.h"

/* key: CPU * kDirections + direction; the loader sets the size. Not per CPU by its type, whose
 * values end at 32 KiB (PCPU_MIN_UNIT_SIZE). The two programs never nest in themselves: the kernel
 * guards against it, and tracing programs stay on their CPU. */
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, kDirections);
  __type(key, __u32);
  __type(value, struct payload_scratch);
} scratch_by_cpu SEC(".maps");

static __always_inline struct payload_scratch *take_scratch(__u32 direction) {
  __u32 key = bpf_get_smp_processor_id() * kDirections + direction;
  return bpf_map_lookup_elem(&scratch_by_cpu, &key);
}
