#include "protocols/http2/frame.h"

#include <gtest/gtest.h>

#include <string>

#include "base/byte_reader.h"
#include "protocols/http2/http2_talk.h"

namespace beyla::protocols::http2 {
namespace {

bool chain(std::string_view bytes, bool from_client = true) {
  return is_frame_chain(base::as_bytes(bytes), from_client);
}

std::string headers(unsigned flags, std::uint32_t stream) {
  return frame(FrameType::headers, flags, stream, "x");
}

TEST(FrameChain, TwoHeadersOrOneWholeFrame) {
  const std::string one = data(1, "content");
  EXPECT_TRUE(chain(one));
  EXPECT_FALSE(chain(one.substr(0, one.size() - 1)));
  EXPECT_FALSE(chain(one + std::string(kFrameHeaderBytes - 1, '\0')));
  EXPECT_TRUE(chain(one + data(3, "more").substr(0, kFrameHeaderBytes)));
  EXPECT_FALSE(chain(one + std::string(kFrameHeaderBytes, 'x')));
}

TEST(FrameChain, StreamsOfClientsAreOdd) {
  EXPECT_FALSE(chain(data(2, "x")));
  EXPECT_TRUE(chain(data(2, "x"), false));
  EXPECT_TRUE(chain(frame(FrameType::window_update, 0, 2, u32(1))));  // of what was pushed
}

TEST(FrameChain, OnlyServersPush) {
  const std::string promise = frame(FrameType::push_promise, kEndHeaders, 1, u32(2));
  EXPECT_FALSE(chain(promise));
  EXPECT_TRUE(chain(promise, false));
}

TEST(FrameChain, BlocksGoOnWithoutABreak) {
  const std::string rest = frame(FrameType::continuation, kEndHeaders, 1, "y");
  EXPECT_TRUE(chain(headers(0, 1) + rest));
  EXPECT_TRUE(chain(headers(0, 1) + rest + data(1, "z")));
  EXPECT_FALSE(chain(headers(0, 3) + rest));
  EXPECT_FALSE(chain(headers(0, 1) + data(1, "z")));
  EXPECT_FALSE(chain(headers(kEndHeaders, 1) + rest));
  EXPECT_FALSE(chain(rest));
}

TEST(FrameChain, WhatIsUnusual) {
  EXPECT_FALSE(chain(frame(static_cast<FrameType>(10), 0, 0, {})));
  EXPECT_FALSE(chain(frame(FrameType::data, 0x40, 1, {})));  // a flag that is not defined
  EXPECT_FALSE(chain(frame(FrameType::data, 0, 0x80000001, {})));
  EXPECT_TRUE(chain(data(1, std::string(16'384, 'x'))));
  EXPECT_FALSE(chain(data(1, std::string(16'385, 'x'))));
  EXPECT_FALSE(chain(frame(FrameType::ping, 0, 0, "short")));
}

TEST(ServerPreface, IsSettings) {
  const auto is_preface = [](std::string_view bytes) {
    return is_server_preface(base::as_bytes(bytes));
  };
  EXPECT_TRUE(is_preface(settings()));
  EXPECT_FALSE(is_preface(settings().substr(0, kFrameHeaderBytes - 1)));
  EXPECT_FALSE(is_preface(frame(FrameType::settings, kAck, 0, {})));
  EXPECT_FALSE(is_preface(frame(FrameType::settings, 0, 1, {})));
  EXPECT_TRUE(is_preface(frame(FrameType::settings, 0, 0, std::string(1020, 'x'))));
  EXPECT_FALSE(is_preface(frame(FrameType::settings, 0, 0, std::string(1026, 'x'))));
  EXPECT_FALSE(is_preface(frame(FrameType::ping, 0, 0, "12345678")));
}

}  // namespace
}  // namespace beyla::protocols::http2
