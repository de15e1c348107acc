// For tests: what the probes of a server report, one line each. One thread.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <string_view>

#include "protocols/calls/made_calls.h"

namespace beyla::protocols::calls {

using model::CallKind;
using model::FunctionCall;
using model::Role;

class ServerCalls : public testing::Test {
 protected:
  void begin_tls(std::int64_t ms, std::uint64_t goroutine, std::uint64_t response) {
    FunctionCall call = made_call(CallKind::http1_begin, ms, goroutine, response);
    call.tls = true;
    call.origin.context = 0xc0;
    table.on_call(call);
  }
  void end(CallKind kind, std::int64_t ms, std::uint64_t call_id, std::string_view target,
           std::uint32_t status) {
    FunctionCall call = made_call(kind, ms, 1, call_id);
    call.method = "GET";
    call.target = target;
    call.name = "10.0.0.1:5000";
    call.status = status;
    call.request_bytes = 7;
    table.on_call(call);
  }
  void begin_http2(std::int64_t ms, std::uint64_t writer, std::uint64_t owner, std::uint32_t stream,
                   std::uint64_t context = 0) {
    FunctionCall call = made_call(CallKind::http2_begin, ms, 0x1000 + writer, writer);
    call.origin.context = context;
    call.owner = owner;
    call.status = stream;
    table.on_call(call);
  }
  void panic_in(std::int64_t ms, std::uint64_t call_id, std::string_view target) {
    FunctionCall call = made_call(CallKind::panic, ms, 1, call_id);
    call.method = "GET";
    call.target = target;
    call.name = "10.0.0.1:5000";
    table.on_call(call);
  }
  void abort_in(std::int64_t ms, std::uint64_t call_id, std::string_view target) {
    FunctionCall call = made_call(CallKind::panic, ms, 1, call_id);
    call.method = "GET";
    call.target = target;
    call.failed = true;
    table.on_call(call);
  }
  void announce(std::int64_t ms, std::uint64_t owner, std::uint32_t stream,
                std::string_view value) {
    FunctionCall call = made_call(CallKind::trace_parent, ms, 5);
    call.owner = owner;
    call.status = stream;
    call.name = value;
    table.on_call(call);
  }
  void panic_http2(std::int64_t ms, std::uint64_t owner, std::uint32_t stream) {
    FunctionCall call = made_call(CallKind::http2_panic, ms, 1);
    call.owner = owner;
    call.status = stream;
    table.on_call(call);
  }
  void begin_grpc(std::int64_t ms, std::uint64_t stream, std::uint64_t outer = 0) {
    FunctionCall call = made_call(CallKind::grpc_begin, ms, 2, stream);
    call.origin.ancestors = {0xc9, outer};
    call.target = "/shop.Cart/Add";
    call.name = "10.0.0.1:5000";
    table.on_call(call);
  }
  void end_grpc(std::int64_t ms, std::uint64_t stream, std::uint32_t code,
                std::uint64_t writer = 0) {
    FunctionCall call = made_call(CallKind::grpc_end, ms, 2, stream);
    call.status = code;
    call.in_http = writer != 0;
    call.origin.context = writer;
    table.on_call(call);
  }

  KeepingSink sink;
  CallTable table{sink};
};

}  // namespace beyla::protocols::calls
