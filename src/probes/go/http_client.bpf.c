/* SPDX-License-Identifier: GPL-2.0
 * net/http's client (net/http/transport.go). */
#include "probes/go/go_context.bpf.h"
#include "probes/go/go_socket.bpf.h"

char LICENSE[] __weak SEC("license") = "GPL";

static __always_inline bool is_https(struct go_string scheme) {
  char text[5] = {};
  if (scheme.length != sizeof(text)) return false;
  if (bpf_probe_read_user(text, sizeof(text), (void *)scheme.data)) return false;
  return text[0] == 'h' && text[1] == 't' && text[2] == 't' && text[3] == 'p' && text[4] == 's';
}

SEC("uprobe.multi")
int go_round_trip(struct pt_regs *ctx) {
  struct go_hit hit;
  if (!take_entry(&hit, ctx)) return 0;
  __u64 request = ctx->bx;
  struct call_scratch *scratch = begin_long(&hit, kGoClientBegin, request);
  if (!scratch) return 0;
  struct event_call *event = &scratch->record.call;
  set_origin(scratch, &hit, request, kGoRequestCtx);
  __u64 url = read_field(hit.image, request, kGoRequestUrl);
  event->request_bytes = (__s64)read_field(hit.image, request, kGoRequestContentLength);
  if (is_https(read_string(hit.image, url, kGoUrlScheme))) event->flags = kGoTls;
  set_method(scratch, read_string(hit.image, request, kGoRequestMethod));
  set_name(scratch, read_string(hit.image, url, kGoUrlHost));
  set_target(scratch, read_string(hit.image, url, kGoUrlPath));
  submit_long(scratch);
  return 0;
}

/* The connection was chosen: it may be another goroutine's, idle since. */
SEC("uprobe.multi")
int go_persist_round_trip(struct pt_regs *ctx) {
  struct go_hit hit;
  if (!take_entry(&hit, ctx)) return 0;
  __u64 persistent = ctx->ax, transport_request = ctx->bx;
  __u64 request = read_field(hit.image, transport_request, kGoTransportRequestRequest);
  struct event_call *event = begin_short(&hit, kGoClientLink, request);
  if (!event) return 0;
  __u64 conn = read_interface(hit.image, persistent, kGoPersistConnConn);
  if (read_field(hit.image, persistent, kGoPersistConnTlsState)) {
    event->flags = kGoTls;
    conn = read_interface(hit.image, conn, kGoTlsConnConn);
  }
  event->header.connection_id = connection_of(&hit, conn);
  submit_short(event);
  return 0;
}

static __always_inline void end_round_trip(const struct go_hit *hit, __u64 response) {
  struct event_call *event = begin_short(hit, kGoClientEnd, 0);
  if (!event) return;
  event->status = read_field(hit->image, response, kGoHttpResponseStatusCode);
  if (!response) event->flags = kGoFailed;
  submit_short(event);
}

/* At an end the flags are those of whatever instruction stood before. */
SEC("uprobe.multi")
int go_round_trip_end(struct pt_regs *ctx) {
  struct go_hit hit;
  if (take_hit(&hit, ctx)) end_round_trip(&hit, ctx->ax);
  return 0;
}

/* With an error it is not the end yet. */
SEC("uprobe.multi")
int go_round_trip_answer(struct pt_regs *ctx) {
  struct go_hit hit;
  if (!ctx->bx && take_hit(&hit, ctx)) end_round_trip(&hit, ctx->ax);
  return 0;
}
