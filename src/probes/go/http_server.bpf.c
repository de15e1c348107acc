/* SPDX-License-Identifier: GPL-2.0
 * net/http servers, HTTP/1 (net/http/server.go) and HTTP/2 (net/http/h2_bundle.go and
 * golang.org/x/net/http2/server.go, whose fields have the same names). */
#include "probes/go/go_route.bpf.h"
#include "probes/go/go_trace_parent.bpf.h"

char LICENSE[] __weak SEC("license") = "GPL";

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

static __always_inline void begin_http1(const struct go_hit *hit, __u64 response, __u64 request,
                                        bool tls) {
  struct event_call *event = begin_short(hit, kGoHttp1Begin, response);
  if (!event) return;
  event->context = read_interface(hit->image, request, kGoRequestCtx);
  if (tls) event->flags = kGoTls;
  submit_short(event);
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

static __always_inline bool is_begun_http2(const struct go_request *known, __u64 writer,
                                           __u64 request) {
  return known && known->call == writer && known->request == request && !known->sends;
}

/* One hook for both versions of HTTP: only HTTP/1 has a *response for its writer, and that names the
 * request. HTTP/2 has begun in go_http2_run, which cannot be inlined (it is the function of a `go`). */
SEC("uprobe.multi")
int go_serve_http(struct pt_regs *ctx) {
  struct go_hit hit;
  __u64 writer = ctx->cx, request = ctx->di;
  struct go_request *known = find_request(ctx->r14, bpf_get_current_task_btf());
  if (is_begun_http2(known, writer, request) || !take_entry(&hit, ctx)) return 0;
  bool as_before = is_known_http1(known, &hit);
  if (!as_before && read_field(hit.image, writer, kGoResponseReq) != request) return 0;
  struct go_request served = new_request(&hit, writer, request);
  served.sends = 1;
  served.serves_http1 = 1;
  served.has_tls = as_before ? known->has_tls : has_tls(hit.image, writer);
  if (served.has_tls) report_head(&hit, writer);
  begin_http1(&hit, writer, request, served.has_tls);
  remember_request(&hit, known, &served);
  return 0;
}

SEC("uprobe.multi")
int go_http2_run(struct pt_regs *ctx) {
  struct go_hit hit;
  if (!take_entry(&hit, ctx)) return 0;
  __u64 conn = ctx->ax, writer = ctx->bx, request = ctx->cx;
  begin_http2(&hit, conn, writer, request);
  struct go_request served = new_request(&hit, writer, request);
  remember_request(&hit, find_request(hit.goroutine, hit.task), &served);
  return 0;
}

/* On the connection's goroutine, before there is a request; of trailers, too. */
SEC("uprobe.multi")
int go_http2_headers(struct pt_regs *ctx) {
  struct go_hit hit;
  if (!take_entry(&hit, ctx)) return 0;
  __u64 conn = ctx->ax, frame = ctx->bx;
  __u32 stream_id = stream_of_frame(&hit, frame);
  if (stream_id) report_trace_parent(&hit, conn, frame, stream_id);
  return 0;
}

/* method, target and client of a server's request. */
static __always_inline void set_request(struct call_scratch *scratch, const struct go_hit *hit,
                                        __u64 request) {
  struct event_call *event = &scratch->record.call;
  const struct go_image *image = hit->image;
  load_object(scratch, request);
  event->request_bytes = (__s64)word_in(scratch, image, request, kGoRequestContentLength);
  set_method(scratch, string_in(scratch, image, request, kGoRequestMethod));
  set_name(scratch, string_in(scratch, image, request, kGoRequestRemoteAddr));
  set_target(scratch, string_in(scratch, image, request, kGoRequestRequestUri));
}

/* The route of a request that ends before anything was sent. */
static __always_inline void report_last_route(const struct go_hit *hit, struct go_request *served,
                                              __u64 call) {
  if (is_of(served, hit) && served->open && served->call == call) report_route(hit, served, 0);
}

static __always_inline void end_http1(const struct go_hit *hit, __u64 response) {
  struct call_scratch *scratch = begin_long(hit, kGoHttp1End, response);
  if (!scratch) return;
  struct event_call *event = &scratch->record.call;
  event->flags = kGoTls;
  load_object(scratch, response);
  event->status = word_in(scratch, hit->image, response, kGoResponseStatus);
  event->response_bytes = (__s64)word_in(scratch, hit->image, response, kGoResponseWritten);
  set_request(scratch, hit, word_in(scratch, hit->image, response, kGoResponseReq));
  submit_long(scratch);
}

/* One that this goroutine has begun, whose route was told with the first bytes that it sent. */
static __always_inline bool is_told(const struct go_request *served, __u64 response) {
  return served && served->call == response && served->serves_http1 && !served->has_tls &&
         !served->open;
}

/* Without TLS the sockets tell the rest. The route is told here all the same: another goroutine may
 * have sent everything, as a proxy's that flushes now and then. */
SEC("uprobe.multi")
int go_finish_request(struct pt_regs *ctx) {
  struct go_hit hit;
  __u64 response = ctx->ax;
  if (is_told(find_request(ctx->r14, bpf_get_current_task_btf()), response)) return 0;
  if (!take_entry(&hit, ctx)) return 0;
  struct go_request *served = find_request(hit.goroutine, hit.task);
  report_last_route(&hit, served, response);
  bool tls = is_known_http1(served, &hit) ? served->has_tls : has_tls(hit.image, response);
  if (tls) end_http1(&hit, response);
  return 0;
}

SEC("uprobe.multi")
int go_http2_done(struct pt_regs *ctx) {
  struct go_hit hit;
  if (!take_entry(&hit, ctx)) return 0;
  __u64 writer = ctx->ax;
  report_last_route(&hit, find_request(hit.goroutine, hit.task), writer);
  struct call_scratch *scratch = begin_long(&hit, kGoHttp2End, writer);
  if (!scratch) return 0;
  struct event_call *event = &scratch->record.call;
  __u64 rws = read_field(hit.image, writer, http2_field(&hit, kGoHttp2WriterRws));
  load_object(scratch, rws);
  event->status = word_in(scratch, hit.image, rws, http2_field(&hit, kGoHttp2RwsStatus));
  event->response_bytes =
      (__s64)word_in(scratch, hit.image, rws, http2_field(&hit, kGoHttp2RwsWroteBytes));
  set_request(scratch, &hit, word_in(scratch, hit.image, rws, http2_field(&hit, kGoHttp2RwsReq)));
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
  __u64 response = ctx->ax;
  report_last_route(&hit, find_request(hit.goroutine, hit.task), response);
  struct call_scratch *scratch = begin_long(&hit, kGoHijack, response);
  if (!scratch) return 0;
  set_request(scratch, &hit, read_field(hit.image, response, kGoResponseReq));
  submit_long(scratch);
  return 0;
}

/* With http.ErrAbortHandler, of errors.New (net/http/server.go, errors/errors.go): the value is a pointer
 * to its text, which nobody else has. */
static __always_inline __u32 panic_flags(__u64 value) {
  static const char kAbort[24] = "net/http: abort Handler";
  char found[sizeof(kAbort)] = {};
  struct go_string text = {};
  if (bpf_probe_read_user(&text, sizeof(text), (void *)value)) return 0;
  if (text.length != sizeof(kAbort) - 1) return 0;
  if (bpf_probe_read_user(found, sizeof(kAbort) - 1, (void *)text.data)) return 0;
  for (__u32 at = 0; at < sizeof(kAbort); ++at) {
    if (found[at] != kAbort[at]) return 0;
  }
  return kGoFailed;
}

/* The end of a handler that does not recover says nothing of its request: it is told now. */
static __always_inline void report_panic_of(struct go_hit *hit, struct go_request *served,
                                            __u64 value) {
  if (served->open) report_route(hit, served, 0);
  struct call_scratch *scratch = begin_long(hit, kGoPanic, served->call);
  if (!scratch) return;
  scratch->record.call.flags = panic_flags(value);
  set_request(scratch, hit, served->request);
  submit_long(scratch);
}

/* runtime/panic.go */
SEC("uprobe.multi")
int go_panic(struct pt_regs *ctx) {
  struct go_hit hit;
  if (!take_entry(&hit, ctx)) return 0;
  struct go_request *served = find_request(hit.goroutine, hit.task);
  if (is_of(served, &hit)) {
    report_panic_of(&hit, served, ctx->bx);
    return 0;
  }
  struct event_call *event = begin_short(&hit, kGoPanic, 0);
  if (event) submit_short(event);
  return 0;
}
