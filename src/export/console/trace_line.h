// One line of text per span:
// 2023-04-19 13:49:04 (15.22ms[689.9µs]) 200 GET /hello [::1]->[localhost:8080] size:0B
// Any thread; each thread remembers the text of the last second it printed.
#pragma once

#include <chrono>
#include <string>

#include "model/span.h"

namespace beyla::exporters::console {

// The arrow goes from the client's address to the server's, whichever side was watched. In front of
// a port, an IPv6 address stands in brackets (RFC 3986 section 3.2.2): ->[[2001:db8::1]:8080].
// What is not known is "?"; of a server whose endpoint is not, stands there whom the client asked.
// A client has no handler: its two durations are equal. An RPC shows its code and its full method:
// ... 0 /grpc.health.v1.Health/Check [::1]->... An HTTP request without an answer has status 0.
// wall_offset: CLOCK_REALTIME minus CLOCK_BOOTTIME. The time shown is local, of the request's
// start. Bytes of texts outside 0x20..0x7e appear as \xNN.
void append_trace_line(std::string& out, const model::Span& span,
                       std::chrono::nanoseconds wall_offset);

}  // namespace beyla::exporters::console
