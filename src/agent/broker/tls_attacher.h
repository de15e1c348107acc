// Puts probes into the TLS libraries of processes: what the worker proposes and the proof accepts.
// Control thread only.
#pragma once

#include <fmt/format.h>
#include <spdlog/common.h>

#include <cstddef>
#include <unordered_map>
#include <vector>

#include "agent/broker/file_watch.h"
#include "agent/broker/image_desk.h"
#include "agent/broker/proven_points.h"
#include "agent/broker/tls_choice.h"
#include "agent/broker/tls_share.h"
#include "base/line_budget.h"
#include "probes/loader/kernel_probes.h"
#include "probes/proof/report_message.h"

namespace beyla::broker {

class TlsAttacher {
 public:
  // Borrows both for its lifetime. REQUIRES: kernel.tls() is not null.
  // `watch`: of libraries that are not mapped; null: those get no probes.
  TlsAttacher(probes::loader::KernelProbes& kernel, FileWatch* watch, AttachCounts& counts)
      : kernel_(kernel), watch_(watch), counts_(counts), share_(kernel, watch, counts) {}

  // A file that has its probes in this process already: nothing. is_retry: there was no room
  // before.
  [[nodiscard]] AttachOutcome attach(const model::ProcessKey& process, const TargetImage& image,
                                     const probes::proof::BinaryReport& report,
                                     ReturnProbes returns, bool is_retry);
  void detach(const model::ProcessKey& process) { attached_.erase(process); }
  // All files of the process are done with.
  void settle(const model::ProcessKey& process);
  // Probes that stand in every process speak of this one, too, until its own all stand. False:
  // there are none.
  [[nodiscard]] bool cover(const model::ProcessKey& process);
  [[nodiscard]] TlsShare& share() { return share_; }
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
  using Places = std::vector<probes::loader::TlsPlace>;

  void put_in(const model::ProcessKey& process, const TargetImage& image,
              const probes::proof::BinaryReport& report, const Places& places);
  template <typename... Arguments>
  void say(spdlog::level::level_enum level, fmt::format_string<Arguments...> format,
           Arguments&&... arguments);
  void count(probes::loader::AttachFailure failure);
  [[nodiscard]] bool watches(const TargetImage& image);

  probes::loader::KernelProbes& kernel_;
  FileWatch* watch_;
  AttachCounts& counts_;
  TlsShare share_;
  base::LineBudget lines_;
  std::unordered_map<model::ProcessKey, std::vector<Library>, model::ProcessKeyHash> attached_;
};

}  // namespace beyla::broker
