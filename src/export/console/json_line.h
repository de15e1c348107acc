// One JSON object (RFC 8259) per span and line, with the names of OpenTelemetry's conventions:
// {"timestamp":"2023-04-19T13:49:04.500000000Z","kind":"SERVER","service":"shop",...}
// Any thread.
//
// Keys, in this order. One whose value is not known, or has no meaning for the span, is left out.
//   timestamp                  text, RFC 3339 in UTC, nine digits of a second: the request's start
//   kind                       "SERVER" or "CLIENT"; left out: the kernel could not tell
//   service                    text
//   duration_ns                integer, never negative
//   handler_ns                 integer, never negative; not of clients
//   trace_id                   32 hex digits
//   span_id, parent_span_id    16 hex digits
//   name                       HTTP: "GET /users/:id", without route "GET"; RPC: as rpc.method
//   http.request.method        text; "_OTHER" for one that no RFC registers ("HTTP" in the name)
//   url.path                   text, without query
//   http.route                 text, as the framework spells it
//   http.response.status_code  integer; left out: no answer came
//   rpc.system                 "grpc"
//   rpc.method                 text, "/pkg.Service/Name"
//   rpc.grpc.status_code       integer
//   client.address             text, IP address without brackets
//   client.port                integer
//   server.address             text: of clients, whom they asked, if known; else the IP address
//   server.port                integer
//   http.request.body.size     integer
//   error.type                 text, only of spans that failed: the status code; "_OTHER" where no
//                              answer came. HTTP servers fail with 5xx, clients with 4xx, too; gRPC
//                              servers with 2, 4, 12, 13, 14 and 15, clients with all but 0
#pragma once

#include <chrono>
#include <string>

#include "model/span.h"

namespace beyla::exporters::console {

// wall_offset: CLOCK_REALTIME minus CLOCK_BOOTTIME. What is no UTF-8 becomes U+FFFD, byte by byte;
// control characters (C0, DEL, C1, U+2028, U+2029) are escaped: none reaches a terminal.
void append_json_line(std::string& out, const model::Span& span,
                      std::chrono::nanoseconds wall_offset);

}  // namespace beyla::exporters::console
