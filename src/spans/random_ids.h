// Trace and span ids: unique, hard to guess by chance, no secret. One thread.
#pragma once

#include <array>
#include <cstdint>

#include "base/result.h"
#include "model/trace.h"

namespace beyla::spans {

class RandomIds {
 public:
  using Seed = std::array<std::uint64_t, 4>;

  // From the kernel; asked for once, not per id.
  [[nodiscard]] static base::Result<Seed> fresh_seed();
  // Equal seeds give equal ids.
  explicit RandomIds(const Seed& seed);

  [[nodiscard]] std::uint64_t number();
  [[nodiscard]] model::TraceId trace_id();  // never all zero; nor is the next
  [[nodiscard]] model::SpanId span_id();

 private:
  Seed state_;
};

}  // namespace beyla::spans
