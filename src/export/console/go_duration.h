// Durations as the trace lines show them. Pure functions, any thread.
#pragma once

#include <chrono>
#include <string>

namespace beyla::exporters::console {

// Rounds half away from zero (from 1 s to 10 ms, from 1 ms to 10 µs, from 1 µs to 100 ns, below
// not at all) and appends Go's Duration notation of the result: "15.22ms", "689.9µs", "1h0m0s".
void append_duration(std::string& out, std::chrono::nanoseconds duration);

[[nodiscard]] std::string format_duration(std::chrono::nanoseconds duration);

}  // namespace beyla::exporters::console
