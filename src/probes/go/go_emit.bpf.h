/* SPDX-License-Identifier: GPL-2.0
 * Writing event_call records: short ones into space of the ring, longer ones by way of a scratch. */
#pragma once

#include "probes/go/go_read.bpf.h"

struct call_record {
  struct event_call call;
  struct event_call_texts texts;
  __u8 target[kGoTargetBytes];
};

enum { kObjectBytes = 256 }; /* of a net/http.Request all that we read but its context and pattern */
struct call_scratch {
  struct call_record record;
  __u8 object[kObjectBytes]; /* see load_object() */
  __u64 object_at;           /* 0: none was loaded */
  __u64 in_use;
};

/* key: how many programs of this CPU are writing. Uprobe programs stay on their CPU but the task may
 * be preempted, and the next one hit a probe too; so deep that is counted as lost. */
enum { kScratchDepth = 4 };
struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, kScratchDepth);
  __type(key, __u32);
  __type(value, struct call_scratch);
} call_scratch __weak SEC(".maps");

/* As of other short records: asking the ring how full it is, and waking, is done for one of several. */
enum { kAskEveryCall = 16 };

static __always_inline struct event_counts *call_counts(void) {
  __u32 kind = kEventCall;
  return bpf_map_lookup_elem(&counts_by_kind, &kind);
}

static __always_inline __u64 call_wakeup_flags(const struct event_counts *counts) {
  return counts && counts->generated % kAskEveryCall == 0 ? wakeup_flags() : BPF_RB_NO_WAKEUP;
}

static __always_inline void finish_call(struct event_counts *counts, bool lost) {
  if (!counts) return;
  if (lost) __sync_fetch_and_add(&counts->lost[kLossRingFull], 1);
  __sync_fetch_and_add(&counts->generated, 1);
  wake_sleeping_reader();
}

/* Everything but what the kind of call adds. */
static __always_inline void fill_call(struct event_call *event, const struct go_hit *hit,
                                      __u32 kind, __u64 call) {
  fill_header(&event->header, kEventCall, sizeof(*event), 0);
  fill_key(&event->process, hit->task);
  event->goroutine = hit->goroutine;
  event->goroutine_id = hit->goroutine_id;
  event->parent_goroutine_id = 0;
  event->call = call;
  event->owner = 0;
  event->context = 0;
  event->kind = kind;
  event->flags = 0;
  event->request_bytes = -1;
  event->response_bytes = -1;
  event->status = 0;
  event->remote_port = 0;
  event->padding = 0;
  __builtin_memset(event->remote_address, 0, sizeof(event->remote_address));
}

/* Only of calls that look for what they serve: the field is in no cache as a rule, which costs a
 * tenth of a microsecond. */
static __always_inline void set_parent(struct event_call *event, const struct go_hit *hit) {
  event->parent_goroutine_id = read_field(hit->image, hit->goroutine, kGoGParentGoid);
}

/* A short record, to be submitted; null: lost, and counted. */
static __always_inline struct event_call *begin_short(const struct go_hit *hit, __u32 kind,
                                                      __u64 call) {
  struct event_call *event = bpf_ringbuf_reserve(&data_ring, sizeof(*event), 0);
  if (!event) {
    finish_call(call_counts(), true);
    return 0;
  }
  fill_call(event, hit, kind, call);
  return event;
}

static __always_inline void submit_short(struct event_call *event) {
  struct event_counts *counts = call_counts();
  bpf_ringbuf_submit(event, call_wakeup_flags(counts));
  finish_call(counts, false);
}

static __always_inline struct call_scratch *take_call_scratch(void) {
  for (__u32 depth = 0; depth < kScratchDepth; ++depth) {
    __u32 key = depth;
    struct call_scratch *scratch = bpf_map_lookup_elem(&call_scratch, &key);
    if (scratch && !__sync_lock_test_and_set(&scratch->in_use, 1)) return scratch;
  }
  return 0;
}

/* What follows the event_call is as it was; null: lost, and counted. */
static __always_inline struct call_scratch *begin_in_scratch(const struct go_hit *hit, __u32 kind,
                                                             __u64 call) {
  struct call_scratch *scratch = take_call_scratch();
  if (scratch) fill_call(&scratch->record.call, hit, kind, call);
  else finish_call(call_counts(), true);
  return scratch;
}

/* A record with texts, all empty; null: lost, and counted. */
static __always_inline struct call_scratch *begin_long(const struct go_hit *hit, __u32 kind,
                                                       __u64 call) {
  struct call_scratch *scratch = begin_in_scratch(hit, kind, call);
  if (scratch) __builtin_memset(&scratch->record.texts, 0, sizeof(scratch->record.texts));
  return scratch;
}

/* behind: bytes of the record that follow its event_call. */
static __always_inline void submit_scratch(struct call_scratch *scratch, __u32 behind) {
  struct call_record *record = &scratch->record;
  __u32 size = sizeof(record->call) + behind;
  record->call.header.size = size;
  struct event_counts *counts = call_counts();
  barrier_var(size);
  bool lost = size > sizeof(*record) ||
              bpf_ringbuf_output(&data_ring, record, size, call_wakeup_flags(counts)) != 0;
  /* Not before the copy: the next hit on this CPU may write here. */
  __sync_lock_test_and_set(&scratch->in_use, 0);
  finish_call(counts, lost);
}

static __always_inline void submit_long(struct call_scratch *scratch) {
  const struct event_call_texts *texts = &scratch->record.texts;
  submit_scratch(scratch, sizeof(*texts) + texts->target_copied);
}

/* Reads the beginning of an object of which several fields are wanted, since each look into the target
 * is a tenth of a microsecond. What follows it may not be there: then its fields are read one by one. */
static __always_inline void load_object(struct call_scratch *scratch, __u64 address) {
  bool failed = bpf_probe_read_user(scratch->object, kObjectBytes, (void *)address);
  scratch->object_at = failed ? 0 : address;
}

static __always_inline bool is_loaded(const struct call_scratch *scratch, __u64 address) {
  return address && scratch->object_at == address;
}

static __always_inline struct go_string string_in(const struct call_scratch *scratch,
                                                  const struct go_image *image, __u64 base,
                                                  __u32 field) {
  struct go_string text = {};
  __u32 offset = image->offset[field];
  if (!is_loaded(scratch, base)) return read_string(image, base, field);
  barrier_var(offset);
  if (offset > kObjectBytes - sizeof(text)) return read_string(image, base, field);
  __builtin_memcpy(&text, &scratch->object[offset], sizeof(text));
  return text;
}

static __always_inline __u64 word_in(const struct call_scratch *scratch,
                                     const struct go_image *image, __u64 base, __u32 field) {
  __u64 word = 0;
  __u32 offset = image->offset[field];
  if (!is_loaded(scratch, base)) return read_field(image, base, field);
  barrier_var(offset);
  if (offset > kObjectBytes - sizeof(word)) return read_field(image, base, field);
  __builtin_memcpy(&word, &scratch->object[offset], sizeof(word));
  return word;
}

/* Copies at most `limit` bytes, a constant. Returns how many. */
static __always_inline __u32 copy_text(__u8 *to, __u32 limit, struct go_string text) {
  __u32 length = text.length < limit ? (__u32)text.length : limit;
  barrier_var(length);
  if (length > limit) return 0;
  return bpf_probe_read_user(to, length, (void *)text.data) ? 0 : length;
}

/* How long a text of the target says it is; an unreadable one is not there. */
static __always_inline __u32 told_length(struct go_string text, __u32 copied) {
  if (!copied) return 0;
  return text.length < 0xffffffff ? (__u32)text.length : 0xffffffff;
}

static __always_inline void set_method(struct call_scratch *scratch, struct go_string text) {
  struct event_call_texts *texts = &scratch->record.texts;
  texts->method_length = told_length(text, copy_text(texts->method, kGoMethodBytes, text));
}

static __always_inline void set_name(struct call_scratch *scratch, struct go_string text) {
  struct event_call_texts *texts = &scratch->record.texts;
  texts->name_length = told_length(text, copy_text(texts->name, kGoNameBytes, text));
}

static __always_inline void set_target(struct call_scratch *scratch, struct go_string text) {
  struct event_call_texts *texts = &scratch->record.texts;
  texts->target_copied = copy_text(scratch->record.target, kGoTargetBytes, text);
  texts->target_length = told_length(text, texts->target_copied);
}
