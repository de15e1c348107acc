/* SPDX-License-Identifier: GPL-2.0
 * The record of bytes that passed: where it is put together, and how it gets into the ring. */
#pragma once

#include "probes/kernel_lib/connection.bpf.h"

struct payload_scratch {
  struct event_data event;
  __u8 bytes[2 * kRecordHeadBytes + kTailBytes]; /* half of it slack: the verifier adds up bounds */
};

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

/* Asking the ring how full it is, and waking past a quarter full, is dear: done for long records and
 * for one of several short ones, which are far shorter than the ring together. */
enum { kLongRecordBytes = 2048, kAskEvery = 16 };

static __always_inline void write_record(struct payload_scratch *scratch, __u32 size,
                                         bool announced) {
  __u32 kind = kEventData;
  struct event_counts *counts = bpf_map_lookup_elem(&counts_by_kind, &kind);
  if (!counts) return;
  bool asks = size > kLongRecordBytes || counts->generated % kAskEvery == 0;
  __u64 flags = asks ? wakeup_flags() : BPF_RB_NO_WAKEUP;
  if (!announced || bpf_ringbuf_output(&data_ring, scratch, size, flags))
    __sync_fetch_and_add(&counts->lost[kLossRingFull], 1);
  __sync_fetch_and_add(&counts->generated, 1);
  wake_sleeping_reader();
}
