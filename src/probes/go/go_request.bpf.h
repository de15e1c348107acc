/* SPDX-License-Identifier: GPL-2.0
 * What is remembered of the request that a goroutine serves: the objects that will hold its route.
 * The router fills them only after the first hit, and no function is called at the end of routing
 * that every program has: they are read when the answer is sent. */
#pragma once

#include "probes/go/go_emit.bpf.h"

struct go_request_key {
  __u64 goroutine;
  __u32 pid;
  __u32 image; /* tells a process from what had its pid before, by its start or its exec: Go gives
                  the same addresses and ids to the goroutines of each */
};

enum go_router { kRouterNone = 0, kRouterGin = 1, kRouterEcho = 2 };

struct go_request {
  __u64 goroutine; /* as in the key: an element may be given to another key while it is written */
  __u64 goroutine_id; /* another one may have the same address later */
  __u64 call;      /* as in the records */
  __u64 request;   /* *net/http.Request */
  __u64 copy;      /* of it, which was given to a ServeMux; 0: none */
  __u64 routed;    /* context of `router` */
  __u64 writer;    /* data pointer of the ResponseWriter that this context had: while it still has
                      it, it has not been handed on to another request */
  __u32 pid;
  __u32 image; /* as in the key */
  __u32 image_index;
  __u32 router; /* go_router */
  __u64 connection_id; /* on which it has told a route; 0: on none yet */
  __u64 begun_ns; /* HTTP/1; 0: the record of it was lost, or nobody saw it */
  __u64 sent_ns; /* under TLS: when the goroutine last sent; 0: it has not yet */
  __u8 open;    /* its route was not reported yet */
  __u8 sends;   /* the goroutine sends its answer itself: HTTP/1 */
  __u8 serves_http1; /* as its connection does, so it did and will for all of its requests ... */
  __u8 has_tls;      /* ... and likewise */
  __u8 ended;        /* its end was reported */
  __u8 padding[3];
};

/* key: goroutine; written when it begins to serve a request, and in place from then on. Nobody
 * deletes: the goroutine of a connection serves one request after the other, and forgotten ones are
 * the first to go. So many requests are served at once before a route may be missing. */
struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, 16384);
  __type(key, struct go_request_key);
  __type(value, struct go_request);
} req_by_routine __weak SEC(".maps");

static __always_inline struct go_request_key request_key(__u64 goroutine,
                                                         struct task_struct *task) {
  return (struct go_request_key){
      .goroutine = goroutine,
      .pid = task->tgid,
      .image = (__u32)(task->group_leader->start_boottime + task->self_exec_id),
  };
}

/* What was last written for that address, or null. */
static __always_inline struct go_request *find_request(__u64 goroutine, struct task_struct *task) {
  struct go_request_key key = request_key(goroutine, task);
  struct go_request *request = bpf_map_lookup_elem(&req_by_routine, &key);
  bool is_it = request && request->goroutine == goroutine && request->pid == key.pid &&
               request->image == key.image;
  return is_it ? request : 0;
}

/* Of this goroutine, not of one that had its address. */
static __always_inline bool is_of(const struct go_request *request, const struct go_hit *hit) {
  return request && request->goroutine_id == hit->goroutine_id;
}

/* known: what find_request() said. */
static __always_inline void remember_request(const struct go_hit *hit, struct go_request *known,
                                             const struct go_request *served) {
  struct go_request_key key = request_key(hit->goroutine, hit->task);
  if (known) *known = *served;
  else bpf_map_update_elem(&req_by_routine, &key, served, BPF_ANY);
}

static __always_inline struct go_mux_use *mux_use_of(const struct go_request *served) {
  __u32 image_index = served->image_index % kGoImages;
  return bpf_map_lookup_elem(&go_mux_uses, &image_index);
}

static __always_inline struct go_request new_request(const struct go_hit *hit, __u64 call,
                                                     __u64 request) {
  struct go_request_key key = request_key(hit->goroutine, hit->task);
  return (struct go_request){
      .goroutine = hit->goroutine,
      .goroutine_id = hit->goroutine_id,
      .call = call,
      .request = request,
      .pid = key.pid,
      .image = key.image,
      .image_index = hit->image_index,
      .open = 1,
  };
}
