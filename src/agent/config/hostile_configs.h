// 5,000 configuration files that nobody means well with, for tests. The same in each run.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

namespace beyla::agent::config {

// SplitMix64, https://prng.di.unimi.it/splitmix64.c: the same numbers everywhere.
class Random {
 public:
  std::uint64_t next() {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15U;
    z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27U)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31U);
  }
  std::size_t below(std::size_t limit) { return next() % limit; }
  char byte() { return static_cast<char>(next()); }
  template <typename Container>
  const auto& pick(const Container& from) {
    return from[below(std::size(from))];
  }

 private:
  std::uint64_t state_ = 6;
};

// What the mutated ones start from.
extern const std::array<std::string, 4> kValidConfigs;

// The kinds take turns: file number `at` is of kind at % number of kinds.
[[nodiscard]] std::string hostile_config(std::size_t at, Random& random);

}  // namespace beyla::agent::config
