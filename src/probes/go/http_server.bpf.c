/* SPDX-License-Identifier: GPL-2.0
 * net/http servers, HTTP/1 (net/http/server.go) and HTTP/2 (net/http/h2_bundle.go and
 * golang.org/x/net/http2/server.go, whose fields have the same names). */
#include "probes/go/go_route.bpf.h"

char LICENSE[] __weak SEC("license") = "GPL";

static __always_inline bool has_tls(const struct go_image *image, __u64 response) {
  if (image->flags & kGoNoTlsServer) return false;
  __u64 conn = read_field(image, response, kGoResponseConn);
  return read_field(image, conn, kGoConnTlsState) != 0;
}

static __always_inline void begin_http1(const struct go_hit *hit, __u64 response, __u64 request) {
  struct event_call *event = begin_short(hit, kGoHttp1Begin, response);
  if (!event) return;
  event->context = read_interface(hit->image, request, kGoRequestCtx);
  if (has_tls(hit->image, response)) event->flags = kGoTls;
  submit_short(event);
}

static __always_inline void begin_http2(const struct go_hit *hit, __u64 conn, __u64 writer,
                                        __u64 request) {
  struct event_call *event = begin_short(hit, kGoHttp2Begin, writer);
  if (!event) return;
  __u64 rws = read_field(hit->image, writer, http2_field(hit, kGoHttp2WriterRws));
  __u64 stream = read_field(hit->image, rws, http2_field(hit, kGoHttp2RwsStream));
  event->context = read_interface(hit->image, request, kGoRequestCtx);
  event->owner = conn;
  event->status = read_number(field_at(hit->image, stream, http2_field(hit, kGoHttp2StreamId)));
  submit_short(event);
}

/* One hook for both versions of HTTP: only HTTP/1 has a *response for its writer, and that names the
 * request. HTTP/2 has begun in go_http2_run, which cannot be inlined (it is the function of a `go`). */
SEC("uprobe.multi")
int go_serve_http(struct pt_regs *ctx) {
  struct go_hit hit;
  if (!take_entry(&hit, ctx)) return 0;
  __u64 writer = ctx->cx, request = ctx->di;
  if (read_field(hit.image, writer, kGoResponseReq) != request) return 0;
  begin_http1(&hit, writer, request);
  begin_request(&hit, writer, request, true);
  return 0;
}

SEC("uprobe.multi")
int go_http2_run(struct pt_regs *ctx) {
  struct go_hit hit;
  if (!take_entry(&hit, ctx)) return 0;
  __u64 conn = ctx->ax, writer = ctx->bx, request = ctx->cx;
  begin_http2(&hit, conn, writer, request);
  begin_request(&hit, writer, request, false);
  return 0;
}

/* method, target and client of a server's request. */
static __always_inline void set_request(struct call_scratch *scratch, const struct go_hit *hit,
                                        __u64 request) {
  struct event_call *event = &scratch->record.call;
  event->request_bytes = (__s64)read_field(hit->image, request, kGoRequestContentLength);
  set_method(scratch, read_string(hit->image, request, kGoRequestMethod));
  set_name(scratch, read_string(hit->image, request, kGoRequestRemoteAddr));
  set_target(scratch, read_string(hit->image, request, kGoRequestRequestUri));
}

/* The route of a request that ends before anything was sent. */
static __always_inline void report_last_route(const struct go_hit *hit, __u64 call) {
  struct go_request *served = open_request(hit);
  if (served && served->call == call) report_route(hit, served, 0);
}

static __always_inline void end_http1(const struct go_hit *hit, __u64 response) {
  struct call_scratch *scratch = begin_long(hit, kGoHttp1End, response);
  if (!scratch) return;
  struct event_call *event = &scratch->record.call;
  event->flags = kGoTls;
  event->status = read_field(hit->image, response, kGoResponseStatus);
  event->response_bytes = (__s64)read_field(hit->image, response, kGoResponseWritten);
  set_request(scratch, hit, read_field(hit->image, response, kGoResponseReq));
  submit_long(scratch);
}

/* Without TLS the sockets tell the rest. */
SEC("uprobe.multi")
int go_finish_request(struct pt_regs *ctx) {
  struct go_hit hit;
  if (!take_entry(&hit, ctx)) return 0;
  __u64 response = ctx->ax;
  report_last_route(&hit, response);
  if (has_tls(hit.image, response)) end_http1(&hit, response);
  return 0;
}

SEC("uprobe.multi")
int go_http2_done(struct pt_regs *ctx) {
  struct go_hit hit;
  if (!take_entry(&hit, ctx)) return 0;
  __u64 writer = ctx->ax;
  report_last_route(&hit, writer);
  struct call_scratch *scratch = begin_long(&hit, kGoHttp2End, writer);
  if (!scratch) return 0;
  struct event_call *event = &scratch->record.call;
  __u64 rws = read_field(hit.image, writer, http2_field(&hit, kGoHttp2WriterRws));
  event->status = read_field(hit.image, rws, http2_field(&hit, kGoHttp2RwsStatus));
  event->response_bytes = (__s64)read_field(hit.image, rws, http2_field(&hit, kGoHttp2RwsWroteBytes));
  set_request(scratch, &hit, read_field(hit.image, rws, http2_field(&hit, kGoHttp2RwsReq)));
  submit_long(scratch);
  return 0;
}

/* Instead of done; on the connection's goroutine. */
SEC("uprobe.multi")
int go_http2_panic(struct pt_regs *ctx) {
  struct go_hit hit;
  if (!take_entry(&hit, ctx)) return 0;
  __u64 stream_id = ctx->ax, conn = ctx->cx;
  struct event_call *event = begin_short(&hit, kGoHttp2Panic, 0);
  if (!event) return 0;
  event->owner = conn;
  event->status = read_number(stream_id);
  submit_short(event);
  return 0;
}

SEC("uprobe.multi")
int go_hijack(struct pt_regs *ctx) {
  struct go_hit hit;
  if (!take_entry(&hit, ctx)) return 0;
  struct event_call *event = begin_short(&hit, kGoHijack, ctx->ax);
  if (event) submit_short(event);
  return 0;
}

/* runtime/panic.go */
SEC("uprobe.multi")
int go_panic(struct pt_regs *ctx) {
  struct go_hit hit;
  if (!take_entry(&hit, ctx)) return 0;
  struct event_call *event = begin_short(&hit, kGoPanic, 0);
  if (event) submit_short(event);
  return 0;
}
