/* SPDX-License-Identifier: GPL-2.0
 * A hit of a Go probe: whose it is, and reading what the registers point to. Everything read is
 * the target's: a read that fails yields 0, and so does a field that the binary does not have. */
#pragma once

#include "probes/kernel_lib/select.bpf.h"

enum { kFlagCarry = 0x1, kFlagZero = 0x40 }; /* of RFLAGS: JBE jumps if either is set */

struct go_hit {
  struct task_struct *task;
  const struct go_image *image;
  __u64 goroutine;
  __u64 goroutine_id; /* 0: unknown */
  __u32 image_index;
  __u32 variant;
};

static __always_inline __u64 read_word(__u64 address) {
  __u64 word = 0;
  if (bpf_probe_read_user(&word, sizeof(word), (void *)address)) return 0;
  return word;
}

/* 32 bits of it. */
static __always_inline __u32 read_number(__u64 address) {
  __u32 number = 0;
  if (bpf_probe_read_user(&number, sizeof(number), (void *)address)) return 0;
  return number;
}

/* Address of a field of the object at `base`; 0: there is no such field, or no object. */
static __always_inline __u64 field_at(const struct go_image *image, __u64 base, __u32 field) {
  __u32 offset = image->offset[field];
  return base && offset != kGoAbsentField ? base + offset : 0;
}

static __always_inline __u64 read_field(const struct go_image *image, __u64 base, __u32 field) {
  __u64 address = field_at(image, base, field);
  return address ? read_word(address) : 0;
}

/* The data pointer of an interface stands behind its type word. */
static __always_inline __u64 read_interface(const struct go_image *image, __u64 base, __u32 field) {
  __u64 address = field_at(image, base, field);
  return address ? read_word(address + 8) : 0;
}

/* False: nothing to report. dispatch.bpf.c has asked whether the process is probed. */
static __always_inline bool take_hit_of(struct go_hit *hit, struct pt_regs *ctx,
                                        struct task_struct *task, __u64 cookie) {
  hit->task = task;
  hit->image_index = (cookie >> kGoCookieImageShift) % kGoImages;
  hit->variant = cookie & kGoVariantXnet;
  hit->image = bpf_map_lookup_elem(&go_images, &hit->image_index);
  hit->goroutine = ctx->r14;
  if (!hit->image) return false;
  hit->goroutine_id = read_field(hit->image, hit->goroutine, kGoGGoid);
  return true;
}

static __always_inline bool take_hit(struct go_hit *hit, struct pt_regs *ctx) {
  return take_hit_of(hit, ctx, bpf_get_current_task_btf(), bpf_get_attach_cookie(ctx));
}

/* At an entry the probe stands on the jump of the stack check, or behind it with the flags as they
 * were: when it jumps, the stack grows and the function is entered again. */
static __always_inline bool take_entry(struct go_hit *hit, struct pt_regs *ctx) {
  return !(ctx->flags & (kFlagCarry | kFlagZero)) && take_hit(hit, ctx);
}

struct go_string {
  __u64 data;
  __u64 length;
};

static __always_inline struct go_string read_string(const struct go_image *image, __u64 base,
                                                    __u32 field) {
  struct go_string text = {};
  __u64 address = field_at(image, base, field);
  if (!address || bpf_probe_read_user(&text, sizeof(text), (void *)address)) text.length = 0;
  return text;
}

/* The fields of x/net's types stand in the table as those of the bundled copy, further on. */
static __always_inline __u32 http2_field(const struct go_hit *hit, __u32 field) {
  return hit->variant ? field + (kGoXnetWriterRws - kGoHttp2WriterRws) : field;
}
