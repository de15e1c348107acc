// Probes in processes of Go programs: one link per process holds all of them, the binary's places
// of fields stand in the map go_images. Nothing outlives the process or this object. Control thread
// only.
#pragma once

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <span>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "abi/go_calls.h"
#include "abi/probe_point.h"
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
  int images_fd = -1;  // map go_images
};

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
  static constexpr std::size_t kMaxClosing = 256;  // links, some 15 s of them

  // Maps go_images: an entry is written without a system call, which the filter of the broker need
  // not allow then.
  [[nodiscard]] static base::Result<std::unique_ptr<GoProbes>> make(const GoKernel& kernel);

  // Takes as long as the kernel does, with LinkCloser::kThreads links at once.
  ~GoProbes();
  GoProbes(const GoProbes&) = delete;
  GoProbes& operator=(const GoProbes&) = delete;

  // A probe without a program is left out. REQUIRES: each point is proven for this very file; the
  // process has none yet; its pid is that of this process's pid namespace. Out: how many points
  // stand, maybe 0. What the kernel refuses is logged.
  [[nodiscard]] std::expected<std::size_t, AttachFailure> attach(
      const model::ProcessKey& process, const GoBinary& binary,
      std::span<const abi::probe_point> points);
  // Never blocks: the probes are gone some time later. One without probes: nothing.
  void detach(const model::ProcessKey& process);

  [[nodiscard]] std::size_t processes() const { return links_.size(); }
  [[nodiscard]] std::size_t points() const { return points_; }

 private:
  struct Link {
    base::Fd fd;
    FileIdentity binary;
    std::size_t points = 0;
  };
  GoProbes(const GoKernel& kernel, base::MemoryMap images)
      : kernel_(kernel), images_(std::move(images)) {}
  void write_image(std::uint32_t slot, const abi::go_image& image);
  void take_back_slots();

  GoKernel kernel_;
  base::MemoryMap images_;
  ImageSlots slots_{abi::kGoImages};
  std::unordered_map<model::ProcessKey, Link, model::ProcessKeyHash> links_;
  std::size_t points_ = 0;
  LinkCloser closer_;
};

}  // namespace beyla::probes::loader
