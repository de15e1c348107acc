// Whether the probe of net/http.(*ServeMux).ServeHTTP stays in a process. It is one hit more for
// each request and of use only where a middleware hands on copies of requests, or a ServeMux is
// mounted under another: it stands from the beginning, goes where it turns out to be of none, and
// comes back when routes are missing, each time later. Pure, any thread.
#pragma once

#include <cstdint>

#include "abi/go_calls.h"

namespace beyla::broker {

// Of a binary, whether the probe stands or not: grows while there is traffic.
[[nodiscard]] constexpr std::uint64_t requests_in(const abi::go_mux_use& use) {
  return use.hits + use.unrouted + use.routed;
}

class MuxChoice {
 public:
  // Ours. So many requests without one copy: there is no such middleware, as far as one can tell.
  static constexpr std::uint64_t kHitsInVain = 1000;
  // Requests without a route, or with that of a subtree, before it is tried again; times
  // kMorePatience after each time in vain, as they may be none of the program's.
  static constexpr std::uint64_t kUnrouted = 16;
  static constexpr std::uint64_t kMorePatience = 64;
  static constexpr std::uint32_t kMaxTries = 5;

  enum class Step : std::uint8_t { none, attach, detach };
  // The counts, which only grow, are those of the binary. REQUIRES: what it said before was done.
  [[nodiscard]] Step next(const abi::go_mux_use& use);
  // Step::attach, which it said last, could not be done.
  void take_back(const abi::go_mux_use& use);

  // It may still say something else than none.
  [[nodiscard]] bool is_open() const { return state_ != State::kept && state_ != State::given_up; }

 private:
  enum class State : std::uint8_t { attached, detached, kept, given_up };
  State state_ = State::attached;
  std::uint64_t since_ = 0;  // hits while attached, else requests without a route
  std::uint64_t patience_ = kUnrouted;
  std::uint32_t tries_ = 1;
};

}  // namespace beyla::broker
