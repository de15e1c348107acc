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

/* http2.FrameHeader, up to StreamID. Framer.readMetaFrame has invalidated it. */
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
  kMaxHeaders = 128,              /* ours: a request that has more is not looked at */
  kTraceParentNameBytes = 11,
  kTraceParentBytes = 55, /* https://www.w3.org/TR/trace-context/, version 00 */
};

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
  if (header.valid || header.type != kHeadersFrame || header.length > kMaxFrameBytes) return 0;
  return header.stream_id & 1 && !(header.stream_id >> 31) ? header.stream_id : 0;
}

/* Eight and three letters, little endian. */
static __always_inline bool is_trace_parent(struct go_string name) {
  struct {
    __u64 begin;
    __u64 end;
  } text = {};
  if (name.length != kTraceParentNameBytes) return false;
  if (bpf_probe_read_user(&text, kTraceParentNameBytes, (void *)name.data)) return false;
  return text.begin == 0x7261706563617274 /* "tracepar" */ && text.end == 0x746e65 /* "ent" */;
}

struct header_search {
  __u64 headers; /* address of the first */
  struct go_string value;
  __u64 found; /* how many */
};

static long look_at_header(__u32 index, void *argument) {
  struct header_search *search = argument;
  struct go_header header;
  __u64 at = search->headers + index * sizeof(header);
  if (bpf_probe_read_user(&header, sizeof(header), (void *)at)) {
    search->found = 0;
    return 1;
  }
  if (!is_trace_parent(header.name)) return 0;
  search->value = header.value;
  return ++search->found > 1;
}

/* owner: as at the begin of the request. */
static __always_inline void report_trace_parent(const struct go_hit *hit, __u64 owner, __u64 frame,
                                                __u32 stream_id) {
  const struct go_image *image = hit->image;
  if (image->offset[kGoHpackValue] != __builtin_offsetof(struct go_header, value)) return;
  if (image->offset[kGoHpackSensitive] != __builtin_offsetof(struct go_header, sensitive)) return;
  /* A slice begins as a string does. */
  struct go_string headers = read_string(image, frame, frame_field(hit, kGoHttp2MetaFields));
  if (headers.length > kMaxHeaders) return;
  struct header_search search = {.headers = headers.data};
  bpf_loop(headers.length, look_at_header, &search, 0);
  if (search.found != 1 || search.value.length != kTraceParentBytes) return;
  struct call_scratch *scratch = begin_long(hit, kGoTraceParent, 0);
  if (!scratch) return;
  scratch->record.call.owner = owner;
  scratch->record.call.status = stream_id;
  set_name(scratch, search.value);
  submit_long(scratch);
}
