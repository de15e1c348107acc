// One line of text per span:
// 2023-04-19 13:49:04 (15.22ms[689.9µs]) 200 GET /hello [::1]->[localhost:8080] size:0B
// Any thread; each thread remembers the text of the last second it printed.
#pragma once

#include <chrono>
#include <string>

#include "model/span.h"

namespace beyla::exporters::console {

// wall_offset: CLOCK_REALTIME minus CLOCK_BOOTTIME. The time shown is local, of the request's
// start. Bytes of operation, target and outcome outside 0x20..0x7e appear as \xNN.
void append_trace_line(std::string& out, const model::Span& span,
                       std::chrono::nanoseconds wall_offset);

}  // namespace beyla::exporters::console
