/* SPDX-License-Identifier: GPL-2.0
 * What hits.bpf.c counts for each probed function; read by the prober. */
#pragma once

/* Kind of place, in the cookie above the function's index. */
enum hit_kind {
  kHitEntry = 0,  /* entry site */
  kHitExit = 1,   /* exit site */
  kHitCall = 2,   /* the function's first instruction */
  kHitReturn = 3, /* one of its returns */
  kHitKinds = 4,
};

enum {
  kHitKindShift = 32,
  kHitFunctions = 4096,
  kHitArguments = 4,
  kHitFrames = 64, /* a power of two */
};

enum hit_trouble {
  kTroubleArguments = 0, /* at the entry site they are not those of the first instruction */
  kTroubleStack = 1,     /* the return address is elsewhere than said */
  kTroubleResult = 2,    /* at a return it is not that of the exit site */
  kTroubleEntries = 3,   /* a call that returned passed not exactly one entry site */
  kTroubleExits = 4,     /* the same of exit sites */
  kTroubles = 5,
};

struct function_hits {
  unsigned long long hits[kHitKinds];
  unsigned long long troubles[kTroubles];
  unsigned long long compared; /* returns whose call was seen begin */
};

/* What the prober says of a function before it attaches. */
struct function_facts {
  unsigned int compared; /* its first instruction and all returns are probed, too */
  unsigned int has_entry;
  unsigned int has_exit;
  unsigned int arguments; /* that must be at hand at the entry site */
  unsigned int stack_known;
  unsigned int stack_bytes; /* from there to the return address */
};
