// Puts probes into Go processes: what the worker proposes, the configuration wants and the proof
// accepts. Control thread only; counts may be read by any thread.
#pragma once

#include <optional>
#include <unordered_map>
#include <unordered_set>

#include "agent/broker/image_desk.h"
#include "agent/broker/mux_choice.h"
#include "agent/broker/probe_choice.h"
#include "agent/broker/proven_points.h"
#include "agent/broker/target_image.h"
#include "base/line_budget.h"
#include "probes/loader/kernel_probes.h"

namespace beyla::broker {

class GoAttacher {
 public:
  // Borrows both for its lifetime. REQUIRES: kernel.go() is not null.
  GoAttacher(probes::loader::KernelProbes& kernel, ProbeWants wants, AttachCounts& counts)
      : kernel_(kernel), wants_(wants), counts_(counts) {}

  // is_retry: there was no room before. The report is not proven.
  [[nodiscard]] AttachOutcome attach(const model::ProcessKey& process, const TargetImage& image,
                                     const probes::proof::BinaryReport& report, bool is_retry);
  void detach(const model::ProcessKey& process);

  // Looks whether probes of ServeMux are of use, where it is time to.
  void turn(base::BootTime now);
  // When turn() has something to do without any fd; nullopt: never.
  [[nodiscard]] std::optional<base::BootTime> due() const;

 private:
  // A process with a ServeMux. What is needed to put its probe in again is small.
  struct Mux {
    probes::loader::FileIdentity file;
    abi::probe_point point;
    abi::go_image image;
    MuxChoice choice;
    std::uint64_t seen =
        ~std::uint64_t{0};  // its counts together; not looked at yet: another number
  };
  using Points = std::vector<abi::probe_point>;

  [[nodiscard]] Points proven(const TargetImage& image, Points points);
  [[nodiscard]] std::size_t put_in(const model::ProcessKey& process,
                                   const probes::loader::GoBinary& binary,
                                   std::span<const abi::probe_point> points,
                                   probes::loader::LinkKind kind, probes::loader::Room room);
  void count(probes::loader::AttachFailure failure);
  [[nodiscard]] bool may_tell(const probes::loader::FileIdentity& binary);
  [[nodiscard]] std::size_t put_in_all(const model::ProcessKey& process, const TargetImage& image,
                                       const probes::proof::BinaryReport& report,
                                       probes::loader::Room room);
  void look_at(const model::ProcessKey& process, Mux& mux);
  [[nodiscard]] bool put_back(const model::ProcessKey& process, const Mux& mux);

  // Ours: while it is used, and else.
  static constexpr std::chrono::seconds kBusyLook{1};
  static constexpr std::chrono::seconds kIdleLook{15};
  static constexpr std::size_t kMaxTold = 512;

  probes::loader::KernelProbes& kernel_;
  const ProbeWants wants_;
  AttachCounts& counts_;
  discover::inspect::ProcessInspector inspector_;
  std::unordered_map<model::ProcessKey, Mux, model::ProcessKeyHash> muxes_;
  base::BootTime look_at_{};
  base::LineBudget lines_;
  // Binaries of which a process has a line in the log.
  std::unordered_set<probes::loader::FileIdentity, probes::loader::FileIdentityHash> told_;
};

}  // namespace beyla::broker
