// Probes in processes of Go programs: one link per process holds all that stay, another one that of
// ServeMux, which may go before. The binary's places of fields stand in the map go_images. Nothing
// outlives the process or this object. Control thread only.
#pragma once

#include <array>
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "abi/go_calls.h"
#include "abi/probe_point.h"
#include "base/line_budget.h"
#include "base/memory_map.h"
#include "base/result.h"
#include "model/process.h"
#include "probes/loader/file_identity.h"
#include "probes/loader/image_slots.h"
#include "probes/loader/link_closer.h"

namespace beyla::probes::loader {

// Of the loaded kernel half; borrowed.
struct GoKernel {
  std::bitset<abi::kGoProbes> programs;  // probes that have one
  int dispatcher_fd = -1;
  int images_fd = -1;    // map go_images
  int mux_uses_fd = -1;  // map go_mux_uses
};

enum class LinkKind : std::uint8_t { lasting, mux };
inline constexpr std::size_t kLinkKinds = 2;

struct GoBinary {
  int exe_fd = -1;  // borrowed during the call
  FileIdentity file;
  const abi::go_image& image;
};

enum class AttachFailure : std::uint8_t {
  too_many_images,  // kGoImages other binaries have probes
  too_many_links,   // that wait to be closed: processes end faster than the kernel removes probes
  process_gone,
  refused_by_kernel,
};
inline constexpr std::size_t kAttachFailures =
    static_cast<std::size_t>(AttachFailure::refused_by_kernel) + 1;

class GoProbes {
 public:
  // Maps go_images and go_mux_uses: they are used without a system call, which the filter of the
  // broker need not allow then. Errors: there is no room for the maps. `closer` must outlive this,
  // and give what it has closed to nobody else.
  [[nodiscard]] static base::Result<std::unique_ptr<GoProbes>> make(const GoKernel& kernel,
                                                                    LinkCloser& closer);

  ~GoProbes();
  GoProbes(const GoProbes&) = delete;
  GoProbes& operator=(const GoProbes&) = delete;

  // A probe without a program is left out. REQUIRES: each point is proven for this very file; the
  // process has no link of this kind; its pid is that of this process's pid namespace. Out: how
  // many points stand, maybe 0. What the kernel refuses is logged.
  [[nodiscard]] std::expected<std::size_t, AttachFailure> attach(
      const model::ProcessKey& process, const GoBinary& binary,
      std::span<const abi::probe_point> points, LinkKind kind, Room room);
  // What attach() would find short by now; nullopt: nothing.
  [[nodiscard]] std::optional<AttachFailure> why_full(const FileIdentity& binary, Room room);
  // Never blocks: the probes are gone some time later. One without probes: nothing.
  void detach(const model::ProcessKey& process);
  void detach(const model::ProcessKey& process, LinkKind kind);
  // Of its binary. REQUIRES: it has a link.
  [[nodiscard]] abi::go_mux_use mux_use(const model::ProcessKey& process) const;

  [[nodiscard]] std::size_t processes() const { return processes_.size(); }
  [[nodiscard]] std::size_t points() const { return points_; }

 private:
  struct Link {
    base::Fd fd;  // none: there is no such link
    std::size_t points = 0;
  };
  struct Process {
    FileIdentity binary;
    std::uint32_t slot = 0;  // of the binary
    std::array<Link, kLinkKinds> links;
  };
  GoProbes(const GoKernel& kernel, LinkCloser& closer, base::MemoryMap images,
           base::MemoryMap mux_uses)
      : kernel_(kernel),
        closer_(closer),
        images_(std::move(images)),
        mux_uses_(std::move(mux_uses)) {}
  void write_image(std::uint32_t slot, const abi::go_image& image);
  void close(const FileIdentity& binary, Link& link);
  void take_back_slots();

  GoKernel kernel_;
  LinkCloser& closer_;
  base::MemoryMap images_;
  base::MemoryMap mux_uses_;
  ImageSlots slots_{abi::kGoImages};
  std::unordered_map<model::ProcessKey, Process, model::ProcessKeyHash> processes_;
  std::size_t points_ = 0;
  base::LineBudget lines_;  // of failures, which are counted, too
};

}  // namespace beyla::probes::loader
