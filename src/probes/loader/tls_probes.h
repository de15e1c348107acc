// Probes in TLS libraries that processes have mapped, or may map: per process and file one link for
// all that stand at instructions, and one for return probes. Nothing outlives the process or this
// object. Control thread only.
#pragma once

#include <array>
#include <cstddef>
#include <expected>
#include <span>
#include <unordered_map>
#include <vector>

#include "abi/probe_point.h"
#include "abi/tls_calls.h"
#include "base/fd.h"
#include "model/process.h"
#include "probes/loader/file_identity.h"
#include "probes/loader/go_probes.h"
#include "probes/loader/link_closer.h"

namespace beyla::probes::loader {

struct TlsLibrary {
  int fd = -1;  // for reading; borrowed during the call
  FileIdentity file;
};

class TlsProbes {
 public:
  static constexpr std::size_t kMaxClosing = 256;  // links, some 15 s of them

  // The kernel half's program, which tells probes apart by the cookie, a tls_probe; borrowed.
  // Starts the threads that close links: throws std::system_error.
  explicit TlsProbes(int program_fd) : program_fd_(program_fd) {}
  ~TlsProbes();
  TlsProbes(const TlsProbes&) = delete;
  TlsProbes& operator=(const TlsProbes&) = delete;

  // REQUIRES: each point is proven for this very file, of which the process has none; the pid is
  // that of this process's pid namespace. Out: how many stand, all or none. Where the process has
  // not mapped the file they come to stand when it does (kernel/events/uprobes.c, uprobe_mmap).
  // What the kernel refuses is logged.
  [[nodiscard]] std::expected<std::size_t, AttachFailure> attach(
      const model::ProcessKey& process, const TlsLibrary& library,
      std::span<const abi::probe_point> points);
  // Never blocks: the probes are gone some time later. One without probes: nothing.
  void detach(const model::ProcessKey& process);

  [[nodiscard]] bool has(const model::ProcessKey& process, const FileIdentity& file) const;
  [[nodiscard]] std::size_t processes() const { return by_process_.size(); }
  [[nodiscard]] std::size_t points() const { return points_; }

 private:
  struct Attached {
    FileIdentity file;
    std::array<base::Fd, 2> links;  // the second: return probes; either may be none
    std::size_t points = 0;
  };
  void close(Attached& attached);

  int program_fd_;
  std::unordered_map<model::ProcessKey, std::vector<Attached>, model::ProcessKeyHash> by_process_;
  std::size_t points_ = 0;
  LinkCloser closer_;
};

}  // namespace beyla::probes::loader
