// Probes in the TLS library of a process: one link for its points, and a second one for the ends of
// functions that have no better place. Control thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include "abi/tls_calls.h"
#include "base/fd.h"
#include "base/result.h"
#include "probes/loader/link_closer.h"

namespace beyla::probes::loader {

struct TlsPlace {
  std::uint64_t offset =
      0;  // of the instruction, in the file; at_return: of the function's first byte
  std::uint32_t probe = 0;  // abi::tls_probe
  bool at_return = false;   // the probe is an exit, and is hit when the function returns
};

// Of the loaded kernel half, and borrowed.
struct TlsPrograms {
  int call_fd = -1;
  int rustls_fd = -1;
  std::uint32_t* follow_rustls = nullptr;  // of the kernel: set before the first probe in rustls
};

// The probes of one library in one process; they go with this, some time later. Move-only.
class TlsLinks {
 public:
  TlsLinks() = default;
  TlsLinks(TlsLinks&& other) noexcept { *this = std::move(other); }
  TlsLinks& operator=(TlsLinks&& other) noexcept;
  ~TlsLinks() { detach(); }

  // Never blocks.
  void detach();
  [[nodiscard]] std::size_t points() const { return points_; }

 private:
  friend class TlsProbes;
  explicit TlsLinks(LinkCloser& closer) : closer_(&closer) {}

  LinkCloser* closer_ = nullptr;  // null: no links
  base::Fd places_;
  base::Fd returns_;
  std::size_t points_ = 0;
};

class TlsProbes {
 public:
  // `closer` must outlive this and all links.
  TlsProbes(const TlsPrograms& programs, LinkCloser& closer)
      : programs_(programs), closer_(closer) {}

  // In the process, as this process's pid namespace calls it, wherever it has mapped the file;
  // which is borrowed during the call. REQUIRES: each place is proven for this very file; at most
  // kMaxUprobePlaces, and of rustls or of others, never both. All or none: ESRCH: the process
  // has ended; EINVAL: not a probe of this library; else the kernel refuses one.
  [[nodiscard]] base::Result<TlsLinks> attach(std::uint32_t pid, int library_fd,
                                              std::span<const TlsPlace> places);
  // The same in every process, those that come later too, for which it costs a breakpoint a hit:
  // only those that may speak are reported. `number`: of the library, from 1, for hits in others.
  // REQUIRES: no place at_return, since some process may switch stacks.
  [[nodiscard]] base::Result<TlsLinks> attach_everywhere(int library_fd,
                                                         std::span<const TlsPlace> places,
                                                         std::uint32_t number);
  [[nodiscard]] bool has_room(Room room) const { return closer_.has_room(room); }

 private:
  [[nodiscard]] base::Result<TlsLinks> link(std::uint32_t pid, int library_fd,
                                            std::span<const TlsPlace> places, std::uint64_t added);

  TlsPrograms programs_;
  LinkCloser& closer_;
};

}  // namespace beyla::probes::loader
