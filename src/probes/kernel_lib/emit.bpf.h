/* SPDX-License-Identifier: GPL-2.0
 * Writing records: the books (generated = submitted + lost), wake-ups, process records. */
#pragma once

#include "probes/kernel_lib/maps.bpf.h"

static __always_inline void count_generated(__u32 kind) {
  struct event_counts *counts = bpf_map_lookup_elem(&counts_by_kind, &kind);
  /* Atomic although per CPU: an interrupt may run the same code in between. */
  if (counts) __sync_fetch_and_add(&counts->generated, 1);
}

static __always_inline void count_lost(__u32 kind, __u32 reason) {
  struct event_counts *counts = bpf_map_lookup_elem(&counts_by_kind, &kind);
  if (counts && reason < kLossReasons) __sync_fetch_and_add(&counts->lost[reason], 1);
}

static __always_inline void note(__u32 kind) {
  __u64 *count = bpf_map_lookup_elem(&notes_by_kind, &kind);
  if (count) __sync_fetch_and_add(count, 1);
}

/* The reader wakes by its timer; a record wakes it only past a quarter full. */
static __always_inline __u64 wakeup_by(__u64 waiting_bytes) {
  return waiting_bytes > kDataRingBytes / 4 ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP;
}

static __always_inline __u64 wakeup_flags(void) {
  return wakeup_by(bpf_ringbuf_query(&data_ring, BPF_RB_AVAIL_DATA));
}

/* A reader that sleeps for long is woken, once. REQUIRES: since the record was written, an atomic
 * count. It is the full barrier between that and reading `asleep`; the reader's is in
 * fall_asleep(), kernel_capture.cpp: one of the two sees the other. */
static __always_inline void wake_sleeping_reader(void) {
  __u32 zero = 0;
  struct reader_state *reader = bpf_map_lookup_elem(&reader_by_zero, &zero);
  if (!reader || !*(volatile __u64 *)&reader->asleep) return;
  if (!__sync_lock_test_and_set(&reader->asleep, 0)) return;
  void *empty = bpf_ringbuf_reserve(&data_ring, 8, 0);
  if (empty) bpf_ringbuf_discard(empty, BPF_RB_FORCE_WAKEUP);
}

/* Call when a record of the data ring is written, or could not be. */
static __always_inline void finish_record(__u32 kind) {
  count_generated(kind);
  wake_sleeping_reader();
}

/* Asking the ring how full it is, and waking past a quarter full, is dear: done for long records and
 * for one of several short ones, which are far shorter than the ring together. */
enum { kLongRecordBytes = 2048, kAskEvery = 16 };

/* The last of the ring is for short records only: who floods one connection writes long ones, and
 * what others ask meanwhile has room. */
enum { kRoomForShortBytes = kDataRingBytes / 8 };

/* A data record that was made elsewhere; lost if its connection is not announced. REQUIRES: size is
 * within what the verifier knows of the record. */
static __always_inline void write_record(void *record, __u32 size, bool announced) {
  __u32 kind = kEventData;
  struct event_counts *counts = bpf_map_lookup_elem(&counts_by_kind, &kind);
  if (!counts) return;
  bool is_long = size > kLongRecordBytes;
  bool asks = is_long || counts->generated % kAskEvery == 0;
  __u64 waiting = asks ? bpf_ringbuf_query(&data_ring, BPF_RB_AVAIL_DATA) : 0;
  bool fits = !is_long || waiting + size < kDataRingBytes - kRoomForShortBytes;
  if (!announced || !fits || bpf_ringbuf_output(&data_ring, record, size, wakeup_by(waiting)))
    __sync_fetch_and_add(&counts->lost[kLossRingFull], 1);
  __sync_fetch_and_add(&counts->generated, 1);
  wake_sleeping_reader();
}

static __always_inline void fill_key(struct process_key *key, struct task_struct *task) {
  key->pid = task->tgid;
  key->exec_generation = (__u32)task->self_exec_id;
  key->start_ns = task->group_leader->start_boottime;
}

static __always_inline void fill_header(struct event_header *header, __u32 kind, __u32 size,
                                        __u64 connection_id) {
  header->kind = kind;
  header->size = size;
  header->time_ns = bpf_ktime_get_boot_ns();
  header->connection_id = connection_id;
}

static __always_inline void fill_executable_name(__u8 *name, struct task_struct *task) {
  const unsigned char *source = BPF_CORE_READ(task, mm, exe_file, f_path.dentry, d_name.name);
  if (!source || bpf_probe_read_kernel_str(name, kExecutableNameBytes, source) < 0) name[0] = 0;
}

static __always_inline void fill_executable_path(__u8 *path, const char *source) {
  if (!source || bpf_probe_read_kernel_str(path, kExecutablePathBytes, source) < 0) path[0] = 0;
}

/* path: of the exec that is being reported, else null. execs_ago: 1 for the image that an exec has just replaced. False: the ring was full. */
static __always_inline bool emit_process(struct task_struct *task, __u32 change, __u32 cause,
                                         __u32 execs_ago, const char *path) {
  count_generated(kEventProcess);
  struct event_process *event = bpf_ringbuf_reserve(&process_ring, sizeof(*event), 0);
  if (!event) {
    count_lost(kEventProcess, kLossRingFull);
    return false;
  }
  fill_header(&event->header, kEventProcess, sizeof(*event), 0);
  fill_key(&event->process, task);
  event->process.exec_generation -= execs_ago;
  event->change = change;
  event->cause = cause;
  fill_executable_name(event->executable_name, task);
  fill_executable_path(event->executable_path, path);
  bpf_ringbuf_submit(event, 0);
  return true;
}
