// What a configuration worker may send: any bytes, and right answers with some bytes changed. What
// is accepted is in its one encoding and within its limits; what the loader can say comes back
// equal.
#include <fuzzer/FuzzedDataProvider.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <iterator>

#include "agent/config/handover/config_messages.h"
#include "agent/config/handover/setting_limits.h"
#include "base/terminal_text.h"

namespace {

namespace config = beyla::agent::config;
namespace abi = beyla::abi;

void require(bool condition) {
  if (!condition) std::abort();
}

bool is_one_line(const std::string& text) {
  return !text.empty() && text.size() <= abi::kConfigMessageBytes &&
         beyla::base::to_terminal_text(text, abi::kConfigMessageBytes) == text;
}

template <typename T>
bool is_encoding(const T& blob, std::span<const std::byte> bytes) {
  return bytes.size() == sizeof(blob) && std::memcmp(&blob, bytes.data(), sizeof(blob)) == 0;
}

void check_policy(std::span<const std::byte> bytes) {
  const auto policy = config::decode_policy(bytes);
  if (!policy) return require(is_one_line(policy.error().message()));
  require(is_encoding(config::encode_policy(*policy), bytes));
  require(policy->wanted_ports.any() || !policy->executable_name.empty());
  require(policy->executable_name.size() <= config::kMaxExecutableBytes);
  require(policy->service_name.size() <= config::kMaxServiceNameBytes);
}

void check_settings(std::span<const std::byte> bytes) {
  const auto settings = config::decode_settings(bytes);
  if (!settings) return require(is_one_line(settings.error().message()));
  require(is_encoding(config::encode_settings(*settings), bytes));
  require(settings->prometheus_path.starts_with('/'));
  require(settings->metrics_cardinality_limit - 1 < config::kMaxCardinality);
}

void check_request(std::span<const std::byte> bytes) {
  const auto path = config::decode_config_request(bytes);
  if (!path) return require(is_one_line(path.error().message()));
  const auto again = config::encode_config_request(*path);
  require(is_encoding(again, bytes));
}

void check_answer(std::span<const std::byte> bytes) {
  const auto loaded = config::decode_config_answer(bytes);
  if (!loaded) return require(is_one_line(loaded.error().message()));
  require(std::ranges::all_of(loaded->warnings, is_one_line));
  require(
      is_encoding(config::encode_policy(loaded->policy),
                  bytes.subspan(offsetof(abi::config_answer, policy), sizeof(abi::policy_blob))));
  require(is_encoding(
      config::encode_settings(loaded->settings),
      bytes.subspan(offsetof(abi::config_answer, settings), sizeof(abi::settings_blob))));
}

std::string text_of(FuzzedDataProvider& input, std::size_t max_bytes, std::string_view refused) {
  std::string text = input.ConsumeRandomLengthString(max_bytes);
  std::erase_if(text, [refused](char c) {
    return c == '\0' || (!refused.empty() && (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)) ||
           refused.find(c) != std::string_view::npos;
  });
  return text;
}

// Whatever the loader could have made.
config::LoadedConfig any_config(FuzzedDataProvider& input) {
  constexpr std::array<const char*, 4> kAddresses = {"", "127.0.0.1", "::1", "fe80::1:2:3.4.5.6"};
  config::LoadedConfig loaded;
  config::Policy& policy = loaded.policy;
  for (auto left = input.ConsumeIntegralInRange(0, 4); left > 0; --left) {
    policy.wanted_ports.set(input.ConsumeIntegralInRange<std::size_t>(1, abi::kPorts - 1));
  }
  policy.executable_name = text_of(input, config::kMaxExecutableBytes, "");
  if (policy.wanted_ports.none() && policy.executable_name.empty()) policy.wanted_ports.set(80);
  policy.service_name = text_of(input, config::kMaxServiceNameBytes, "\x01");
  policy.allowed_probes = input.ConsumeIntegralInRange<std::uint32_t>(1, abi::kAllowAll);
  policy.enforce_sys_caps = input.ConsumeBool();
  policy.log_level = *config::decode_log_level(input.ConsumeIntegralInRange<std::uint32_t>(1, 4));
  if (input.ConsumeBool()) {
    policy.scrape = {input.ConsumeIntegralInRange<std::uint16_t>(1, 65535),
                     input.PickValueInArray(kAddresses)};
  }
  config::ProcessorSettings& settings = loaded.settings;
  settings.serve_metrics = policy.scrape.has_value();
  settings.trace_printer =
      *config::decode_trace_printer(input.ConsumeIntegralInRange<std::uint32_t>(
          settings.serve_metrics ? abi::kPrintNothing : abi::kPrintText, abi::kPrintJson));
  settings.log_level = policy.log_level;
  settings.prometheus_path = "/" + text_of(input, config::kMaxUrlPathBytes - 1, " ?#");
  settings.prometheus_ttl = std::chrono::nanoseconds(
      input.ConsumeIntegralInRange<std::int64_t>(config::kMinTtl.count(), config::kMaxTtl.count()));
  settings.metrics_cardinality_limit =
      input.ConsumeIntegralInRange<std::size_t>(1, config::kMaxCardinality);
  for (auto left = input.ConsumeIntegralInRange(0, 3); left > 0; --left) {
    loaded.warnings.push_back("w" + input.ConsumeRandomLengthString(1000));
  }
  return loaded;
}

void check_round_trip(config::LoadedConfig loaded) {
  const auto answer = config::encode_config_answer(loaded);
  const auto again = config::decode_config_answer(std::as_bytes(std::span(&answer, 1)));
  require(again.has_value());
  for (auto& line : loaded.warnings) line = beyla::base::to_terminal_text(line, 1024);
  require(*again == loaded);
}

// An answer, and how some of its bytes are changed.
void check_changed(FuzzedDataProvider& input) {
  const bool is_refusal = input.ConsumeBool();
  auto answer = config::encode_config_answer(
      is_refusal ? beyla::base::Result<config::LoadedConfig>(
                       beyla::base::fail(beyla::base::ErrorCode::invalid_argument, "c.yml:1:1: no"))
                 : any_config(input));
  std::array<std::byte, sizeof(answer)> bytes{};
  std::memcpy(bytes.data(), &answer, sizeof(answer));
  while (input.remaining_bytes() > 0) {
    const auto at = input.ConsumeIntegralInRange<std::size_t>(0, sizeof(answer) - 1);
    bytes[at] = std::byte{input.ConsumeIntegral<std::uint8_t>()};
  }
  check_answer(bytes);
  const auto all = std::span<const std::byte>(bytes);
  check_policy(all.subspan(offsetof(abi::config_answer, policy), sizeof(abi::policy_blob)));
  check_settings(all.subspan(offsetof(abi::config_answer, settings), sizeof(abi::settings_blob)));
}

void check_any(std::span<const std::byte> bytes) {
  check_answer(bytes);
  check_policy(bytes);
  check_settings(bytes);
  check_request(bytes);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  FuzzedDataProvider input(data, size);
  switch (input.ConsumeIntegralInRange(0, 2)) {
    case 0: check_changed(input); break;
    case 1: check_round_trip(any_config(input)); break;
    default: {
      const auto rest = input.ConsumeRemainingBytes<std::uint8_t>();
      check_any(std::as_bytes(std::span(rest)));
    }
  }
  return 0;
}
