/* SPDX-License-Identifier: GPL-2.0
 * net/http servers, HTTP/1 (net/http/server.go) and HTTP/2 (net/http/h2_bundle.go and
 * golang.org/x/net/http2/server.go, whose fields have the same names). */
#include "probes/go/go_http1.bpf.h"
#include "probes/go/go_route.bpf.h"
#include "probes/go/go_trace_parent.bpf.h"

char LICENSE[] __weak SEC("license") = "GPL";

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

/* ended_ns: 0: now. */
static __always_inline void end_http1(const struct go_hit *hit, __u64 response, __u64 ended_ns) {
  struct call_scratch *scratch = begin_long(hit, kGoHttp1End, response);
  if (!scratch) return;
  struct event_call *event = &scratch->record.call;
  if (ended_ns) event->header.time_ns = ended_ns;
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

static __always_inline void finish_http1(const struct go_hit *hit, __u64 response) {
  struct go_request *served = find_request(hit->goroutine, hit->task);
  report_last_route(hit, served, response);
  bool tls = is_known_http1(served, hit) ? served->has_tls : has_tls(hit->image, response);
  if (tls) end_http1(hit, response, 0);
}

/* Without TLS the sockets tell the rest. The route is told here all the same: another goroutine may
 * have sent everything, as a proxy's that flushes now and then. */
SEC("uprobe.multi")
int go_finish_request(struct pt_regs *ctx) {
  struct go_hit hit;
  __u64 response = ctx->ax;
  if (is_told(find_request(ctx->r14, bpf_get_current_task_btf()), response)) return 0;
  if (!take_entry(&hit, ctx)) return 0;
  finish_http1(&hit, response);
  return 0;
}

/* The connection's type is none of crypto/tls, so that net/http knows of no TLS, but ends the request by
 * calling it: there is TLS below a wrapper (cmux, PROXY protocol, a listener of the program's own). What
 * began is told once more, as under TLS; of the next ones of the connection it is known. */
static __always_inline void begin_below_wrapper(const struct go_hit *hit,
                                                struct go_request *served) {
  served->has_tls = 1;
  served->open = !(hit->image->flags & kGoNoRoutes); /* nobody knew whose route it was */
  report_head(hit, served->call);
  begin_http1(hit, served->call, served->request, true, served->begun_ns);
}

/* The answer is out, and what was left of the request's body was waited for: the end is that of the
 * last send, as without TLS. A handler, or its client of another server, may call this function, too. */
SEC("uprobe.multi")
int go_tls_done(struct pt_regs *ctx) {
  struct go_hit hit;
  struct go_request *served = find_request(ctx->r14, bpf_get_current_task_btf());
  if (!served || !served->serves_http1 || served->ended) return 0;
  if (!take_entry(&hit, ctx) || !is_of(served, &hit)) return 0;
  __u64 response = served->call;
  if (!read_number(field_at(hit.image, response, kGoResponseHandlerDone))) return 0;
  served->ended = 1;
  if (!served->has_tls) begin_below_wrapper(&hit, served);
  report_last_route(&hit, served, response);
  end_http1(&hit, response, served->sent_ns);
  return 0;
}

static __always_inline void end_http2(const struct go_hit *hit, struct go_request *served,
                                      __u64 writer) {
  report_last_route(hit, served, writer);
  struct call_scratch *scratch = begin_long(hit, kGoHttp2End, writer);
  if (!scratch) return;
  struct event_call *event = &scratch->record.call;
  __u64 rws = read_field(hit->image, writer, http2_field(hit, kGoHttp2WriterRws));
  load_object(scratch, rws);
  event->status = word_in(scratch, hit->image, rws, http2_field(hit, kGoHttp2RwsStatus));
  event->response_bytes =
      (__s64)word_in(scratch, hit->image, rws, http2_field(hit, kGoHttp2RwsWroteBytes));
  set_request(scratch, hit, word_in(scratch, hit->image, rws, http2_field(hit, kGoHttp2RwsReq)));
  submit_long(scratch);
}

SEC("uprobe.multi")
int go_http2_done(struct pt_regs *ctx) {
  struct go_hit hit;
  if (!take_entry(&hit, ctx)) return 0;
  end_http2(&hit, find_request(hit.goroutine, hit.task), ctx->ax);
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
  scratch->record.call.owner = served->begun_ns;
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
  /* Where no begin is probed, its connection tells what it serves. */
  struct event_call *event = begin_short(&hit, kGoPanic, 0);
  if (!event) return 0;
  event->flags = panic_flags(ctx->bx);
  submit_short(event);
  return 0;
}

/* Where the functions above were inlined: docs/design/0016-inlined-ends.md. */

static __always_inline __u64 response_of(const struct go_image *image, __u64 conn_reader) {
  __u64 conn = read_field(image, conn_reader, kGoConnReaderConn);
  __u64 response = read_field(image, conn, kGoConnCurReq);
  return read_field(image, response, kGoResponseConn) == conn ? response : 0;
}

static __always_inline void begin_from_reader(const struct go_hit *hit, __u64 conn_reader,
                                              bool with_body) {
  __u64 response = response_of(hit->image, conn_reader);
  __u64 request = read_field(hit->image, response, kGoResponseReq);
  if (!request) return;
  /* Of a request with a body the background read begins at the body's end. */
  if ((read_field(hit->image, request, kGoRequestContentLength) != 0) != with_body) return;
  serve_http1(hit, response, request);
}

SEC("uprobe.multi")
int go_http1_no_body(struct pt_regs *ctx) {
  struct go_hit hit;
  if (take_entry(&hit, ctx)) begin_from_reader(&hit, ctx->ax, false);
  return 0;
}

SEC("uprobe.multi")
int go_http1_body(struct pt_regs *ctx) {
  struct go_hit hit;
  if (take_entry(&hit, ctx)) begin_from_reader(&hit, read_word(ctx->bx + 8), true);
  return 0;
}

/* After a panic and of a hijack it is called, too: no handler has returned then. */
SEC("uprobe.multi")
int go_http1_abort(struct pt_regs *ctx) {
  struct go_hit hit;
  if (!take_entry(&hit, ctx)) return 0;
  __u64 response = response_of(hit.image, ctx->ax);
  if (read_number(field_at(hit.image, response, kGoResponseHandlerDone)))
    finish_http1(&hit, response);
  return 0;
}

static __always_inline bool is_http2_done(const struct go_hit *hit, __u64 writer) {
  __u64 rws = read_field(hit->image, writer, http2_field(hit, kGoHttp2WriterRws));
  __u32 field = hit->variant ? kGoXnetRwsHandlerDone : kGoHttp2RwsHandlerDone;
  return read_number(field_at(hit->image, rws, field)) & 0xff;
}

SEC("uprobe.multi")
int go_http2_flush(struct pt_regs *ctx) {
  struct go_hit hit;
  __u64 writer = ctx->ax;
  if (!take_entry(&hit, ctx) || !is_http2_done(&hit, writer)) return 0;
  end_http2(&hit, find_request(hit.goroutine, hit.task), writer);
  return 0;
}
