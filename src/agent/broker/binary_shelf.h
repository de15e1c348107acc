// What is known of each executable file, and which are to be analysed next. Bounded; no kernel and
// no clock in here. A file whose analysis failed is taken for one with nothing to probe until it is
// analysed anew, which happens a few times: meanwhile its processes cost no worker. Control thread
// only.
#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <optional>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "model/process.h"
#include "probes/loader/file_identity.h"
#include "probes/proof/report_message.h"

namespace beyla::broker {

class BinaryShelf {
 public:
  using File = probes::loader::FileIdentity;
  using Report = probes::proof::BinaryReport;
  static constexpr std::size_t kMaxKnown = 512;    // the oldest of those goes, some 2 KiB each
  static constexpr std::size_t kMaxQueued = 1024;  // files; more are turned away
  // Processes of all files; likewise. Those that have ended meanwhile count, as nobody says which.
  static constexpr std::size_t kMaxWaiting = 32'768;

  // Ours: analyses of a file that fail, and the wait behind the first; eightfold behind each other.
  static constexpr unsigned kMaxFailures = 3;
  static constexpr std::chrono::seconds kFirstWait{5};
  static constexpr int kMorePatience = 8;

  // Of a file that is known: Go or not. Null: it is not known, or it is time to analyse it anew.
  // Valid until the next change.
  [[nodiscard]] const Report* find(const File& file, base::BootTime now) const;
  // When it is analysed anew; nullopt: it need not be.
  [[nodiscard]] std::optional<base::BootTime> again(const File& file) const;

  // The process waits for its file to be analysed, behind those that wait already. False: there are
  // too many files, or processes. REQUIRES: the file is not known.
  [[nodiscard]] bool wait_for(const File& file, const model::ProcessKey& process);

  struct Next {
    File file;
    std::vector<model::ProcessKey> processes;  // any of them has it open
  };
  // The file that has waited for the longest; its analysis begins. nullopt: none waits.
  [[nodiscard]] std::optional<Next> begin_next();

  // The analysis has ended; those who waited. `report`: what is to be remembered, where that is
  // anything.
  [[nodiscard]] std::vector<model::ProcessKey> finish(const File& file,
                                                      std::optional<Report> report);
  // Likewise, without a result.
  [[nodiscard]] std::vector<model::ProcessKey> fail(const File& file, base::BootTime now);

  [[nodiscard]] bool has_queued() const { return !queue_.empty(); }

 private:
  template <typename Value>
  using ByFile = std::unordered_map<File, Value, probes::loader::FileIdentityHash>;

  struct Known {
    Report report;
    unsigned failures = 0;
    std::optional<base::BootTime> again;
  };
  void remember(const File& file, Known known);
  [[nodiscard]] std::vector<model::ProcessKey> take_waiting(const File& file);

  ByFile<Known> known_;
  std::deque<File> order_;                          // of known_, the oldest first
  ByFile<std::vector<model::ProcessKey>> waiting_;  // queued or being analysed
  std::deque<File> queue_;
  std::size_t processes_ = 0;  // in waiting_
};

}  // namespace beyla::broker
