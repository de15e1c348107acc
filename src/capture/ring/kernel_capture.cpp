#include "capture/ring/kernel_capture.h"

#include <bpf/bpf.h>
#include <sys/mman.h>

#include <atomic>
#include <bit>
#include <cerrno>

namespace beyla::capture::ring {
namespace {

static_assert(model::kPolicySlots == abi::kPolicySlots);
static_assert(model::kFramed == abi::kFramed);

template <typename T>
base::Result<T*> map_array(int fd, std::size_t count) {
  void* memory = ::mmap(nullptr, sizeof(T) * count, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (memory == MAP_FAILED) return base::fail_errno(errno, "cannot map a BPF array");
  return static_cast<T*>(memory);
}

}  // namespace

base::Result<std::unique_ptr<KernelCapture>> KernelCapture::make(KernelCaptureFds fds) {
  auto reader = TRY(RingReader::make(fds.data_ring, abi::kDataRingBytes, abi::kMaxRecordBytes));
  auto* policies = TRY(map_array<abi::policy>(fds.policy_by_slot, abi::kPolicySlots));
  auto state = map_array<abi::reader_state>(fds.reader_by_zero, 1);
  if (!state) {
    ::munmap(policies, sizeof(abi::policy) * abi::kPolicySlots);
    return std::unexpected(std::move(state).error());
  }
  return std::unique_ptr<KernelCapture>(
      new KernelCapture(std::move(reader), policies, *state, fds.lost_closes));
}

KernelCapture::KernelCapture(RingReader reader, abi::policy* policies, abi::reader_state* state,
                             int lost_closes)
    : reader_(std::move(reader)), policies_(policies), state_(state), lost_closes_(lost_closes) {}

KernelCapture::~KernelCapture() {
  ::munmap(policies_, sizeof(abi::policy) * abi::kPolicySlots);
  ::munmap(state_, sizeof(abi::reader_state));
}

std::size_t KernelCapture::drain(model::EventSink& sink, std::size_t max_records) {
  const auto done = reader_.read(max_records, kCommitBytes, [&](std::span<const std::byte> record) {
    decode_record(record, sink, counts_);
  });
  has_more_ = done.stopped_at_limit;
  return done.records;
}

void KernelCapture::pass_over() {
  reader_.read(1, kCommitBytes,
               [&](std::span<const std::byte> record) { pass_over_record(record, counts_); });
}

void KernelCapture::release() {
  reader_.release();
  for (const model::PolicySlot slot : to_ignore_)
    write_policy(slot, model::CapturePolicy::ignore());
  to_ignore_.clear();
}

void KernelCapture::read_lost_closes(model::EventSink& sink) {
  std::uint64_t id = 0;
  while (bpf_map_lookup_and_delete_elem(lost_closes_, nullptr, &id) == 0) {
    sink.on_closed({base::BootClock::now(), id});
  }
}

bool KernelCapture::fall_asleep() {
  // Pairs with the barrier in finish_record() of emit.bpf.h: either the producer sees the flag,
  // or we see its record.
  std::atomic_ref(state_->asleep).store(1, std::memory_order_seq_cst);
  std::atomic_thread_fence(std::memory_order_seq_cst);
  if (reader_.empty()) return true;
  wake_up();
  return false;
}

void KernelCapture::wake_up() { std::atomic_ref(state_->asleep).store(0); }

void KernelCapture::set_policy(model::PolicySlot slot, model::CapturePolicy policy) {
  if (slot.index >= model::kPolicySlots) return;
  if (policy == model::CapturePolicy::ignore()) {
    to_ignore_.push_back(slot);
  } else {
    write_policy(slot, policy);
  }
}

void KernelCapture::write_policy(model::PolicySlot slot, model::CapturePolicy policy) {
  const abi::policy value{slot.generation, policy.received_turn_bytes, policy.sent_turn_bytes};
  auto* word = reinterpret_cast<std::uint64_t*>(policies_ + slot.index);
  std::atomic_ref(*word).store(std::bit_cast<std::uint64_t>(value), std::memory_order_relaxed);
}

}  // namespace beyla::capture::ring
