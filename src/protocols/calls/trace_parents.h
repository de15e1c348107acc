// The `traceparent` of requests that have been announced and not begun: their headers come first.
// One thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <unordered_map>

#include "base/clock.h"
#include "model/process.h"
#include "model/trace.h"

namespace beyla::protocols::calls {

// What the process calls a request before it begins: its stream, and of which connection; under
// TLS its call, of owner 0.
struct AnnouncedRequest {
  model::ProcessKey process;
  std::uint64_t owner = 0;
  std::uint64_t name = 0;
  bool operator==(const AnnouncedRequest&) const = default;
};

class TraceParents {
 public:
  // Ours: some 8 MB. Those that were taken count as long as an older one waits.
  static constexpr std::size_t kMaxKept = 65536;
  // Ours. A request that waits longer for its handler is given none: one that was refused never
  // begins, and another may have its name by then. A wrong parent is worse than none.
  static constexpr std::chrono::seconds kMaxAge{1};

  // The last word counts. False: the oldest was given up for it.
  bool keep(const AnnouncedRequest& request, const model::TraceParent& parent, base::BootTime time);
  // Once.
  [[nodiscard]] std::optional<model::TraceParent> take(const AnnouncedRequest& request,
                                                       base::BootTime time);
  void expire(base::BootTime now);
  [[nodiscard]] std::size_t size() const { return kept_.size(); }

 private:
  struct Kept {
    model::TraceParent parent;
    base::BootTime time;
    std::uint64_t serial = 0;  // never given twice
  };
  struct Arrival {
    AnnouncedRequest request;
    base::BootTime time;
    std::uint64_t serial = 0;
  };
  struct Hash {
    std::size_t operator()(const AnnouncedRequest& request) const noexcept;
  };
  [[nodiscard]] bool oldest_waits() const;
  void forget_oldest();

  std::unordered_map<AnnouncedRequest, Kept, Hash> kept_;
  std::deque<Arrival> arrivals_;  // of what was taken, too
  std::uint64_t last_serial_ = 0;
};

}  // namespace beyla::protocols::calls
