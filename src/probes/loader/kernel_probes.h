// Loads, configures and attaches the kernel half; holds every link and map. Nothing is pinned:
// all of it ends with this object, or with the process. Control thread only.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "abi/maps.h"
#include "base/result.h"
#include "model/frame_walk.h"
#include "model/target.h"
#include "probes/loader/go_probes.h"
#include "probes/loader/tls_probes.h"
#include "probes/loader/uprobe_multi.h"

namespace beyla::probes::loader {

struct ProbeOptions {
  std::bitset<abi::kPorts> wanted_ports;
  bool watch_every_exec = false;  // a name selector without ports: user space decides on each
  // The agent's other processes: neither they nor what they fork from now on are ever watched.
  std::vector<std::uint32_t> own_pids;
  std::optional<model::FrameWalk> frame_walk;  // none: no connection is framed
  // Their programs are loaded where the kernel can attach them.
  bool go_probes = false;
  bool tls_probes = false;
};

// File descriptors for the side that reads and parses; owned by KernelProbes, valid while it lives.
struct CaptureHandles {
  int data_ring = -1;
  int counts_by_kind = -1;
  int notes_by_kind = -1;
  int policy_by_slot = -1;
  int reader_by_zero = -1;
  int lost_closes = -1;
  std::size_t possible_cpus = 0;  // values of each entry of the two maps of counts
};

class ProcessEventSink {
 public:
  virtual ~ProcessEventSink() = default;
  virtual void on_started(const model::ProcessStarted& process) = 0;
  virtual void on_exited(const model::ProcessKey& key, base::BootTime time) = 0;
  // abi::kStrangerBatch more hits in the library that has this number in every process were of
  // processes that are none of ours.
  virtual void on_tls_strangers(std::uint32_t library, base::BootTime time) = 0;
};

class KernelProbes final : public model::TargetMap {
 public:
  // Errors: no BTF, no privilege, or a program the kernel refuses; each says what to do.
  [[nodiscard]] static base::Result<std::unique_ptr<KernelProbes>> load(
      const ProbeOptions& options);
  ~KernelProbes() override;

  // Attaches everything, then looks at what ran before. Process events go to `sink`, which must
  // outlive this object.
  [[nodiscard]] base::Result<void> attach(ProcessEventSink& sink);

  [[nodiscard]] CaptureHandles handles() const;
  // Readable when process events wait; then call read_process_events().
  [[nodiscard]] int process_events_fd() const;
  void read_process_events();
  // Records read so far; any thread.
  [[nodiscard]] std::uint64_t process_events_read() const;
  // This process is ours, too. As own_pids.
  void exclude(std::uint32_t pid);

  // Times a program was skipped because it had interrupted itself on one CPU.
  [[nodiscard]] std::uint64_t skipped_runs() const;

  void select(const model::ProcessKey& key) override;
  void reject(const model::ProcessKey& key) override;
  void mark_open_sockets() override;

  // Null: not wanted, or not possible here; why was logged. Lives as long as this object.
  [[nodiscard]] GoProbes* go() const;
  // All probes of this process and image stand: they may speak, until it ends or calls exec.
  void let_go_probes_speak(const model::ProcessKey& key);
  // Likewise of TLS libraries.
  [[nodiscard]] TlsProbes* tls() const;
  void let_tls_probes_speak(const model::ProcessKey& key);
  // All that it needs are its own: shared ones have nothing to add.
  void let_shared_tls_probes_rest(const model::ProcessKey& key);
  // As ProbeOptions said.
  [[nodiscard]] bool watches_every_exec() const;
  // Hits of shared TLS probes in processes that are none of ours, in all.
  [[nodiscard]] std::uint64_t tls_stranger_hits() const;

 private:
  struct Impl;
  explicit KernelProbes(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace beyla::probes::loader
