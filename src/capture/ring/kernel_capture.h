// The live source: drains the data ring by a timer, sleeps when nothing comes, writes policies.
// Shard thread only, but for counts(), which any thread may read.
//
// Per batch: drain(), then commit what came of it together with position(), then release(). Who
// dies in between leaves a ring from which a successor does the uncommitted batch again.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "abi/maps.h"
#include "base/fd.h"
#include "base/result.h"
#include "capture/record_decoder.h"
#include "capture/ring/ring_reader.h"
#include "model/capture_policy.h"

namespace beyla::capture::ring {

// Maps of the kernel half; borrowed while make() runs.
struct KernelCaptureFds {
  int data_ring = -1;
  int policy_by_slot = -1;
  int reader_by_zero = -1;
  int lost_closes = -1;  // not only during make(): must live as long as KernelCapture
};

class KernelCapture final : public model::CapturePolicySink {
 public:
  static constexpr std::size_t kBatchRecords = 8192;  // so that control messages are never starved
  // Ours. So many records are some 0.1 ms of work, beside which a commit of some microseconds is
  // little; and that work is what a crash costs, as it is done again.
  static constexpr std::size_t kCommitRecords = 256;
  // So much of the ring, and one record, is not free for the kernel while a batch is not committed.
  static constexpr std::size_t kCommitBytes = abi::kDataRingBytes / 16;

  [[nodiscard]] static base::Result<std::unique_ptr<KernelCapture>> make(KernelCaptureFds fds);
  ~KernelCapture() override;

  // Once, before the first drain(): what a predecessor committed last. False: it was not plausible,
  // and reading begins at what the predecessor released last.
  [[nodiscard]] bool resume_at(std::uint64_t position) { return reader_.resume_at(position); }
  // Reads what is there, at most `max_records` or kCommitBytes. Returns the number of records.
  std::size_t drain(model::EventSink& sink, std::size_t max_records = kCommitRecords);
  // Counts one record and looks no further.
  void pass_over();
  [[nodiscard]] bool empty() const { return reader_.empty(); }
  // The last drain() stopped at a limit.
  [[nodiscard]] bool has_more() const { return has_more_; }
  // Of the ring, behind all that was drained.
  [[nodiscard]] std::uint64_t position() const { return reader_.position(); }
  // All that was drained is committed: frees it, and tells the kernel what it is to ignore.
  void release();
  // Connections whose close record was lost. Call when the ring is drained, or their last bytes
  // would come after their end.
  void read_lost_closes(model::EventSink& sink);
  // Tells the kernel to wake us at the next record; false if one has come meanwhile.
  bool fall_asleep();
  void wake_up();

  // To ignore a connection takes effect at release(), as the kernel does not take it back: a
  // successor that did not know of it would wait for records of this connection in vain.
  void set_policy(model::PolicySlot slot, model::CapturePolicy policy) override;
  [[nodiscard]] const DecoderCounts& counts() const { return counts_; }
  [[nodiscard]] DecoderCounts& counts() { return counts_; }  // to restore them

 private:
  KernelCapture(RingReader reader, abi::policy* policies, abi::reader_state* state,
                int lost_closes);
  void write_policy(model::PolicySlot slot, model::CapturePolicy policy);

  RingReader reader_;
  abi::policy* policies_;
  abi::reader_state* state_;
  int lost_closes_;
  bool has_more_ = false;
  std::vector<model::PolicySlot> to_ignore_;  // at release()
  DecoderCounts counts_;
};

}  // namespace beyla::capture::ring
