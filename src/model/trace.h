// Which trace a span belongs to (W3C Trace Context, https://www.w3.org/TR/trace-context/). Plain
// data, any thread.
#pragma once

#include <array>
#include <cstdint>

namespace beyla::model {

using TraceId = std::array<std::uint8_t, 16>;
using SpanId = std::array<std::uint8_t, 8>;

// What a `traceparent` header says.
struct TraceParent {
  TraceId trace_id{};  // never all zero
  SpanId span_id{};    // never all zero
  bool sampled = false;
  bool operator==(const TraceParent&) const = default;
};

// All zero: not known.
struct TraceContext {
  TraceId trace_id{};
  SpanId span_id{};
  SpanId parent_span_id{};  // all zero: a root
  bool sampled = true;
  bool operator==(const TraceContext&) const = default;
};

// How the receiver of a request names it; 0: not at all.
using RequestId = std::uint64_t;

}  // namespace beyla::model
