// Puts probes into the TLS libraries of processes: what the worker proposes and the proof accepts.
// Control thread only.
#pragma once

#include <cstddef>
#include <unordered_map>
#include <vector>

#include "agent/broker/file_watch.h"
#include "agent/broker/image_desk.h"
#include "agent/broker/proven_points.h"
#include "agent/broker/tls_choice.h"
#include "probes/loader/kernel_probes.h"
#include "probes/proof/report_message.h"

namespace beyla::broker {

class TlsAttacher {
 public:
  // Borrows both for its lifetime. REQUIRES: kernel.tls() is not null.
  // `watch`: of libraries that are not mapped; null: those get no probes.
  TlsAttacher(probes::loader::KernelProbes& kernel, FileWatch* watch, AttachCounts& counts)
      : kernel_(kernel), watch_(watch), counts_(counts) {}

  // A file that has its probes in this process already: nothing. is_retry: there was no room
  // before.
  [[nodiscard]] AttachOutcome attach(const model::ProcessKey& process, const TargetImage& image,
                                     const probes::proof::BinaryReport& report,
                                     ReturnProbes returns, bool is_retry);
  void detach(const model::ProcessKey& process) { attached_.erase(process); }
  // Takes the probes away from libraries that have been written since they were proven, unmapped.
  void turn();

  [[nodiscard]] std::size_t processes() const { return attached_.size(); }
  [[nodiscard]] std::size_t points() const;

 private:
  struct Library {
    probes::loader::FileIdentity file;
    bool was_mapped = false;
    probes::loader::TlsLinks links;
  };
  using Points = std::vector<abi::probe_point>;
  [[nodiscard]] Points proven(const TargetImage& image, const Points& wanted);

  void put_in(const model::ProcessKey& process, const TargetImage& image,
              const probes::proof::BinaryReport& report, const Points& points);
  void count(probes::loader::AttachFailure failure);
  [[nodiscard]] bool watches(const TargetImage& image);

  probes::loader::KernelProbes& kernel_;
  FileWatch* watch_;
  AttachCounts& counts_;
  std::unordered_map<model::ProcessKey, std::vector<Library>, model::ProcessKeyHash> attached_;
};

}  // namespace beyla::broker
