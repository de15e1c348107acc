// A conversation with most of what HTTP/2 knows, for tests that hold whatever its cuts.
#pragma once

#include <string>
#include <vector>

#include "protocols/http2/grpc.h"
#include "protocols/http2/http2_talk.h"

namespace beyla::protocols::http2 {

struct Turn {
  bool asks = false;
  std::string bytes;
};

// A block over three frames, the first with padding and priority.
[[nodiscard]] inline std::string long_head(std::uint32_t stream, const std::string& block) {
  constexpr std::size_t kPart = 2;
  std::string first{3};  // of padding
  first += u32(0) + '\x10' + block.substr(0, kPart) + "pad";
  return frame(FrameType::headers, kPadded | kPriority, stream, first) +
         frame(FrameType::continuation, 0, stream, block.substr(kPart, kPart)) +
         frame(FrameType::continuation, kEndHeaders, stream, block.substr(2 * kPart));
}

[[nodiscard]] inline std::vector<Turn> rich_talk() {
  Peer client;
  Peer server;
  std::vector<Turn> turns;
  const auto ask = [&turns](std::string bytes) { turns.push_back({true, std::move(bytes)}); };
  const auto answer = [&turns](std::string bytes) { turns.push_back({false, std::move(bytes)}); };
  ask(preface() + frame(FrameType::window_update, 0, 0, u32(1000)) + client.get(1, "/one?q=1"));
  answer(settings() + frame(FrameType::settings, kAck, 0, {}));
  const std::string padded = frame(FrameType::data, kPadded, 3,
                                   "\x05"
                                   "abcde.....");
  ask(join(
      {long_head(3, client.block({{":method", "POST"}, {":scheme", "http"}, {":path", "/two"}})),
       padded, frame(FrameType::ping, 0, 0, "12345678"), data(3, "fg", false),
       client.get(5, "/three"), client.head(3, {{"x-trailer", "t"}})}));
  answer(join({server.status(3, "103", false), server.status(5, "404", false), data(5, "no"),
               frame(FrameType::push_promise, kEndHeaders, 3,
                     u32(2) + server.block({{":method", "GET"}, {":path", "/pushed"}})),
               server.status(2, "200", false), server.status(3, "201", false), data(3, "x", false),
               data(2, "pushed"), server.head(3, {{"x-sum", "1"}}), server.status(1, "200")}));
  ask(join({client.call(7, "/pkg.Service/Do"), data(7, "request", false),
            client.call(9, "/p.S/Cancel"), data(7, "more")}));
  answer(join({server.head(7, {{":status", "200"}, {"content-type", "application/grpc"}}, false),
               data(7, "answer", false), server.head(7, {{"grpc-status", "0"}})}));
  ask(join({reset(9, kErrorCancel), client.get(11, "/cancelled"), client.get(13, "/refused")}));
  ask(reset(11, kErrorCancel));
  answer(goaway(11) + frame(static_cast<FrameType>(0x20), 0xff, 77, "extension"));
  return turns;
}

// In the order in which they end; two more end as incomplete.
[[nodiscard]] inline std::vector<std::string> rich_summaries() {
  return {"GET /three 404 0", "POST /two 201 7", "GET /one 200 0", "/pkg.Service/Do  0 11",
          "/p.S/Cancel  1 ?"};
}

}  // namespace beyla::protocols::http2
