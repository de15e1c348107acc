// The ELF workers that run, a few at a time: started, listened to, and ended at their deadline,
// which the broker keeps itself. Control thread only.
#pragma once

#include <poll.h>

#include <chrono>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <vector>

#include "agent/broker/elf_workers.h"
#include "base/clock.h"
#include "probes/loader/file_identity.h"
#include "probes/proof/report_message.h"

namespace beyla::broker {

enum class AnalysisFailure : std::uint8_t {
  not_started,
  died,       // before it had answered
  timed_out,  // and was killed
  malformed,  // an answer that none may give
};
inline constexpr std::size_t kAnalysisFailures =
    static_cast<std::size_t>(AnalysisFailure::malformed) + 1;

class Analyses {
 public:
  // More would take the machine from its targets.
  static constexpr std::size_t kMaxWorkers = 2;
  // The worker's own limits end it before; not one that an attacker runs.
  static constexpr std::chrono::seconds kDeadline{10};

  struct Done {
    probes::loader::FileIdentity file;
    std::expected<probes::proof::BinaryReport, AnalysisFailure> report;
  };

  explicit Analyses(ElfWorkers& workers) : workers_(workers) {}

  [[nodiscard]] bool has_room() const { return running_.size() < kMaxWorkers; }
  // REQUIRES: has_room(). The file is borrowed during the call.
  [[nodiscard]] base::Result<void> start(const probes::loader::FileIdentity& file, int exe_fd,
                                         base::BootTime now);
  // Those that have answered, ended, or are late. Never blocks.
  [[nodiscard]] std::vector<Done> collect(base::BootTime now);

  // For poll(); -1 where none runs.
  void wait_with(std::span<pollfd, kMaxWorkers> polled) const;
  [[nodiscard]] std::optional<base::BootTime> due() const;

 private:
  struct Running {
    std::uint64_t id = 0;
    base::Fd channel;
    probes::loader::FileIdentity file;
    base::BootTime deadline;
  };
  using Answer = std::expected<probes::proof::BinaryReport, AnalysisFailure>;
  [[nodiscard]] static std::optional<Answer> read_answer(const Running& worker, base::BootTime now);

  ElfWorkers& workers_;
  std::vector<Running> running_;  // in the order of their deadlines
};

}  // namespace beyla::broker
