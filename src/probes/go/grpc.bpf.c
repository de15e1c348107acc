/* SPDX-License-Identifier: GPL-2.0
 * gRPC-Go: google.golang.org/grpc server.go, stream.go, and internal/transport. */
#include "probes/go/go_context.bpf.h"
#include "probes/go/go_trace_parent.bpf.h"
#include "probes/go/grpc_status.bpf.h"

char LICENSE[] __weak SEC("license") = "GPL";

/* Since 1.69 the parts that clients and servers share stand in a Stream of their own. */
static __always_inline __u64 shared_stream(const struct go_image *image, __u64 server_stream) {
  __u64 address = field_at(image, server_stream, kGoGrpcServerStreamStream);
  if (!address) return server_stream;
  return image->flags & kGoGrpcStreamByValue ? address : read_word(address);
}

static __always_inline __u64 stream_context(const struct go_image *image, __u64 server_stream,
                                            __u64 stream) {
  if (image->offset[kGoGrpcServerStreamCtx] != kGoAbsentField)
    return read_interface(image, server_stream, kGoGrpcServerStreamCtx);
  return read_interface(image, stream, kGoGrpcStreamCtx);
}

SEC("uprobe.multi")
int go_grpc_handle(struct pt_regs *ctx) {
  struct go_hit hit;
  if (!take_entry(&hit, ctx)) return 0;
  __u64 transport = ctx->cx, server_stream = ctx->di;
  struct call_scratch *scratch = begin_long(&hit, kGoGrpcBegin, server_stream);
  if (!scratch) return 0;
  struct event_call *event = &scratch->record.call;
  __u64 stream = shared_stream(hit.image, server_stream);
  event->owner = transport;
  event->context = stream_context(hit.image, server_stream, stream);
  event->status = read_number(field_at(hit.image, stream, kGoGrpcStreamId));
  /* Only what net/http answers was derived from a request that is counted, too. */
  if (!event->status) set_ancestors(scratch, hit.image, event->context);
  set_target(scratch, read_string(hit.image, stream, kGoGrpcStreamMethod));
  submit_long(scratch);
  return 0;
}

/* No version says in which register the frame is: one of them leads to what looks like it. */
SEC("uprobe.multi")
int go_grpc_headers(struct pt_regs *ctx) {
  struct go_hit hit;
  if (!take_entry(&hit, ctx)) return 0;
  __u64 transport = ctx->ax, first = ctx->bx, later = ctx->di;
  __u32 first_id = stream_of_frame(&hit, first), later_id = stream_of_frame(&hit, later);
  if (first_id && later_id) return 0;
  if (first_id) report_trace_parent(&hit, transport, first, first_id);
  else if (later_id) report_trace_parent(&hit, transport, later, later_id);
  return 0;
}

enum { kLargestIpSlice = 64 };
/* net.TCPAddr: its fields stand in this order in all versions; which those are is asked of the table. */
struct go_ip_port {
  __u64 data;
  __u64 length;
  __u64 capacity;
  __u64 port;
};

/* address: a *net.TCPAddr, or that of another network: told by its first field, which is no slice
 * then, or by the length. */
static __always_inline void set_remote(struct event_call *event, const struct go_image *image,
                                       __u64 address) {
  struct go_ip_port ip = {};
  __u64 at = field_at(image, address, kGoTcpAddrIp);
  if (!at || bpf_probe_read_user(&ip, sizeof(ip), (void *)at)) return;
  if (ip.capacity < ip.length || ip.capacity > kLargestIpSlice) return;
  __u64 port_at = field_at(image, address, kGoTcpAddrPort);
  __u64 port = port_at == at + __builtin_offsetof(struct go_ip_port, port) ? ip.port : read_word(port_at);
  if (port > 0xffff) return;
  if (ip.length == 4) {
    if (bpf_probe_read_user(event->remote_address + 12, 4, (void *)ip.data)) return;
    event->remote_address[10] = event->remote_address[11] = 0xff;
  } else if (ip.length != 16 || bpf_probe_read_user(event->remote_address, 16, (void *)ip.data)) {
    return;
  }
  event->remote_port = port;
}

static __always_inline __u64 remote_of(const struct go_image *image, __u64 transport) {
  __u64 peer = field_at(image, transport, kGoGrpcServerPeer);
  return peer ? read_interface(image, peer, kGoPeerAddr)
              : read_interface(image, transport, kGoGrpcServerRemoteAddr);
}

SEC("uprobe.multi")
int go_grpc_status(struct pt_regs *ctx) {
  struct go_hit hit;
  if (!take_entry(&hit, ctx)) return 0;
  __u64 transport = ctx->ax, stream = ctx->bx, status = ctx->cx;
  struct event_call *event = begin_short(&hit, kGoGrpcEnd, stream);
  if (!event) return 0;
  event->owner = transport;
  event->status = code_of_status(hit.image, status);
  set_remote(event, hit.image, remote_of(hit.image, transport));
  submit_short(event);
  return 0;
}

/* The call came through net/http, which reports its own part of it. */
SEC("uprobe.multi")
int go_grpc_handler_status(struct pt_regs *ctx) {
  struct go_hit hit;
  if (!take_entry(&hit, ctx)) return 0;
  __u64 transport = ctx->ax, stream = ctx->bx, status = ctx->cx;
  struct event_call *event = begin_short(&hit, kGoGrpcEnd, stream);
  if (!event) return 0;
  event->owner = transport;
  event->context = read_interface(hit.image, transport, kGoGrpcHandlerTransportRw);
  event->status = code_of_status(hit.image, status);
  event->flags = kGoInHttp;
  submit_short(event);
  return 0;
}

/* Of a call that is tried again, too. */
SEC("uprobe.multi")
int go_grpc_attempt(struct pt_regs *ctx) {
  struct go_hit hit;
  if (!take_entry(&hit, ctx)) return 0;
  __u64 client_stream = ctx->ax;
  struct call_scratch *scratch = begin_long(&hit, kGoGrpcClientBegin, client_stream);
  if (!scratch) return 0;
  set_origin(scratch, &hit, client_stream, kGoGrpcClientStreamCtx);
  __u64 header = read_field(hit.image, client_stream, kGoGrpcClientStreamCallHdr);
  set_name(scratch, read_string(hit.image, header, kGoGrpcCallHdrHost));
  set_target(scratch, read_string(hit.image, header, kGoGrpcCallHdrMethod));
  submit_long(scratch);
  return 0;
}

static __always_inline void emit_outcome(const struct go_hit *hit, __u32 kind, __u64 client_stream,
                                         __u64 type, __u64 error) {
  struct event_call *event = begin_short(hit, kind, client_stream);
  if (!event) return;
  event->status = code_of_error(hit->image, type, error);
  submit_short(event);
}

SEC("uprobe.multi")
int go_grpc_retry(struct pt_regs *ctx) {
  struct go_hit hit;
  if (!take_entry(&hit, ctx)) return 0;
  emit_outcome(&hit, kGoGrpcClientRetry, ctx->ax, ctx->cx, ctx->di);
  return 0;
}

SEC("uprobe.multi")
int go_grpc_finish(struct pt_regs *ctx) {
  struct go_hit hit;
  if (!take_entry(&hit, ctx)) return 0;
  emit_outcome(&hit, kGoGrpcClientEnd, ctx->ax, ctx->bx, ctx->cx);
  return 0;
}
