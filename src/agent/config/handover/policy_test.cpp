#include "agent/config/handover/policy.h"

#include <cerrno>
#include <cstring>
#include <functional>

#include <gtest/gtest.h>

#include "agent/config/handover/setting_limits.h"

namespace beyla::agent::config {
namespace {

Policy full_policy() {
  Policy policy;
  for (const std::size_t port : {1UL, 63UL, 64UL, 8080UL, 65535UL}) policy.wanted_ports.set(port);
  policy.executable_name = "../bin/\n\x1b[2J%n\xff";
  policy.service_name = "caf\xc3\xa9";
  policy.enforce_sys_caps = true;
  policy.log_level = LogLevel::error;
  policy.scrape = {9090, "fe80::1"};
  return policy;
}

base::Result<Policy> decode(const abi::policy_blob& blob) {
  return decode_policy(std::as_bytes(std::span(&blob, 1)));
}

TEST(Policy, ComesBackEqual) {
  Policy by_name;
  by_name.executable_name = std::string(kMaxExecutableBytes, 'x');
  by_name.allowed_probes = abi::kAllowSockets;
  by_name.service_name = std::string(kMaxServiceNameBytes, 'y');
  Policy by_all_ports;
  by_all_ports.wanted_ports.set();
  by_all_ports.wanted_ports.reset(0);
  by_all_ports.scrape = {65535, ""};
  for (const Policy& policy : {full_policy(), by_name, by_all_ports}) {
    const auto decoded = decode(encode_policy(policy));
    ASSERT_TRUE(decoded.has_value()) << decoded.error().message();
    EXPECT_EQ(*decoded, policy);
  }
}

TEST(Policy, SaysWhichPortIsWhichBit) {
  for (std::size_t port = 1; port < abi::kPorts; port = port * 3 + 1) {
    Policy policy;
    policy.wanted_ports.set(port);
    const auto blob = encode_policy(policy);
    EXPECT_EQ(blob.wanted_ports[port / 64], std::uint64_t{1} << (port % 64)) << port;
    EXPECT_EQ(blob.has_ports, 1U);
  }
}

template <std::size_t N>
void put(std::uint8_t (&field)[N], const char* text) {
  std::memset(field, 0, N);
  std::memcpy(field, text, std::strlen(text));
}

struct Lie {
  const char* field;
  std::function<void(abi::policy_blob&)> tell;
};

class LyingPolicy : public testing::TestWithParam<Lie> {};

TEST_P(LyingPolicy, IsRefusedByField) {
  abi::policy_blob blob = encode_policy(full_policy());
  ASSERT_TRUE(decode(blob).has_value());
  GetParam().tell(blob);
  const auto policy = decode(blob);
  ASSERT_FALSE(policy.has_value());
  EXPECT_EQ(policy.error().os_errno, EBADMSG);
  EXPECT_EQ(
      policy.error().context,
      std::string("the policy of the configuration worker is not understood: ") + GetParam().field);
}

using B = abi::policy_blob;
INSTANTIATE_TEST_SUITE_P(
    Fields, LyingPolicy,
    testing::Values(
        Lie{"version", [](B& b) { ++b.version; }}, Lie{"length", [](B& b) { --b.length; }},
        Lie{"allowed_probes", [](B& b) { b.allowed_probes = 0; }},
        Lie{"allowed_probes", [](B& b) { b.allowed_probes = 4; }},
        Lie{"log_level", [](B& b) { b.log_level = 0; }},
        Lie{"log_level", [](B& b) { b.log_level = 5; }},
        Lie{"enforce_sys_caps", [](B& b) { b.enforce_sys_caps = 2; }},
        Lie{"has_ports", [](B& b) { b.has_ports = 0; }},
        Lie{"has_ports", [](B& b) { b.has_ports = 2; }},
        Lie{"has_ports", [](B& b) { std::memset(b.wanted_ports, 0, sizeof(b.wanted_ports)); }},
        Lie{"port 0", [](B& b) { b.wanted_ports[0] |= 1; }},
        Lie{"executable", [](B& b) { std::memset(b.executable, 'x', sizeof(b.executable)); }},
        Lie{"executable", [](B& b) { b.executable[sizeof(b.executable) - 1] = 1; }},
        Lie{"it selects every process",
            [](B& b) {
              std::memset(b.executable, 0, sizeof(b.executable));
              std::memset(b.wanted_ports, 0, sizeof(b.wanted_ports));
              b.has_ports = 0;
            }},
        Lie{"service_name", [](B& b) { put(b.service_name, "a\nb"); }},
        Lie{"service_name", [](B& b) { put(b.service_name, "a\x7f"); }},
        Lie{"service_name", [](B& b) { std::memset(b.service_name, 'x', sizeof(b.service_name)); }},
        Lie{"has_scrape", [](B& b) { b.has_scrape = 2; }},
        Lie{"scrape_port", [](B& b) { b.has_scrape = 0; }},
        Lie{"scrape_port", [](B& b) { b.scrape_port = 0; }},
        Lie{"scrape_port", [](B& b) { b.scrape_port = 65536 + 80; }},
        Lie{"scrape_address", [](B& b) { put(b.scrape_address, "localhost"); }},
        Lie{"scrape_address", [](B& b) { put(b.scrape_address, "::1\n"); }},
        Lie{"scrape_address", [](B& b) { b.has_scrape = b.scrape_port = 0; }},
        Lie{"scrape_address", [](B& b) { b.scrape_address[40] = 'x'; }}));

TEST(Policy, IsRefusedInAnyOtherSize) {
  const auto blob = encode_policy(full_policy());
  const auto bytes = std::as_bytes(std::span(&blob, 1));
  for (const std::size_t size : {std::size_t{0}, std::size_t{8}, bytes.size() - 1}) {
    EXPECT_FALSE(decode_policy(bytes.first(size)).has_value()) << size;
  }
  std::vector<std::byte> longer(bytes.begin(), bytes.end());
  longer.push_back(std::byte{0});
  EXPECT_FALSE(decode_policy(longer).has_value());
}

}  // namespace
}  // namespace beyla::agent::config
