// From a selected process to what its executable and its libraries are, for whoever uses that: each
// file is analysed once, by an ELF worker, whatever number of processes run it. Never blocks: what
// waits is kept in order, and one turn() looks at one process. What is turned away is tried again
// later. Control thread only; counts may be read by any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "agent/broker/analyses.h"
#include "agent/broker/binary_shelf.h"
#include "agent/broker/retries.h"
#include "agent/broker/target_image.h"
#include "base/counter.h"
#include "model/target.h"

namespace beyla::broker {

struct ImageCounts {
  base::Counter go;         // files analysed
  base::Counter tls;        // likewise: TLS libraries, and programs that hold one
  base::Counter other;      // likewise: nothing in them that we probe
  base::Counter tls_unfit;  // likewise: TLS code, and none that can be probed
  base::Counter inlined;  // of all: Go's functions that probes stand in are no longer called (PGO)
  std::array<base::Counter, kAnalysisFailures> failures;
  base::Counter gone;             // processes that had ended before their file was opened
  base::Counter not_permitted;    // processes whose file may not be opened
  base::Counter too_many;         // processes that found too many processes or files waiting
  base::Counter retried;          // processes that another try was enough for
  base::Counter retried_in_vain;  // tries: turned away once more
  base::Counter given_up;         // processes that are tried no more
};

enum class AttachOutcome : std::uint8_t {
  done,   // with probes, or without for good
  later,  // there was no room
};

// Neither is proven.
struct ImageReports {
  const probes::proof::BinaryReport& of_image;
  const probes::proof::BinaryReport& of_executable;
};

class ImageUser {
 public:
  virtual ~ImageUser() = default;
  // A file of a selected process with something to probe: its executable first, then its libraries;
  // each until it is done. `image` is one of `files`. is_retry: there was no room before, for
  // something of the process.
  [[nodiscard]] virtual AttachOutcome attach(const model::ProcessKey& process,
                                             const TargetFiles& files, const TargetImage& image,
                                             const ImageReports& reports, bool is_retry) = 0;
  // It has ended, called exec, or been rejected; also of a process that attach() was not called
  // for.
  virtual void detach(const model::ProcessKey& process) = 0;
};

class ImageDesk final : public model::TargetSink {
 public:
  static constexpr std::size_t kMaxWaiting = 16'384;  // processes

  // Borrows them for its lifetime.
  ImageDesk(ElfWorkers& workers, ImageUser& user, ImageCounts& counts, bool with_libraries,
            discover::inspect::ProcessInspector inspector = discover::inspect::ProcessInspector())
      : analyses_(workers),
        user_(user),
        counts_(counts),
        with_libraries_(with_libraries),
        inspector_(std::move(inspector)) {}

  void on_selected(const model::TargetProcess& target, base::BootTime time) override;
  void on_rejected(const model::ProcessKey& key, base::BootTime time) override;
  void on_exited(const model::ProcessKey& key, base::BootTime time) override;

  // Whatever can be done now.
  void turn(base::BootTime now);
  // When turn() has something to do without any fd; nullopt: never.
  [[nodiscard]] std::optional<base::BootTime> due(base::BootTime now) const;
  void wait_with(std::span<pollfd, Analyses::kMaxWorkers> polled) const {
    analyses_.wait_with(polled);
  }

 private:
  using File = probes::loader::FileIdentity;
  // A selected process of which not every file is done with.
  struct Wanted {
    std::vector<File> waiting;  // for their reports
    std::vector<File> done;     // told to the user, or nothing to tell
    std::vector<File> later;    // no room, or no report: until the process is tried again
    base::BootTime earliest{};  // that one of those may be done with
    bool rests = false;         // until its turn among the retries
  };

  void forget(const model::ProcessKey& key);
  void take(Analyses::Done done, base::BootTime now);
  void count(const probes::proof::BinaryReport& report, const model::ProcessKey& process);
  // Leaves those of the processes that waited for the file, and still want it.
  void keep_waiting(const File& file, std::vector<model::ProcessKey>& processes);
  void start_workers(base::BootTime now);
  [[nodiscard]] std::optional<TargetImage> open_for(const BinaryShelf::Next& next) const;
  void look_at(const model::ProcessKey& process, base::BootTime now);
  void ask_for(const model::ProcessKey& process, Wanted& wanted, const File& file,
               base::BootTime now);
  void tell(const model::ProcessKey& process, Wanted& wanted, const TargetFiles& files,
            const TargetImage& image, base::BootTime now);
  static void put_off(Wanted& wanted, const File& file, base::BootTime earliest = {});
  // Once no report is waited for any more.
  void finish(const model::ProcessKey& process, base::BootTime now);
  void turn_away(const model::ProcessKey& process, base::BootTime now, base::BootTime earliest);
  void be_done_with(const model::ProcessKey& process);

  BinaryShelf shelf_;
  Analyses analyses_;
  ImageUser& user_;
  ImageCounts& counts_;
  bool with_libraries_;
  discover::inspect::ProcessInspector inspector_;
  std::deque<model::ProcessKey> arrivals_;  // to be looked at; some may have ended
  Retries retries_;
  base::BootTime now_{};  // of the last turn
  std::unordered_map<model::ProcessKey, Wanted, model::ProcessKeyHash> wanted_;
};

}  // namespace beyla::broker
