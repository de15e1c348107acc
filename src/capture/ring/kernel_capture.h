// The live source: drains the data ring by a timer, sleeps when nothing comes, writes policies.
// Shard thread only, but for counts(), which any thread may read.
#pragma once

#include <array>
#include <cstdint>
#include <memory>

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

  [[nodiscard]] static base::Result<std::unique_ptr<KernelCapture>> make(KernelCaptureFds fds);
  ~KernelCapture() override;

  // Reads what is there, at most kBatchRecords. Returns the number of records.
  std::size_t drain(model::EventSink& sink);
  // Connections whose close record was lost. Call when the ring is drained, or their last bytes
  // would come after their end.
  void read_lost_closes(model::EventSink& sink);
  // Tells the kernel to wake us at the next record; false if one has come meanwhile.
  bool fall_asleep();
  void wake_up();

  void set_policy(model::PolicySlot slot, model::CapturePolicy policy) override;
  [[nodiscard]] const DecoderCounts& counts() const { return counts_; }

 private:
  KernelCapture(RingReader reader, abi::policy* policies, abi::reader_state* state,
                int lost_closes);
  RingReader reader_;
  abi::policy* policies_;
  abi::reader_state* state_;
  int lost_closes_;
  DecoderCounts counts_;
};

}  // namespace beyla::capture::ring
