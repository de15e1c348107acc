// Puts probes into the TLS libraries of processes: what the worker proposes and the proof accepts.
// Control thread only.
#pragma once

#include <cstddef>
#include <unordered_map>
#include <vector>

#include "agent/broker/proven_points.h"
#include "agent/broker/tls_choice.h"
#include "probes/loader/kernel_probes.h"
#include "probes/proof/report_message.h"

namespace beyla::broker {

class TlsAttacher {
 public:
  // Borrows both for its lifetime. REQUIRES: kernel.tls() is not null.
  TlsAttacher(probes::loader::KernelProbes& kernel, AttachCounts& counts)
      : kernel_(kernel), counts_(counts) {}

  // A file that has its probes in this process already: nothing.
  void attach(const model::ProcessKey& process, const TargetImage& image,
              const probes::proof::BinaryReport& report, ReturnProbes returns);
  void detach(const model::ProcessKey& process) { attached_.erase(process); }

  [[nodiscard]] std::size_t processes() const { return attached_.size(); }
  [[nodiscard]] std::size_t points() const;

 private:
  struct Library {
    probes::loader::FileIdentity file;
    probes::loader::TlsLinks links;
  };
  using Points = std::vector<abi::probe_point>;
  [[nodiscard]] Points proven(const TargetImage& image, const Points& wanted);

  probes::loader::KernelProbes& kernel_;
  AttachCounts& counts_;
  std::unordered_map<model::ProcessKey, std::vector<Library>, model::ProcessKeyHash> attached_;
};

}  // namespace beyla::broker
