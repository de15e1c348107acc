/* SPDX-License-Identifier: GPL-2.0
 * Where routers keep the route of a request. */
#include "probes/go/go_route.bpf.h"
#include "probes/go/on_send.bpf.h"

char LICENSE[] __weak SEC("license") = "GPL";

/* Not static: verified once, for itself. The context of the caller has no cookie; the request's
 * binary was remembered. */
__noinline int go_before_send(__u64 goroutine, __u64 connection_id, __u32 is_ignored) {
  struct task_struct *task = bpf_get_current_task_btf();
  struct go_request *served = find_request(goroutine, task);
  if (!served || !served->sends) return 0;
  bool is_below_wrapper = is_ignored && !served->has_tls; /* see go_tls_done */
  if (served->has_tls || is_below_wrapper) served->sent_ns = bpf_ktime_get_boot_ns();
  if (!served->open || is_below_wrapper) return 0;
  struct go_hit hit = {
      .task = task,
      .goroutine = goroutine,
      .image_index = served->image_index % kGoImages,
  };
  hit.image = bpf_map_lookup_elem(&go_images, &hit.image_index);
  if (!hit.image) return 0;
  /* A connection has one goroutine for its life: that one need not be asked for its number again. */
  bool is_known = connection_id && served->connection_id == connection_id;
  hit.goroutine_id =
      is_known ? served->goroutine_id : read_field(hit.image, goroutine, kGoGGoid);
  if (hit.goroutine_id != served->goroutine_id) return 0;
  served->connection_id = connection_id;
  report_route(&hit, served, connection_id);
  return 0;
}

static __always_inline void remember_routed(const struct go_hit *hit, __u32 router, __u64 context,
                                            __u64 writer) {
  struct go_request *known = find_request(hit->goroutine, hit->task);
  struct go_request served = new_request(hit, 0, 0);
  served.sends = 1;
  if (is_of(known, hit) && known->open) served = *known;
  served.router = router;
  served.routed = context;
  served.writer = writer;
  remember_request(hit, known, &served);
}

/* net/http/server.go. It is thin, being one hit more: whether the goroutine is still the same one is
 * asked when the route is read. Of nested ones the innermost knows best. */
SEC("uprobe.multi")
int go_serve_mux(struct pt_regs *ctx) {
  if (ctx->flags & (kFlagCarry | kFlagZero)) return 0;
  __u64 request = ctx->di;
  struct go_request *served = find_request(ctx->r14, bpf_get_current_task_btf());
  if (!served) return 0;
  struct go_mux_use *use = mux_use_of(served);
  if (use) use->hits++;
  if (served->request == request) return 0;
  served->copy = request;
  if (use) use->copies++;
  return 0;
}

/* github.com/gin-gonic/gin, gin.go */
SEC("uprobe.multi")
int go_gin_handle(struct pt_regs *ctx) {
  struct go_hit hit;
  if (!take_entry(&hit, ctx)) return 0;
  __u64 context = ctx->bx;
  remember_routed(&hit, kRouterGin, context, read_gin_writer(hit.image, context));
  return 0;
}

/* net/http's ResponseWriters. Later the context of a framework may be another request's. */
SEC("uprobe.multi")
int go_write_header(struct pt_regs *ctx) {
  struct go_request *served = find_request(ctx->r14, bpf_get_current_task_btf());
  if (!served || !served->router || !served->open || served->call != ctx->ax) return 0;
  struct go_hit hit;
  if (take_entry(&hit, ctx)) report_route(&hit, served, 0);
  return 0;
}

/* github.com/labstack/echo/v4, router.go */
SEC("uprobe.multi")
int go_echo_find(struct pt_regs *ctx) {
  struct go_hit hit;
  if (!take_entry(&hit, ctx)) return 0;
  __u64 context = ctx->r9;
  remember_routed(&hit, kRouterEcho, context, read_echo_writer(hit.image, context));
  return 0;
}

/* github.com/gorilla/mux, regexp.go: once for each router that matches, the innermost first, each
 * with the whole template down to it. */
static __always_inline void emit_template(const struct go_hit *hit, __u64 path) {
  struct go_string template = read_string(hit->image, path, kGoMuxRegexpTemplate);
  struct go_request *served = find_request(hit->goroutine, hit->task);
  emit_route(hit, is_of(served, hit) ? served : 0, template, kGoMorePieces, 0);
}

SEC("uprobe.multi")
int go_mux_set_match(struct pt_regs *ctx) {
  struct go_hit hit;
  if (take_entry(&hit, ctx)) emit_template(&hit, ctx->bx);
  return 0;
}

/* routeRegexpGroup: host, then path. */
SEC("uprobe.multi")
int go_mux_set_match_pointer(struct pt_regs *ctx) {
  struct go_hit hit;
  if (take_entry(&hit, ctx)) emit_template(&hit, read_word(ctx->ax + 8));
  return 0;
}
