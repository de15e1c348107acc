#include "agent/broker/request_decoder.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "abi/maps.h"
#include "agent/broker/request_test_data.h"

namespace beyla::broker {
namespace {

constexpr model::ProcessKey kKey{42, 3, 1'000};

TEST(RequestDecoder, ProbeRequestsComeAsTheyWereSent) {
  const auto request = decode_request(bytes_of(make_probe_request(kKey, 5, 99)));
  ASSERT_TRUE(request);
  EXPECT_EQ(request->kind, abi::kRequestProbes);
  EXPECT_EQ(request->id, 99U);
  EXPECT_EQ(request->process, kKey);
  EXPECT_EQ(request->probe_set, 5U);
}

TEST(RequestDecoder, NoticesNameNoProcess) {
  for (const auto kind : {abi::kRequestReady, abi::kRequestDelivered}) {
    const auto request = decode_request(bytes_of(make_notice(kind)));
    ASSERT_TRUE(request);
    EXPECT_EQ(request->kind, kind);
    EXPECT_EQ(request->process, model::ProcessKey{});
  }
}

TEST(RequestDecoder, OthersAreRefusedWithTheirReason) {
  using Message = abi::processor_request;
  struct Case {
    const char* what;
    Malformed reason;
    std::function<void(Message&)> change;
  };
  const Case cases[] = {
      {"no version", Malformed::version, [](Message& m) { m.version = 0; }},
      {"a later version", Malformed::version, [](Message& m) { m.version = 2; }},
      {"a target change", Malformed::kind, [](Message& m) { m.kind = abi::kTargetSelected; }},
      {"a start", Malformed::kind, [](Message& m) { m.kind = abi::kMessageStart; }},
      {"an answer", Malformed::kind, [](Message& m) { m.kind = abi::kMessageAnswer; }},
      {"a stop", Malformed::kind, [](Message& m) { m.kind = abi::kMessageStop; }},
      {"before the first kind", Malformed::kind, [](Message& m) { m.kind = 31; }},
      {"behind the last kind", Malformed::kind, [](Message& m) { m.kind = 35; }},
      {"all bits", Malformed::kind, [](Message& m) { m.kind = ~0U; }},
      {"no length", Malformed::length, [](Message& m) { m.length = 0; }},
      {"a longer length", Malformed::length, [](Message& m) { m.length = sizeof(m) + 1; }},
      {"pid 0", Malformed::fields, [](Message& m) { m.process.pid = 0; }},
      {"no pid of Linux", Malformed::fields, [](Message& m) { m.process.pid = abi::kPidLimit; }},
      {"no time", Malformed::fields, [](Message& m) { m.process.start_ns = 1ULL << 63U; }},
      {"ready with a set", Malformed::fields,
       [](Message& m) {
         m = make_notice(abi::kRequestReady);
         m.probe_set = 1;
       }},
      {"ready with a pid", Malformed::fields,
       [](Message& m) {
         m = make_notice(abi::kRequestReady);
         m.process.pid = 1;
       }},
      {"ready with a generation", Malformed::fields,
       [](Message& m) {
         m = make_notice(abi::kRequestReady);
         m.process.exec_generation = 1;
       }},
      {"delivered with a start", Malformed::fields,
       [](Message& m) {
         m = make_notice(abi::kRequestDelivered);
         m.process.start_ns = 1;
       }},
  };
  for (const auto& [what, reason, change] : cases) {
    Message message = make_probe_request(kKey);
    change(message);
    const auto request = decode_request(bytes_of(message));
    ASSERT_FALSE(request) << what;
    EXPECT_EQ(request.error(), reason) << what;
  }
}

TEST(RequestDecoder, LastPidAndStartAreStillProcesses) {
  const model::ProcessKey last{abi::kPidLimit - 1, ~0U, (1ULL << 63U) - 1};
  const auto request = decode_request(bytes_of(make_probe_request(last)));
  ASSERT_TRUE(request);
  EXPECT_EQ(request->process, last);
}

TEST(RequestDecoder, EveryOtherSizeIsRefused) {
  std::array<std::byte, 2 * sizeof(abi::processor_request)> buffer{};
  const auto good = make_probe_request(kKey);
  std::memcpy(buffer.data(), &good, sizeof(good));
  std::memcpy(buffer.data() + sizeof(good), &good, sizeof(good));
  for (std::size_t size = 0; size <= buffer.size(); ++size) {
    const auto request = decode_request(std::span(buffer).first(size));
    ASSERT_EQ(request.has_value(), size == sizeof(good)) << size;
    if (!request) {
      EXPECT_EQ(request.error(), Malformed::size);
    }
  }
}

// 5,000 of four sorts, always the same ones. What is accepted must be what a request may be.
TEST(RequestDecoder, HostileRequestsAreRefusedOrWhole) {
  std::mt19937 random(20231119);
  const auto any = [&](std::uint32_t limit) {
    return static_cast<std::uint32_t>(random() % limit);
  };
  std::size_t refused = 0;
  for (std::uint32_t i = 0; i < 5'000; ++i) {
    auto message = make_probe_request({1 + any(100), any(3), any(1'000)}, any(3), i);
    std::vector<std::byte> bytes(sizeof(message));
    std::memcpy(bytes.data(), &message, sizeof(message));
    switch (i % 4) {
      case 0:  // noise of any length
        bytes.resize(any(200));
        std::ranges::generate(bytes, [&] { return static_cast<std::byte>(random()); });
        break;
      case 1: bytes.resize(any(sizeof(message))); break;  // cut
      case 2: bytes.resize(sizeof(message) + 1 + any(4'096)); break;
      default:  // one word is the most extreme
        const std::uint32_t extreme = std::array{0U, ~0U, 1U << 31U, ~0U >> 1U}[any(4)];
        std::memcpy(bytes.data() + 4 * any(sizeof(message) / 4), &extreme, sizeof(extreme));
    }
    const auto request = decode_request(bytes);
    if (!request) {
      ++refused;
      continue;
    }
    ASSERT_EQ(i % 4, 3U) << i;
    EXPECT_EQ(request->kind, abi::kRequestProbes);
    EXPECT_TRUE(request->process.pid > 0 && request->process.pid < abi::kPidLimit);
  }
  EXPECT_GT(refused, 4'200U);
}

}  // namespace
}  // namespace beyla::broker
