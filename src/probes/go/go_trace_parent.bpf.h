/* SPDX-License-Identifier: GPL-2.0
 * The `traceparent` of a request over HTTP/2, in the frame that net/http, golang.org/x/net/http2 and
 * gRPC get from their Framer (x/net/http2/frame.go, x/net/http2/hpack/hpack.go). */
#pragma once

#include "probes/go/go_emit.bpf.h"

/* hpack.HeaderField. */
struct go_header {
  struct go_string name;
  struct go_string value;
  __u64 sensitive;
};
ABI_ASSERT(sizeof(struct go_header) == 40);

/* http2.FrameHeader, up to StreamID. */
struct go_frame_header {
  __u8 valid;
  __u8 type;
  __u8 flags;
  __u8 padding;
  __u32 length;
  __u32 stream_id;
};
ABI_ASSERT(sizeof(struct go_frame_header) == 12);

enum {
  kHeadersFrame = 1,              /* RFC 9113, 6.2 */
  kMaxFrameBytes = (1 << 24) - 1, /* RFC 9113, 4.1 */
  kHeadersAtOnce = 24,            /* so many fit into the scratch */
  kHeaderRounds = 3,              /* ours: headers behind those of so many rounds are not looked at */
  kMaxHeaders = 1 << 20,          /* ours: more is no slice of them */
  kTraceParentNameBytes = 11,
  kTraceParentBytes = 55, /* https://www.w3.org/TR/trace-context/, version 00 */
};
ABI_ASSERT(kHeadersAtOnce * sizeof(struct go_header) <= kGoTargetBytes);

/* The fields of x/net's frame stand in the table as those of the bundled copy, further on. */
static __always_inline __u32 frame_field(const struct go_hit *hit, __u32 field) {
  return hit->variant ? field + (kGoXnetMetaHeaders - kGoHttp2MetaHeaders) : field;
}

/* The stream that a *MetaHeadersFrame begins; 0: it is none, or its stream is no client's. */
static __always_inline __u32 stream_of_frame(const struct go_hit *hit, __u64 frame) {
  struct go_frame_header header = {};
  __u64 headers = read_field(hit->image, frame, frame_field(hit, kGoHttp2MetaHeaders));
  __u64 at = field_at(hit->image, headers, frame_field(hit, kGoHttp2HeadersStreamId));
  if (!at) return 0;
  at -= __builtin_offsetof(struct go_frame_header, stream_id);
  if (bpf_probe_read_user(&header, sizeof(header), (void *)at)) return 0;
  if (header.valid != 1 || header.type != kHeadersFrame || header.length > kMaxFrameBytes) return 0;
  return header.stream_id & 1 && !(header.stream_id >> 31) ? header.stream_id : 0;
}

static __always_inline bool is_trace_parent(struct go_string name) {
  static const char kWanted[kTraceParentNameBytes + 1] = "traceparent";
  char text[kTraceParentNameBytes];
  if (bpf_probe_read_user(text, sizeof(text), (void *)name.data)) return false;
  for (__u32 i = 0; i < sizeof(text); ++i) {
    if (text[i] != kWanted[i]) return false;
  }
  return true;
}

struct found_headers {
  __u64 value; /* address */
  __u64 count;
};

/* headers: copied into the target's place of the scratch. */
static __always_inline void find_in_copied(struct found_headers *found,
                                           const struct go_header *headers, __u64 count) {
  for (__u32 i = 0; i < kHeadersAtOnce && i < count; ++i) {
    const struct go_header *header = &headers[i];
    if (header->name.length != kTraceParentNameBytes) continue;
    if (!is_trace_parent(header->name)) continue;
    ++found->count;
    found->value = header->value.length == kTraceParentBytes ? header->value.data : 0;
  }
}

/* Address of the value of the only `traceparent`; 0: there is none, or several. */
static __always_inline __u64 find_trace_parent(struct call_scratch *scratch, __u64 data,
                                               __u64 length) {
  struct found_headers found = {};
  for (__u32 round = 0; round < kHeaderRounds; ++round) {
    __u64 done = round * kHeadersAtOnce;
    if (done >= length) break;
    __u64 count = length - done;
    if (count > kHeadersAtOnce) count = kHeadersAtOnce;
    barrier_var(count);
    if (count > kHeadersAtOnce) break;
    if (bpf_probe_read_user(scratch->record.target, count * sizeof(struct go_header),
                            (void *)(data + done * sizeof(struct go_header))))
      return 0;
    find_in_copied(&found, (const struct go_header *)scratch->record.target, count);
  }
  return found.count == 1 ? found.value : 0;
}

/* Nothing was reserved in the ring: most requests have none. */
static __always_inline void drop_scratch(struct call_scratch *scratch) {
  __sync_lock_test_and_set(&scratch->in_use, 0);
}

/* owner: as at the begin of the request. */
static __always_inline void report_trace_parent(const struct go_hit *hit, __u64 owner, __u64 frame,
                                                __u32 stream_id) {
  struct {
    __u64 data;
    __u64 length;
  } headers = {};
  const struct go_image *image = hit->image;
  if (image->offset[kGoHpackValue] != __builtin_offsetof(struct go_header, value)) return;
  if (image->offset[kGoHpackSensitive] != __builtin_offsetof(struct go_header, sensitive)) return;
  __u64 at = field_at(image, frame, frame_field(hit, kGoHttp2MetaFields));
  if (!at || bpf_probe_read_user(&headers, sizeof(headers), (void *)at)) return;
  if (headers.length > kMaxHeaders) return;
  struct call_scratch *scratch = begin_long(hit, kGoTraceParent, 0);
  if (!scratch) return;
  struct go_string value = {.length = kTraceParentBytes};
  value.data = find_trace_parent(scratch, headers.data, headers.length);
  if (!value.data) {
    drop_scratch(scratch);
    return;
  }
  scratch->record.call.owner = owner;
  scratch->record.call.status = stream_id;
  set_name(scratch, value);
  submit_long(scratch);
}
