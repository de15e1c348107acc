/* SPDX-License-Identifier: GPL-2.0
 * How many bytes of a connection are copied, and its policy slot: of a socket and of plaintext alike. */
#pragma once

#include "probes/kernel_lib/emit.bpf.h"

/* A server's requests are received, a client's are sent; of an unknown role it may be either. */
static __always_inline __u32 first_credit(__u8 role, __u32 direction) {
  __u8 answering_role = direction == kReceived ? kRoleClient : kRoleServer;
  return role == answering_role ? kFirstAnswerBytes : kFirstRequestBytes;
}

static __always_inline bool take_fresh_slot(__u32 *slot) {
  if (fresh_slots >= kPolicySlots) return false;
  *slot = __sync_fetch_and_add(&fresh_slots, 1);
  return *slot < kPolicySlots;
}

static __always_inline void take_slot(struct capture_budget *budget) {
  __u32 slot;
  /* The first receive and the first send may run at once. */
  if (__sync_lock_test_and_set(&budget->slot_taken, 1)) return;
  if (bpf_map_pop_elem(&free_slots, &slot) != 0 && !take_fresh_slot(&slot)) {
    note(kNoteNoSlot);
    return;
  }
  budget->slot = slot;
  budget->slot_generation = __sync_fetch_and_add(&last_slot_generation, 1) + 1;
}

static __always_inline void give_slot_back(struct capture_budget *budget) {
  __u32 slot = budget->slot;
  if (slot == ABI_NO_SLOT) return;
  budget->slot = ABI_NO_SLOT;
  budget->slot_taken = 0;
  bpf_map_push_elem(&free_slots, &slot, BPF_ANY);
}

static __always_inline void start_budget(struct capture_budget *budget, __u8 role) {
  budget->credit[kReceived] = first_credit(role, kReceived);
  budget->credit[kSent] = first_credit(role, kSent);
  budget->slot = ABI_NO_SLOT;
}

/* How many bytes of the next record to copy: credit is refilled when the direction changes. */
static __always_inline __u32 take_credit(struct capture_budget *budget, __u32 direction) {
  __u32 turn = budget->framed ? kFramed : kTurnBytes;
  __u32 slot = budget->slot;
  struct policy *policy = bpf_map_lookup_elem(&policy_by_slot, &slot);
  if (policy && policy->generation == budget->slot_generation) {
    turn = direction == kReceived ? policy->received_turn_bytes : policy->sent_turn_bytes;
    if (!policy->received_turn_bytes && !policy->sent_turn_bytes) {
      budget->ignored = 1;
      return 0;
    }
  }
  budget->framed = turn == kFramed;
  if (turn == kFramed) return kRecordHeadBytes;
  if (budget->last_direction != direction && budget->credit[direction] < turn)
    budget->credit[direction] = turn;
  budget->last_direction = direction;
  return budget->credit[direction] > kShortHeadBytes ? budget->credit[direction] : kShortHeadBytes;
}

/* Whether a direction begins with what frames begin with: user space, which would say so, has its word
 * some 20 ms late. bytes: what was copied. */
static __always_inline bool is_framed_opening(const struct event_data *event, const __u8 *bytes) {
  __u64 opening;
  __builtin_memcpy(&opening, bytes, sizeof(opening));
  return frame_walk.header_bytes && event->offset == 0 && event->head_bytes >= sizeof(opening) &&
         opening == frame_walk.opening;
}

static __always_inline void spend_credit(struct capture_budget *budget, __u32 direction, __u32 head) {
  __u32 credit = budget->credit[direction];
  budget->credit[direction] -= head < credit ? head : credit;
}

static __always_inline void emit_bare(__u64 id, __u32 kind) {
  struct event_header *event = bpf_ringbuf_reserve(&data_ring, sizeof(*event), 0);
  if (!event) {
    count_lost(kind, kLossRingFull);
    if (kind == kEventClose) bpf_map_push_elem(&lost_closes, &id, BPF_ANY);
    finish_record(kind);
    return;
  }
  fill_header(event, kind, sizeof(*event), id);
  bpf_ringbuf_submit(event, wakeup_flags());
  finish_record(kind);
}
