/* SPDX-License-Identifier: GPL-2.0
 * Contexts (Go's context/context.go) and what they were derived from. */
#pragma once

#include "probes/go/go_emit.bpf.h"

enum { kUserBits = 47 }; /* addresses of user space, x86-64 with four levels */

/* An object with pointers in it may stand there. A look where nothing is mapped is a page fault, which
 * takes longer than all others together: behind the root there are small numbers as a rule. */
static __always_inline bool may_be_object(__u64 address) {
  return address && !(address % sizeof(__u64)) && !(address >> kUserBits);
}

/* An itab begins with the descriptor of its interface, and that with the size of a value of it
 * (runtime/runtime2.go, internal/abi/type.go). */
enum { kInterfaceBytes = 16 };
static __always_inline bool is_itab(__u64 address) {
  return read_word(read_word(address)) == kInterfaceBytes;
}

/* Every derived type of the library has its parent, an interface, for its first field; but for Go
 * 1.20's timerCtx, which begins with a pointer to the cancelCtx that has the parent. Contexts of
 * another make, and the root, lead to addresses that nobody knows, or nowhere. */
static __always_inline void set_ancestors(struct call_scratch *scratch, const struct go_image *image,
                                          __u64 context) {
  bool has_pointers = image->offset[kGoTimerCtxCancelCtx] != kGoAbsentField;
  __u64 at = context;
  for (__u32 level = 0; level < kGoAncestors; ++level) {
    if (!may_be_object(at)) break;
    __u64 first = has_pointers ? read_word(at) : 0;
    at = may_be_object(first) && !is_itab(first) ? first : read_word(at + 8);
    if (!may_be_object(at)) break;
    scratch->record.texts.ancestors[level] = at;
  }
}

/* What a client's call may serve, which only its span tells. field: of `base`, its context. */
static __always_inline void set_origin(struct call_scratch *scratch, const struct go_hit *hit,
                                       __u64 base, __u32 field) {
  if (!(hit->image->flags & kGoTracesWanted)) return;
  __u64 context = read_interface(hit->image, base, field);
  set_parent(&scratch->record.call, hit);
  scratch->record.call.context = context;
  set_ancestors(scratch, hit->image, context);
}
