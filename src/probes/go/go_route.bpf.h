/* SPDX-License-Identifier: GPL-2.0
 * Reading the route of a request that is being served, and reporting it. */
#pragma once

#include "probes/go/go_request.bpf.h"

/* Go 1.22 has the pattern only parsed. */
static __always_inline struct go_string read_pattern(const struct go_image *image, __u64 request) {
  struct go_string text = read_string(image, request, kGoRequestPattern);
  if (text.length || image->offset[kGoRequestPattern] != kGoAbsentField) return text;
  return read_string(image, read_field(image, request, kGoRequestPat), kGoPatternStr);
}

static __always_inline __u64 read_gin_writer(const struct go_image *image, __u64 context) {
  return read_interface(image, context, kGoGinContextWriter);
}

static __always_inline __u64 read_echo_writer(const struct go_image *image, __u64 context) {
  __u64 response = read_field(image, context, kGoEchoContextResponse);
  return read_interface(image, response, kGoEchoResponseWriter);
}

/* Contexts are pooled. The next request that gets this one first puts its writer there and only then
 * its route: a route that was read before the writer was seen unchanged is ours. The text itself
 * belongs to the router's tree and does not change. */
static __always_inline struct go_string read_routed(const struct go_image *image,
                                                    const struct go_request *served) {
  struct go_string none = {}, text;
  if (served->router == kRouterGin) {
    text = read_string(image, served->routed, kGoGinContextFullPath);
    return read_gin_writer(image, served->routed) == served->writer ? text : none;
  }
  if (served->router == kRouterEcho) {
    text = read_string(image, served->routed, kGoEchoContextPath);
    return read_echo_writer(image, served->routed) == served->writer ? text : none;
  }
  return none;
}

/* Nobody but the handlers holds a copy: when they have returned, its memory may become another
 * request. Ours has the very text that was received for its URI, which that of `request` keeps alive. */
static __always_inline struct go_string read_copied_pattern(const struct go_image *image,
                                                            const struct go_request *served) {
  struct go_string none = {}, text = read_pattern(image, served->copy);
  if (!text.length) return none;
  __u64 copied = read_string(image, served->copy, kGoRequestRequestUri).data;
  return copied == read_string(image, served->request, kGoRequestRequestUri).data ? text : none;
}

/* A framework's route is more specific than the pattern under which it was mounted. */
static __always_inline struct go_string read_route(const struct go_image *image,
                                                   const struct go_request *served) {
  struct go_string text = read_routed(image, served);
  if (!text.length && served->copy) text = read_copied_pattern(image, served);
  return text.length ? text : read_pattern(image, served->request);
}

/* A pattern that ends with a slash: another ServeMux may be mounted there. */
static __always_inline bool is_subtree(const __u8 *text, __u32 length) {
  __u32 last = length - 1;
  barrier_var(last);
  return last < kGoTargetBytes && text[last] == '/';
}

/* served: null: unknown. Whether there may be more to know: no route, or that of a subtree. */
static __always_inline bool emit_route(const struct go_hit *hit, const struct go_request *served,
                                       struct go_string route, __u32 flags, __u64 connection_id) {
  if (!route.length) return true;
  struct call_scratch *scratch = begin_in_scratch(hit, kGoRoute, served ? served->call : 0);
  if (!scratch) return false;
  struct event_call *event = &scratch->record.call;
  __u8 *text = (__u8 *)&scratch->record.texts; /* and what follows it */
  __u32 copied = copy_text(text, kGoTargetBytes, route);
  event->header.connection_id = connection_id;
  event->owner = served ? served->begun_ns : 0;
  event->flags = flags | kGoBareTarget;
  event->status = told_length(route, copied);
  bool may_be_more = is_subtree(text, copied);
  submit_scratch(scratch, copied);
  return may_be_more;
}

/* Once a request. */
static __always_inline void report_route(const struct go_hit *hit, struct go_request *served,
                                         __u64 connection_id) {
  served->open = 0;
  struct go_string route = read_route(hit->image, served);
  bool may_be_more = emit_route(hit, served, route, 0, connection_id);
  struct go_mux_use *use = mux_use_of(served);
  if (!use) return;
  if (may_be_more) use->unrouted++;
  else use->routed++;
}
