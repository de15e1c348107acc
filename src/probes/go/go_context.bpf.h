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

/* Every derived type of the library has its parent, an interface, for its first field. One of another
 * make, and the root, lead to addresses that nobody knows, or nowhere. */
static __always_inline void set_ancestors(struct call_scratch *scratch, __u64 context) {
  __u64 at = context;
  for (__u32 level = 0; level < kGoAncestors; ++level) {
    if (!may_be_object(at)) break;
    at = read_word(at + 8);
    if (!may_be_object(at)) break;
    scratch->record.texts.ancestors[level] = at;
  }
}
