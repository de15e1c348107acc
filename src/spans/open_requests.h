// Requests that have begun and not ended: what of them others refer to. Found by RequestId in one
// step. One thread.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "model/exchange.h"

namespace beyla::spans {

struct OpenRequest {
  static constexpr std::uint32_t kNone = 0xffffffff;

  model::ProcessKey process;
  model::Role role = model::Role::unknown;
  model::ConnectionId connection = 0;
  model::TraceContext trace;
  std::uint64_t received_parent = 0;  // its key in Linker; 0: it named no span
  base::BootTime begun;
  std::uint64_t newest_goroutine = 0;  // of its process, by its id, when it was joined
  std::uint64_t goroutine_key = 0;     // 0: nobody knows who serves it
  base::BootTime served_since;         // when its handler began, as its goroutine's calls tell it
  std::uint64_t context = 0;
  std::string route;
  std::optional<base::BootTime> panicked;
  // Of those of its connection that nobody is known to serve, in the order in which they came.
  bool in_queue = false;
  std::uint32_t before = kNone;
  std::uint32_t behind = kNone;

  std::uint64_t generation = 0;  // even: the place is free
};

class OpenRequests {
 public:
  static constexpr std::uint32_t kIndexBits = 18;
  static constexpr std::uint32_t kMaxRequests = 1U << kIndexBits;  // ours: some 50 MB

  // 0: there is no room.
  [[nodiscard]] model::RequestId add();
  // Null: not there any more, or never was.
  [[nodiscard]] OpenRequest* find(model::RequestId id);
  void remove(model::RequestId id);
  [[nodiscard]] static std::uint32_t index_of(model::RequestId id) {
    return static_cast<std::uint32_t>(id) & (kMaxRequests - 1);
  }
  // REQUIRES: index_of() one that is there.
  [[nodiscard]] OpenRequest& at(std::uint32_t index) { return requests_[index]; }
  [[nodiscard]] model::RequestId id_of(std::uint32_t index) const {
    return (requests_[index].generation << kIndexBits) | index;
  }
  [[nodiscard]] std::size_t size() const { return requests_.size() - free_.size(); }

 private:
  std::deque<OpenRequest> requests_;  // grows without moving
  std::vector<std::uint32_t> free_;
};

}  // namespace beyla::spans
