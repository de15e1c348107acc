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
};

class KernelCapture final : public model::CapturePolicySink {
 public:
  [[nodiscard]] static base::Result<std::unique_ptr<KernelCapture>> make(KernelCaptureFds fds);
  ~KernelCapture() override;

  // Reads what is there, at most kBatchRecords. Returns the number of records.
  std::size_t drain(model::EventSink& sink);
  // Tells the kernel to wake us at the next record; false if one has come meanwhile.
  bool fall_asleep();
  void wake_up();

  void set_policy(model::PolicySlot slot, model::CapturePolicy policy) override;
  [[nodiscard]] const DecoderCounts& counts() const { return counts_; }

 private:
  KernelCapture(RingReader reader, abi::policy* policies, abi::reader_state* state);
  RingReader reader_;
  abi::policy* policies_;
  abi::reader_state* state_;
  DecoderCounts counts_;
};

}  // namespace beyla::capture::ring
