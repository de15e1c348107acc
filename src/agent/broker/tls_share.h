// Probes in TLS libraries that stand in every process, and speak of ours alone: for processes that
// are over before probes of their own stand, see docs/design/0024. As long as strangers pay little
// for them. Control thread only.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "abi/tls_calls.h"
#include "agent/broker/file_watch.h"
#include "agent/broker/proven_points.h"
#include "agent/broker/stranger_budget.h"
#include "agent/broker/target_image.h"
#include "probes/loader/kernel_probes.h"
#include "probes/proof/report_message.h"

namespace beyla::broker {

class TlsShare {
 public:
  // Borrows all for its lifetime. REQUIRES: kernel.tls() is not null. `watch`: null: none stand.
  TlsShare(probes::loader::KernelProbes& kernel, FileWatch* watch, AttachCounts& counts)
      : kernel_(kernel), watch_(watch), counts_(counts) {}

  // The library gets them, if it may and has none. Of more libraries than there are numbers for,
  // the first have them. The report is not proven.
  void offer(const TargetImage& image, const probes::proof::BinaryReport& report,
             base::BootTime now);
  [[nodiscard]] bool stands() const { return points() != 0; }
  // One more abi::kStrangerBatch of hits in the library of this number were of strangers.
  void on_strangers(std::uint32_t number, base::BootTime now);
  // The file is another one now.
  void on_written(const probes::loader::FileIdentity& file);

  [[nodiscard]] std::size_t points() const;

 private:
  struct Library {
    std::optional<probes::loader::FileIdentity> file;  // nullopt: nobody's
    probes::loader::TlsLinks links;                    // none: tried in vain, or barred
    StrangerBudget budget;
    bool was_refused = false;
  };
  [[nodiscard]] Library* place_for(const probes::loader::FileIdentity& file);
  [[nodiscard]] probes::loader::TlsLinks put_in(const TargetImage& image,
                                                const probes::proof::BinaryReport& report,
                                                std::uint32_t number);

  probes::loader::KernelProbes& kernel_;
  FileWatch* watch_;
  AttachCounts& counts_;
  std::array<Library, abi::kTlsSharedLibraries> libraries_;  // by number, from 1
};

}  // namespace beyla::broker
