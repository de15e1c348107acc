#include "spans/random_ids.h"

#include <sys/random.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>

namespace beyla::spans {

base::Result<RandomIds::Seed> RandomIds::fresh_seed() {
  Seed seed{};
  while (::getrandom(seed.data(), sizeof(seed), 0) != static_cast<ssize_t>(sizeof(seed))) {
    if (errno != EINTR) return base::fail_errno(errno, "cannot get random numbers");
  }
  return seed;
}

// The generator below never leaves an all-zero state.
RandomIds::RandomIds(const Seed& seed) : state_(seed) {
  const bool is_zero = std::ranges::all_of(state_, [](std::uint64_t word) { return word == 0; });
  if (is_zero) state_[0] = 1;
}

// xoshiro256** (Blackman, Vigna: Scrambled linear pseudorandom number generators, 2021).
std::uint64_t RandomIds::number() {
  const std::uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
  const std::uint64_t shifted = state_[1] << 17U;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= shifted;
  state_[3] = std::rotl(state_[3], 45);
  return result;
}

model::TraceId RandomIds::trace_id() {
  const std::uint64_t halves[2] = {number() | 1U, number()};
  model::TraceId id;
  static_assert(sizeof(halves) == sizeof(id));
  std::memcpy(id.data(), halves, sizeof(id));
  return id;
}

model::SpanId RandomIds::span_id() {
  const std::uint64_t word = number() | 1U;
  model::SpanId id;
  std::memcpy(id.data(), &word, sizeof(id));
  return id;
}

}  // namespace beyla::spans
