/* SPDX-License-Identifier: GPL-2.0
 * A net/http server's request over HTTP/1 (net/http/server.go) begins. */
#pragma once

#include "probes/go/go_request.bpf.h"

static __always_inline bool has_tls(const struct go_image *image, __u64 response) {
  if (image->flags & kGoNoTlsServer) return false;
  __u64 conn = read_field(image, response, kGoResponseConn);
  return read_field(image, conn, kGoConnTlsState) != 0;
}

/* What a goroutine is known to serve; each look into the target that is saved is a tenth of a
 * microsecond. */
static __always_inline bool is_known_http1(const struct go_request *known,
                                           const struct go_hit *hit) {
  return is_of(known, hit) && hit->goroutine_id && known->serves_http1;
}

/* begun_ns: 0: now. Returns it; 0: the record is lost. */
static __always_inline __u64 begin_http1(const struct go_hit *hit, __u64 response, __u64 request,
                                         bool tls, __u64 begun_ns) {
  struct event_call *event = begin_short(hit, kGoHttp1Begin, response);
  if (!event) return 0;
  if (begun_ns) event->header.time_ns = begun_ns;
  begun_ns = event->header.time_ns;
  if (hit->image->flags & kGoTracesWanted) /* by it, calls find the request that they serve */
    event->context = read_interface(hit->image, request, kGoRequestCtx);
  if (tls) event->flags = kGoTls;
  submit_short(event);
  return begun_ns;
}

/* Of plain requests the sockets tell the begin. Where no calls look for what they serve, its goroutine
 * is told with the route, if there is one: a quarter of a microsecond less. */
static __always_inline bool is_begin_told(const struct go_hit *hit,
                                          const struct go_request *served) {
  return served->has_tls || (hit->image->flags & kGoTracesWanted);
}

/* What net/http has read, up to the end of the request's head; the body was not touched yet. */
static __always_inline void report_head(const struct go_hit *hit, __u64 response) {
  const struct go_image *image = hit->image;
  if (!(image->flags & kGoTracesWanted)) return;
  __u64 reader = read_field(image, read_field(image, response, kGoResponseConn), kGoConnBufr);
  struct go_string buffer = read_string(image, reader, kGoBufioBuf); /* a slice begins as a string */
  __u64 end = read_field(image, reader, kGoBufioR);
  if (!end || end > buffer.length) return;
  struct go_string head = {.data = buffer.data, .length = end};
  if (end > kGoHeadBytes) {
    head.data += end - kGoHeadBytes;
    head.length = kGoHeadBytes;
  }
  struct call_scratch *scratch = begin_long(hit, kGoTraceParent, response);
  if (!scratch) return;
  set_target(scratch, head);
  submit_long(scratch);
}

/* At the call in the loop of an HTTP/1 connection, whose writer is a *response. */
static __always_inline void serve_http1(const struct go_hit *hit, __u64 writer, __u64 request) {
  struct go_request *known = find_request(hit->goroutine, hit->task);
  bool as_before = is_known_http1(known, hit);
  struct go_request served = new_request(hit, writer, request);
  served.sends = 1;
  served.serves_http1 = 1;
  served.open = !(hit->image->flags & kGoNoRoutes);
  served.connection_id = as_before ? known->connection_id : 0;
  served.has_tls = as_before ? known->has_tls : has_tls(hit->image, writer);
  if (served.has_tls) report_head(hit, writer);
  served.begun_ns = is_begin_told(hit, &served)
                        ? begin_http1(hit, writer, request, served.has_tls, 0)
                        : bpf_ktime_get_boot_ns();
  remember_request(hit, known, &served);
}
