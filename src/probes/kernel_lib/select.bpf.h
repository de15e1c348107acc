/* SPDX-License-Identifier: GPL-2.0
 * Which processes are watched: bitmaps by thread group id, and the events that say so. */
#pragma once

#include "probes/kernel_lib/emit.bpf.h"

static __always_inline bool bit_is_set(const __u64 *words, __u32 words_limit, __u32 bit) {
  __u32 word = bit / kBitsPerWord;
  barrier_var(word); /* or the compiler bounds `bit` instead, which the verifier cannot follow */
  if (word >= words_limit) return false;
  return (words[word] >> (bit % kBitsPerWord)) & 1;
}

static __always_inline void set_bit(__u64 *words, __u32 words_limit, __u32 bit) {
  __u32 word = bit / kBitsPerWord;
  barrier_var(word); /* or the compiler bounds `bit` instead, which the verifier cannot follow */
  if (word < words_limit) __sync_fetch_and_or(&words[word], 1ULL << (bit % kBitsPerWord));
}

/* Whether it was set: of several that clear it at once, one is told so. */
static __always_inline bool clear_bit(__u64 *words, __u32 words_limit, __u32 bit) {
  __u32 word = bit / kBitsPerWord;
  __u64 mask = 1ULL << (bit % kBitsPerWord);
  barrier_var(word); /* or the compiler bounds `bit` instead, which the verifier cannot follow */
  return word < words_limit && (__sync_fetch_and_and(&words[word], ~mask) & mask);
}

enum { kPidWords = kPidLimit / kBitsPerWord };
enum { kPfKthread = 0x00200000 }; /* include/linux/sched.h */

static __always_inline bool is_watched(__u32 pid) { return bit_is_set(watched, kPidWords, pid); }
static __always_inline bool is_rejected(__u32 pid) { return bit_is_set(rejected, kPidWords, pid); }
/* The gate of every Go probe, and of what else is done for them. */
static __always_inline bool is_go_probed(__u32 pid) {
  return bit_is_set(has_go_probes, kPidWords, pid);
}
/* Likewise of the probes in TLS libraries. */
static __always_inline bool is_tls_probed(__u32 pid) {
  return follow_tls && bit_is_set(has_tls_probes, kPidWords, pid);
}
static __always_inline bool has_own_tls(__u32 pid) {
  return bit_is_set(has_own_tls_probes, kPidWords, pid);
}
static __always_inline bool is_wanted_port(__u32 port) {
  return bit_is_set(wanted_ports, kPorts / kBitsPerWord, port);
}

/* Its last thread is in do_exit(), kernel/exit.c: lifecycle_exit has run, or is about to. Its files
 * are closed only after that. */
static __always_inline bool is_ending(struct task_struct *task) {
  return task->signal->live.counter == 0;
}

/* Starts to watch the task's process and tells user space; no-op if it was rejected. */
static __always_inline bool watch_image(struct task_struct *task, __u32 cause, const char *path) {
  __u32 pid = task->tgid;
  if (is_watched(pid)) return true;
  if (pid == own_pid || is_rejected(pid) || is_ending(task)) return false;
  set_bit(watched, kPidWords, pid);
  if (emit_process(task, kProcessWatched, cause, 0, path)) {
    if (!is_ending(task)) return true;
    /* Its end may have been told before its beginning: told again, it ends what is not known. */
    clear_bit(watched, kPidWords, pid);
    emit_process(task, kProcessExited, 0, 0, 0);
    return false;
  }
  /* Nobody would ever decide on it: leave it, a marked socket proposes it again. */
  clear_bit(watched, kPidWords, pid);
  return false;
}

static __always_inline bool watch(struct task_struct *task, __u32 cause) {
  return watch_image(task, cause, 0);
}

/* Whether it was watched. */
static __always_inline bool forget(__u32 pid) {
  clear_bit(rejected, kPidWords, pid);
  clear_bit(has_go_probes, kPidWords, pid);
  clear_bit(has_tls_probes, kPidWords, pid);
  clear_bit(has_own_tls_probes, kPidWords, pid);
  return clear_bit(watched, kPidWords, pid);
}
