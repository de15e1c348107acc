#include "agent/config/handover/processor_settings.h"

#include <cerrno>
#include <cstring>
#include <functional>

#include <gtest/gtest.h>

#include "agent/config/handover/setting_limits.h"

namespace beyla::agent::config {
namespace {

ProcessorSettings full_settings() {
  ProcessorSettings settings;
  settings.trace_printer = TracePrinterKind::json;
  settings.serve_metrics = true;
  settings.log_level = LogLevel::debug;
  settings.prometheus_path = "/" + std::string(kMaxUrlPathBytes - 1, 'p');
  settings.prometheus_ttl = kMaxTtl;
  settings.metrics_cardinality_limit = kMaxCardinality;
  return settings;
}

base::Result<ProcessorSettings> decode(const abi::settings_blob& blob) {
  return decode_settings(std::as_bytes(std::span(&blob, 1)));
}

TEST(ProcessorSettings, ComeBackEqual) {
  ProcessorSettings least;
  least.trace_printer = TracePrinterKind::text;
  least.prometheus_path = "/";
  least.prometheus_ttl = kMinTtl;
  least.metrics_cardinality_limit = 1;
  ProcessorSettings silent = full_settings();
  silent.trace_printer = TracePrinterKind::disabled;
  for (const ProcessorSettings& settings : {full_settings(), least, silent}) {
    const auto decoded = decode(encode_settings(settings));
    ASSERT_TRUE(decoded.has_value()) << decoded.error().message();
    EXPECT_EQ(*decoded, settings);
  }
}

template <std::size_t N>
void put(std::uint8_t (&field)[N], const char* text) {
  std::memset(field, 0, N);
  std::memcpy(field, text, std::strlen(text));
}

struct Lie {
  const char* field;
  std::function<void(abi::settings_blob&)> tell;
};

class LyingSettings : public testing::TestWithParam<Lie> {};

TEST_P(LyingSettings, AreRefusedByField) {
  abi::settings_blob blob = encode_settings(full_settings());
  ASSERT_TRUE(decode(blob).has_value());
  GetParam().tell(blob);
  const auto settings = decode(blob);
  ASSERT_FALSE(settings.has_value());
  EXPECT_EQ(settings.error().os_errno, EBADMSG);
  EXPECT_EQ(settings.error().context,
            std::string("the settings of the configuration worker are not understood: ") +
                GetParam().field);
}

using B = abi::settings_blob;
INSTANTIATE_TEST_SUITE_P(
    Fields, LyingSettings,
    testing::Values(Lie{"version", [](B& b) { ++b.version; }},
                    Lie{"length", [](B& b) { ++b.length; }},
                    Lie{"trace_printer", [](B& b) { b.trace_printer = 0; }},
                    Lie{"trace_printer", [](B& b) { b.trace_printer = 4; }},
                    Lie{"serve_metrics", [](B& b) { b.serve_metrics = 0xffffffff; }},
                    Lie{"nothing to report to",
                        [](B& b) {
                          b.trace_printer = abi::kPrintNothing;
                          b.serve_metrics = 0;
                        }},
                    Lie{"log_level", [](B& b) { b.log_level = 0; }},
                    Lie{"log_level", [](B& b) { b.log_level = 5; }},
                    Lie{"reserved", [](B& b) { b.reserved = 1; }},
                    Lie{"series_ttl_ns", [](B& b) { b.series_ttl_ns = kMinTtl.count() - 1; }},
                    Lie{"series_ttl_ns", [](B& b) { b.series_ttl_ns = kMaxTtl.count() + 1; }},
                    Lie{"series_ttl_ns", [](B& b) { b.series_ttl_ns = -1; }},
                    Lie{"cardinality_limit", [](B& b) { b.cardinality_limit = 0; }},
                    Lie{"cardinality_limit",
                        [](B& b) { b.cardinality_limit = kMaxCardinality + 1; }},
                    Lie{"metrics_path", [](B& b) { put(b.metrics_path, ""); }},
                    Lie{"metrics_path", [](B& b) { put(b.metrics_path, "m"); }},
                    Lie{"metrics_path", [](B& b) { put(b.metrics_path, "/a b"); }},
                    Lie{"metrics_path", [](B& b) { put(b.metrics_path, "/a\nb"); }},
                    Lie{"metrics_path", [](B& b) { put(b.metrics_path, "/a\x1b[2J"); }},
                    Lie{"metrics_path", [](B& b) { put(b.metrics_path, "/a?b"); }},
                    Lie{"metrics_path", [](B& b) { b.metrics_path[kMaxUrlPathBytes] = 'p'; }}));

TEST(ProcessorSettings, AreRefusedInAnyOtherSize) {
  const auto blob = encode_settings(full_settings());
  const auto bytes = std::as_bytes(std::span(&blob, 1));
  EXPECT_FALSE(decode_settings({}).has_value());
  EXPECT_FALSE(decode_settings(bytes.first(bytes.size() - 1)).has_value());
  std::vector<std::byte> longer(bytes.begin(), bytes.end());
  longer.push_back(std::byte{0});
  EXPECT_FALSE(decode_settings(longer).has_value());
}

}  // namespace
}  // namespace beyla::agent::config
