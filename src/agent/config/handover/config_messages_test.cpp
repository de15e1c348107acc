#include "agent/config/handover/config_messages.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <functional>

#include <gtest/gtest.h>

namespace beyla::agent::config {
namespace {

template <typename T>
std::span<const std::byte> bytes_of(const T& message) {
  return std::as_bytes(std::span(&message, 1));
}

LoadedConfig some_config() {
  LoadedConfig loaded;
  loaded.policy.wanted_ports.set(80);
  loaded.policy.scrape = {9090, "127.0.0.1"};
  loaded.settings.serve_metrics = true;
  return loaded;
}

base::Result<LoadedConfig> refusal(std::string why) {
  return base::fail(base::ErrorCode::unsupported, std::move(why));
}

TEST(ConfigRequest, CarriesThePathOrNone) {
  for (const std::string& path : {std::string("/etc/beyla.yml"), std::string(255, 'p')}) {
    const auto decoded = decode_config_request(bytes_of(encode_config_request(path)));
    ASSERT_TRUE(decoded.has_value());
    EXPECT_EQ(*decoded, path);
  }
  EXPECT_EQ(*decode_config_request(bytes_of(encode_config_request(std::nullopt))), std::nullopt);
  EXPECT_EQ(*decode_config_request(bytes_of(encode_config_request(""))), std::nullopt);
}

TEST(ConfigRequest, ShortensALongPathAtTheFrontBetweenCharacters) {
  const std::string end(250, 'e');
  const std::string path = "/very/long/\xe2\x82\xac" + end;  // the euro sign is where it is cut
  EXPECT_EQ(**decode_config_request(bytes_of(encode_config_request(path))), "\xe2\x80\xa6" + end);
  const std::string longer(10'000, 'p');
  EXPECT_EQ(**decode_config_request(bytes_of(encode_config_request(longer))),
            "\xe2\x80\xa6" + std::string(252, 'p'));
}

TEST(ConfigRequest, IsReadStrictly) {
  const auto good = encode_config_request("/etc/beyla.yml");
  const std::function<void(abi::config_request&)> lies[] = {
      [](auto& r) { ++r.version; },     [](auto& r) { r.length = 0; },
      [](auto& r) { r.has_file = 0; },  [](auto& r) { r.has_file = 2; },
      [](auto& r) { r.reserved = 1; },  [](auto& r) { r.path[0] = 0; },
      [](auto& r) { r.path[255] = 1; }, [](auto& r) { std::memset(r.path, 0, sizeof(r.path)); }};
  for (const auto& lie : lies) {
    auto request = good;
    lie(request);
    const auto decoded = decode_config_request(bytes_of(request));
    ASSERT_FALSE(decoded.has_value());
    EXPECT_EQ(decoded.error().os_errno, EBADMSG);
  }
  EXPECT_FALSE(decode_config_request(bytes_of(good).first(271)).has_value());
}

TEST(ConfigAnswer, ComesBackEqual) {
  LoadedConfig loaded = some_config();
  loaded.warnings = {"one", "two \xe2\x80\xa6"};
  const auto decoded = decode_config_answer(bytes_of(encode_config_answer(loaded)));
  ASSERT_TRUE(decoded.has_value()) << decoded.error().message();
  EXPECT_EQ(*decoded, loaded);
}

TEST(ConfigAnswer, ARefusalComesBackAsItsOneLine) {
  const auto decoded =
      decode_config_answer(bytes_of(encode_config_answer(refusal("c.yml:1:2: a\nb\x1b[2J"))));
  ASSERT_FALSE(decoded.has_value());
  EXPECT_EQ(decoded.error().code, base::ErrorCode::invalid_argument);
  EXPECT_EQ(decoded.error().message(), "c.yml:1:2: a\\x0Ab\\x1B[2J");
}

TEST(ConfigAnswer, BoundsItsMessages) {
  const auto long_refusal = decode_config_answer(
      bytes_of(encode_config_answer(refusal("c.yml:1:2: " + std::string(100'000, '\n')))));
  EXPECT_LT(long_refusal.error().message().size(), abi::kConfigMessageBytes);
  EXPECT_TRUE(long_refusal.error().message().ends_with("\xe2\x80\xa6"));

  LoadedConfig loaded = some_config();
  loaded.warnings.assign(1000, "ignoring unknown variable");
  loaded.warnings[0] = std::string(100'000, 'w');
  loaded.warnings[1] = "a\nb";
  const auto warnings = decode_config_answer(bytes_of(encode_config_answer(loaded)))->warnings;
  EXPECT_EQ(warnings[0].size(), 1024U);
  EXPECT_EQ(warnings[1], "a\\x0Ab");
  EXPECT_EQ(warnings[2], loaded.warnings[2]);
  EXPECT_EQ(warnings.back(), "and " + std::to_string(1001 - warnings.size()) + " more warnings");
}

TEST(ConfigAnswer, WhatALyingWorkerWritesToTheTerminalIsEscaped) {
  auto accepted = encode_config_answer(some_config());
  std::memcpy(accepted.message, "a\x1b[2J\n\n\rb\xff", 10);
  const std::vector<std::string> expected = {"a\\x1B[2J", "\\x0Db\\xFF"};
  EXPECT_EQ(decode_config_answer(bytes_of(accepted))->warnings, expected);

  auto refused = encode_config_answer(refusal("x"));
  std::memset(refused.message, '\n', sizeof(refused.message) - 1);
  const std::string message = decode_config_answer(bytes_of(refused)).error().message();
  EXPECT_TRUE(message.starts_with("\\x0A\\x0A"));
  EXPECT_LT(message.size(), abi::kConfigMessageBytes);
}

TEST(ConfigAnswer, IsReadStrictly) {
  struct Lie {
    const char* field;
    bool is_refusal;
    std::function<void(abi::config_answer&)> tell;
  };
  const Lie lies[] = {
      {"version", false, [](auto& a) { ++a.version; }},
      {"length", false, [](auto& a) { ++a.length; }},
      {"status", false, [](auto& a) { a.status = 0; }},
      {"status", false, [](auto& a) { a.status = 3; }},
      {"blobs", false, [](auto& a) { a.status = abi::kConfigRefused; }},
      {"blobs", true, [](auto& a) { a.settings.metrics_path[1023] = 1; }},
      {"reserved", false, [](auto& a) { a.reserved = 1; }},
      {"message", false, [](auto& a) { std::memset(a.message, 'x', sizeof(a.message)); }},
      {"refused without a reason", true, [](auto& a) { std::ranges::fill(a.message, 0); }},
      {"policy and settings contradict each other", false,
       [](auto& a) { a.settings.log_level = abi::kLogDebug; }},
      {"policy and settings contradict each other", false,
       [](auto& a) {
         a.settings.serve_metrics = 0;
         a.settings.trace_printer = abi::kPrintText;
       }},
  };
  for (const Lie& lie : lies) {
    auto answer =
        lie.is_refusal ? encode_config_answer(refusal("x")) : encode_config_answer(some_config());
    lie.tell(answer);
    const auto decoded = decode_config_answer(bytes_of(answer));
    ASSERT_FALSE(decoded.has_value()) << lie.field;
    EXPECT_EQ(decoded.error().os_errno, EBADMSG) << lie.field;
    EXPECT_TRUE(decoded.error().context.ends_with(lie.field)) << decoded.error().message();
  }
  const auto good = encode_config_answer(some_config());
  EXPECT_FALSE(decode_config_answer(bytes_of(good).first(sizeof(good) - 1)).has_value());
  EXPECT_FALSE(decode_config_answer({}).has_value());
}

TEST(ConfigAnswer, IsRefusedWithItsPolicyOrItsSettings) {
  auto answer = encode_config_answer(some_config());
  answer.policy.log_level = 9;
  EXPECT_NE(decode_config_answer(bytes_of(answer)).error().message().find("the policy"),
            std::string::npos);
  answer = encode_config_answer(some_config());
  answer.settings.cardinality_limit = 0;
  EXPECT_NE(decode_config_answer(bytes_of(answer)).error().message().find("the settings"),
            std::string::npos);
}

}  // namespace
}  // namespace beyla::agent::config
