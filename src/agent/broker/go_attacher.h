// Puts probes into Go processes: what the worker proposes, the configuration wants and the proof
// accepts. Control thread only; counts may be read by any thread.
#pragma once

#include <array>

#include "agent/broker/image_desk.h"
#include "agent/broker/probe_choice.h"
#include "probes/loader/kernel_probes.h"
#include "probes/proof/refusal.h"

namespace beyla::broker {

struct AttachCounts {
  probes::proof::RefusalCounts refusals;  // points; of a process where nothing can be proven: one
  std::array<base::Counter, probes::loader::kAttachFailures> failures;  // processes
};

class GoAttacher final : public ImageUser {
 public:
  // Borrows both for its lifetime. REQUIRES: kernel.go() is not null.
  GoAttacher(probes::loader::KernelProbes& kernel, ProbeWants wants, AttachCounts& counts)
      : kernel_(kernel), wants_(wants), counts_(counts) {}

  void attach(const model::ProcessKey& process, const TargetImage& image,
              const probes::proof::BinaryReport& report) override;
  void detach(const model::ProcessKey& process) override { kernel_.go()->detach(process); }

 private:
  [[nodiscard]] std::vector<abi::probe_point> proven_points(
      const TargetImage& image, const probes::proof::BinaryReport& report);

  probes::loader::KernelProbes& kernel_;
  const ProbeWants wants_;
  AttachCounts& counts_;
};

}  // namespace beyla::broker
