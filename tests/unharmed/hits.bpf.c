/* SPDX-License-Identifier: GPL-2.0
 * Counts hits of probe sites, and compares what a site promises with what the first instruction and
 * the returns of the same call show. */
#include "probes/kernel_lib/kernel_types.bpf.h"

#include <bpf/bpf_helpers.h>

#include "hits.h"

char LICENSE[] SEC("license") = "GPL";

/* One call that is under way. */
struct frame {
  __u64 stack; /* at the first instruction: where the return address is */
  __u64 arguments[kHitArguments];
  __u64 result;
  __u32 function;
  __u16 entries;
  __u16 exits;
};

struct frames {
  __u32 depth;
  __u32 padding;
  __u64 blind_to; /* calls whose stack is no higher are too many to be compared; 0: none */
  struct frame frame[kHitFrames];
};

/* key: function; written by the programs, made and read by the prober. */
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, kHitFunctions);
  __type(key, __u32);
  __type(value, struct function_hits);
} hits_by_function SEC(".maps");

/* key: function; written by the prober before it attaches. */
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, kHitFunctions);
  __type(key, __u32);
  __type(value, struct function_facts);
} facts_by_function SEC(".maps");

/* key: thread. Threads that end leave theirs; they are few. */
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 256);
  __type(key, __u32);
  __type(value, struct frames);
} frames_by_thread SEC(".maps");

/* Too large for the stack of a program. */
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct frames);
} no_frames SEC(".maps");

/* The verifier follows a mask through a loop, but not a comparison. */
static __always_inline struct frame *frame_at(struct frames *frames, __u32 index) {
  return &frames->frame[index & (kHitFrames - 1)];
}

static __always_inline void count(__u64 *counter) { __sync_fetch_and_add(counter, 1); }

static __always_inline struct frames *frames_of_thread(void) {
  __u32 thread = (__u32)bpf_get_current_pid_tgid();
  struct frames *found = bpf_map_lookup_elem(&frames_by_thread, &thread);
  if (found) return found;
  __u32 zero = 0;
  const struct frames *none = bpf_map_lookup_elem(&no_frames, &zero);
  if (!none) return 0;
  bpf_map_update_elem(&frames_by_thread, &thread, none, BPF_NOEXIST);
  return bpf_map_lookup_elem(&frames_by_thread, &thread);
}

/* Those below the stack pointer were left by an exception, a longjmp() or a tail call. */
static __always_inline void drop_dead(struct frames *frames, __u64 lowest) {
  for (int step = 0; step < kHitFrames; ++step) {
    __u32 depth = frames->depth;
    if (depth == 0 || frame_at(frames, depth - 1)->stack >= lowest) return;
    frames->depth = depth - 1;
  }
}

static __always_inline struct frame *last_of(struct frames *frames, __u32 function) {
  __u32 depth = frames->depth;
  if (depth == 0 || frame_at(frames, depth - 1)->function != function) return 0;
  return frame_at(frames, depth - 1);
}

static __always_inline void begin(struct frames *frames, struct pt_regs *ctx, __u32 function) {
  __u32 depth = frames->depth;
  if (depth >= kHitFrames) {
    frames->blind_to = ctx->sp;
    return;
  }
  struct frame *frame = frame_at(frames, depth);
  frame->stack = ctx->sp;
  frame->arguments[0] = ctx->di;
  frame->arguments[1] = ctx->si;
  frame->arguments[2] = ctx->dx;
  frame->arguments[3] = ctx->cx;
  frame->function = function;
  frame->entries = 0;
  frame->exits = 0;
  frames->depth = depth + 1;
}

static __always_inline void enter(struct frame *frame, struct pt_regs *ctx,
                                  const struct function_facts *facts, struct function_hits *hits) {
  const __u64 now[kHitArguments] = {ctx->di, ctx->si, ctx->dx, ctx->cx};
  int differ = 0;
  for (__u32 index = 0; index < kHitArguments; ++index)
    differ |= index < facts->arguments && now[index] != frame->arguments[index];
  if (differ) count(&hits->troubles[kTroubleArguments]);
  if (facts->stack_known && ctx->sp + facts->stack_bytes != frame->stack)
    count(&hits->troubles[kTroubleStack]);
  ++frame->entries;
}

static __always_inline void leave(struct frame *frame, struct pt_regs *ctx,
                                  const struct function_facts *facts, struct function_hits *hits) {
  count(&hits->compared);
  if (facts->has_entry && frame->entries != 1) count(&hits->troubles[kTroubleEntries]);
  if (!facts->has_exit) return;
  if (frame->exits != 1) {
    count(&hits->troubles[kTroubleExits]);
  } else if (frame->result != ctx->ax) {
    count(&hits->troubles[kTroubleResult]);
  }
}

SEC("uprobe.multi")
int count_hit(struct pt_regs *ctx) {
  const __u64 cookie = bpf_get_attach_cookie(ctx);
  const __u32 function = (__u32)cookie;
  const __u32 kind = cookie >> kHitKindShift;
  struct function_hits *hits = bpf_map_lookup_elem(&hits_by_function, &function);
  const struct function_facts *facts = bpf_map_lookup_elem(&facts_by_function, &function);
  if (!hits || !facts || kind >= kHitKinds) return 0;
  count(&hits->hits[kind]);
  if (!facts->compared) return 0;
  struct frames *frames = frames_of_thread();
  if (!frames) return 0;
  if (ctx->sp <= frames->blind_to) return 0;
  frames->blind_to = 0;
  drop_dead(frames, kind == kHitCall ? ctx->sp + 1 : ctx->sp);
  if (kind == kHitCall) {
    begin(frames, ctx, function);
    return 0;
  }
  struct frame *frame = last_of(frames, function);
  if (!frame) return 0;
  if (kind == kHitEntry) enter(frame, ctx, facts, hits);
  if (kind == kHitExit) {
    frame->result = ctx->ax;
    ++frame->exits;
  }
  if (kind == kHitReturn && frame->stack == ctx->sp) {
    leave(frame, ctx, facts, hits);
    --frames->depth;
  }
  return 0;
}
