#include "agent/config/handover/config_messages.h"

#include <cstring>
#include <ranges>
#include <type_traits>

#include "agent/config/handover/fields.h"
#include "base/terminal_text.h"

namespace beyla::agent::config {

using base::ErrorCode;
using base::Result;

namespace {

constexpr std::string_view kRequest = "the broker's request is not understood";
constexpr std::string_view kAnswer = "the answer of the configuration worker is not understood";
constexpr std::size_t kMaxMessageBytes = abi::kConfigMessageBytes - 1;
constexpr std::size_t kMaxWarningBytes = 1024;
constexpr std::size_t kLastWarningBytes = 64;  // room for how many were left out

std::string shortened_path(std::string_view path) {
  constexpr std::string_view kCut = "\xe2\x80\xa6";  // "…"
  constexpr std::size_t kMaxBytes = abi::kConfigPathBytes - 1;
  if (path.size() <= kMaxBytes) return std::string(path);
  path.remove_prefix(path.size() - (kMaxBytes - kCut.size()));
  while (!path.empty() && (static_cast<unsigned char>(path.front()) & 0xc0U) == 0x80U) {
    path.remove_prefix(1);  // the rest of a code point (UTF-8)
  }
  return std::string(kCut).append(path);
}

std::string joined(std::span<const std::string> warnings) {
  std::string lines;
  for (std::size_t at = 0; at < warnings.size(); ++at) {
    const std::string line = base::to_terminal_text(warnings[at], kMaxWarningBytes) + "\n";
    if (lines.size() + line.size() + kLastWarningBytes > kMaxMessageBytes) {
      return lines + "and " + std::to_string(warnings.size() - at) + " more warnings\n";
    }
    lines += line;
  }
  return lines;
}

std::vector<std::string> split_lines(std::string_view text) {
  std::vector<std::string> lines;
  for (const auto part : std::views::split(text, '\n')) {
    if (!part.empty()) lines.emplace_back(part.begin(), part.end());
  }
  return lines;
}

// REQUIRES: no padding in T.
template <typename T>
bool is_same(const T& a, const T& b) {
  static_assert(std::has_unique_object_representations_v<T>);
  return std::memcmp(&a, &b, sizeof(T)) == 0;
}

Result<LoadedConfig> decode_refusal(const abi::config_answer& answer, std::string_view message) {
  static constexpr abi::policy_blob kNoPolicy{};
  static constexpr abi::settings_blob kNoSettings{};
  if (!is_same(answer.policy, kNoPolicy) || !is_same(answer.settings, kNoSettings)) {
    return not_understood(kAnswer, "blobs");
  }
  std::string why = base::to_terminal_text(message, kMaxMessageBytes);
  if (why.empty()) return not_understood(kAnswer, "refused without a reason");
  return base::fail(ErrorCode::invalid_argument, std::move(why));
}

Result<LoadedConfig> decode_accepted(const abi::config_answer& answer, std::string_view message) {
  LoadedConfig loaded;
  loaded.policy = TRY(decode_policy(std::as_bytes(std::span(&answer.policy, 1))));
  loaded.settings = TRY(decode_settings(std::as_bytes(std::span(&answer.settings, 1))));
  if (loaded.policy.scrape.has_value() != loaded.settings.serve_metrics ||
      loaded.policy.log_level != loaded.settings.log_level) {
    return not_understood(kAnswer, "policy and settings contradict each other");
  }
  loaded.warnings =
      split_lines(base::to_terminal_text(message, kMaxMessageBytes, base::LineBreaks::kept));
  return loaded;
}

}  // namespace

abi::config_request encode_config_request(std::optional<std::string_view> path) {
  abi::config_request request{};
  request.version = abi::kConfigVersion;
  request.length = sizeof(request);
  request.has_file = path && !path->empty() ? 1 : 0;
  write_text(request.path, shortened_path(path.value_or("")));
  return request;
}

Result<std::optional<std::string>> decode_config_request(std::span<const std::byte> bytes) {
  const auto request = TRY(read_framed<abi::config_request>(bytes, abi::kConfigVersion, kRequest));
  if (!is_boolean(request.has_file)) return not_understood(kRequest, "has_file");
  if (request.reserved != 0) return not_understood(kRequest, "reserved");
  auto path = read_text(request.path);
  if (!path || path->empty() != (request.has_file == 0)) return not_understood(kRequest, "path");
  if (path->empty()) return std::nullopt;
  return path;
}

abi::config_answer encode_config_answer(const Result<LoadedConfig>& loaded) {
  abi::config_answer answer{};
  answer.version = abi::kConfigVersion;
  answer.length = sizeof(answer);
  if (!loaded) {
    answer.status = abi::kConfigRefused;
    write_text(answer.message, base::to_terminal_text(loaded.error().message(), kMaxMessageBytes));
    return answer;
  }
  answer.status = abi::kConfigAccepted;
  answer.policy = encode_policy(loaded->policy);
  answer.settings = encode_settings(loaded->settings);
  write_text(answer.message, joined(loaded->warnings));
  return answer;
}

Result<LoadedConfig> decode_config_answer(std::span<const std::byte> bytes) {
  const auto answer = TRY(read_framed<abi::config_answer>(bytes, abi::kConfigVersion, kAnswer));
  const auto message = read_text(answer.message);
  if (!message) return not_understood(kAnswer, "message");
  if (answer.reserved != 0) return not_understood(kAnswer, "reserved");
  if (answer.status == abi::kConfigRefused) return decode_refusal(answer, *message);
  if (answer.status == abi::kConfigAccepted) return decode_accepted(answer, *message);
  return not_understood(kAnswer, "status");
}

}  // namespace beyla::agent::config
