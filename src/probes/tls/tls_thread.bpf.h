/* SPDX-License-Identifier: GPL-2.0
 * What a thread is doing in a TLS library, and what its last socket call was: the order of these is what
 * tells which socket belongs to a TLS object. */
#pragma once

#include "probes/tls/tls_stream.bpf.h"

struct tls_call {
  __u64 object;
  __u64 buffer;
  __u64 wanted;   /* bytes of the buffer */
  __u64 count_at; /* where the number of bytes is stored, if it is not the result */
  __u64 stack;    /* stack pointer at its beginning */
  __u32 enter;    /* tls_probe; 0: nothing is open here */
  __u32 padding;
};

/* BoringSSL's SSL_read calls SSL_do_handshake; TLS inside of TLS calls SSL_read in SSL_read. */
enum { kTlsDepth = 2 };
struct tls_thread {
  struct tls_call calls[kTlsDepth]; /* from the outermost */
  /* Memory BIO. The thread's last socket call received on this stream, outside of any call on an object;
   * 0: it did something else, or was taken as a sign already. */
  __u64 received_carrier;
  __u32 received_stream;
  __u32 recent_stream; /* that of recent_object, as long as it says so itself: saves the look-up */
  __u64 recent_object;
  __u32 ended_by; /* tls_probe: by which the latest call has ended */
  __u32 padding;
  __u64 wrote; /* object whose call has ended last and may have left bytes to send; 0: none */
};

/* Freed with the thread. */
struct {
  __uint(type, BPF_MAP_TYPE_TASK_STORAGE);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, int);
  __type(value, struct tls_thread);
} tls_threads __weak SEC(".maps");

static __always_inline struct tls_call *innermost_call(struct tls_thread *thread) {
  if (thread->calls[1].enter) return &thread->calls[1];
  return thread->calls[0].enter ? &thread->calls[0] : 0;
}

/* A call that ended without our seeing it (longjmp) is no longer on the stack. */
static __always_inline struct tls_call *begin_call(struct tls_thread *thread, __u64 stack) {
  if (thread->calls[0].enter && thread->calls[0].stack <= stack)
    thread->calls[0].enter = thread->calls[1].enter = 0;
  return thread->calls[0].enter ? &thread->calls[1] : &thread->calls[0];
}

/* Where two probes are hit, one of them in every process, a call begins twice and ends twice. The first of
 * these has closed it; a beginning does the same again. */
static __always_inline bool has_ended_before(const struct tls_thread *thread, __u32 exit) {
  return thread && thread->ended_by == exit;
}

/* The call that ends with this probe, now closed; null: its beginning was not seen. Those inside of it
 * are over, too. */
static __always_inline struct tls_call *end_call(struct tls_thread *thread, __u32 exit) {
  __u32 enter = exit - 1;
  if (thread->calls[1].enter == enter) {
    thread->calls[1].enter = 0;
    return &thread->calls[1];
  }
  if (thread->calls[0].enter != enter) return 0;
  thread->calls[0].enter = thread->calls[1].enter = 0;
  return &thread->calls[0];
}
