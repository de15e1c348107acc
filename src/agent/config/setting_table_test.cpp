#include "agent/config/setting_table.h"

#include <set>
#include <string>

#include <gtest/gtest.h>

namespace beyla::agent::config {
namespace {

const Setting& setting(std::string_view path) {
  for (const Setting& candidate : setting_table()) {
    if (candidate.yaml_paths.front() == path) return candidate;
  }
  ADD_FAILURE() << "no setting " << path;
  return setting_table().front();
}

TEST(SettingTableTest, NoSpellingIsUsedTwice) {
  std::set<std::string_view> seen;
  for (const Setting& entry : setting_table()) {
    ASSERT_FALSE(entry.yaml_paths.empty());
    EXPECT_FALSE(entry.help.empty());
    for (const auto path : entry.yaml_paths) EXPECT_TRUE(seen.insert(path).second) << path;
    for (const auto name : entry.env_names) EXPECT_TRUE(seen.insert(name).second) << name;
  }
}

TEST(SettingTableTest, DefaultTextsMeanTheDefaultSettings) {
  for (const Setting& entry : setting_table()) {
    if (entry.default_text.empty()) continue;
    Settings settings;
    ASSERT_TRUE(entry.apply(settings, entry.default_text).has_value()) << entry.default_text;
    EXPECT_EQ(settings, Settings{}) << entry.default_text;
  }
}

TEST(SettingTableTest, BarePrometheusPortIsNotASpelling) {
  for (const Setting& entry : setting_table()) {
    for (const auto name : entry.env_names) EXPECT_NE(name, "PROMETHEUS_PORT");
  }
}

TEST(SettingTableTest, AppliesTexts) {
  struct Case {
    std::string_view path;
    std::string_view text;
    bool (*holds)(const Settings&);
  };
  const Case cases[] = {
      {"open_port", "80-81", [](const Settings& s) { return s.open_port->contains(81); }},
      {"executable_name", "nginx", [](const Settings& s) { return s.executable_name == "nginx"; }},
      {"print_traces", "TRUE", [](const Settings& s) { return s.print_traces; }},
      {"print_traces", "T", [](const Settings& s) { return s.print_traces; }},
      {"print_traces", "1", [](const Settings& s) { return s.print_traces; }},
      {"print_traces", "False", [](const Settings& s) { return !s.print_traces; }},
      {"print_traces", "0", [](const Settings& s) { return !s.print_traces; }},
      {"discovery.skip_go_specific_tracers", "true",
       [](const Settings& s) { return s.skip_go_specific_tracers; }},
      {"trace_printer", "disabled",
       [](const Settings& s) { return s.trace_printer == TracePrinterKind::disabled; }},
      {"trace_printer", "text",
       [](const Settings& s) { return s.trace_printer == TracePrinterKind::text; }},
      {"trace_printer", "JSON",
       [](const Settings& s) { return s.trace_printer == TracePrinterKind::json; }},
      {"service_name", "shop", [](const Settings& s) { return s.service_name == "shop"; }},
      {"log_level", "debug", [](const Settings& s) { return s.log_level == LogLevel::debug; }},
      {"log_level", "Warn", [](const Settings& s) { return s.log_level == LogLevel::warn; }},
      {"log_level", "ERROR", [](const Settings& s) { return s.log_level == LogLevel::error; }},
      {"prometheus_export.port", "9090",
       [](const Settings& s) { return s.prometheus_port == 9090; }},
      {"prometheus_export.path", "/m", [](const Settings& s) { return s.prometheus_path == "/m"; }},
      {"prometheus_export.address", "127.0.0.1",
       [](const Settings& s) { return s.prometheus_address == "127.0.0.1"; }},
      {"prometheus_export.ttl", "500ms",
       [](const Settings& s) { return s.prometheus_ttl == std::chrono::milliseconds(500); }},
      {"metrics.cardinality_limit", "100000",
       [](const Settings& s) { return s.metrics_cardinality_limit == 100'000; }},
      {"prometheus_export.address", "::1",
       [](const Settings& s) { return s.prometheus_address == "::1"; }},
  };
  for (const Case& c : cases) {
    Settings settings;
    ASSERT_TRUE(setting(c.path).apply(settings, c.text).has_value()) << c.path << " " << c.text;
    EXPECT_TRUE(c.holds(settings)) << c.path << " " << c.text;
  }
}

TEST(SettingTableTest, RefusesTextsOfTheWrongTypeAndQuotesThem) {
  struct Case {
    std::string_view path;
    std::string text;
  };
  const Case cases[] = {
      {"open_port", "eighty"},
      {"print_traces", "yes"},
      {"print_traces", "2"},
      {"trace_printer", "true"},
      {"trace_printer", "counter"},
      {"trace_printer", "json_indent"},
      {"log_level", "TRACE"},
      {"prometheus_export.port", "0"},
      {"prometheus_export.port", "65536"},
      {"prometheus_export.port", "80,81"},
      {"prometheus_export.port", "tcp://10.0.0.1:9090"},
      {"prometheus_export.path", "metrics"},
      {"prometheus_export.path", "/m?x"},
      {"prometheus_export.path", "/a b"},
      {"prometheus_export.address", "localhost"},
      {"prometheus_export.address", "127.0.0.1:80"},
      {"prometheus_export.address", "[::1]"},
      {"prometheus_export.address", "256.0.0.1"},
      {"prometheus_export.ttl", "5"},
      {"prometheus_export.ttl", "5 minutes"},
      {"prometheus_export.ttl", "0s"},
      {"prometheus_export.ttl", "-1s"},
      {"prometheus_export.ttl", "8761h"},
      {"metrics.cardinality_limit", "0"},
      {"metrics.cardinality_limit", "-1"},
      {"metrics.cardinality_limit", "1e3"},
      {"metrics.cardinality_limit", "100001"},
      {"metrics.cardinality_limit", "99999999999999999999999"},
  };
  for (const Case& c : cases) {
    Settings settings;
    const auto outcome = setting(c.path).apply(settings, c.text);
    ASSERT_FALSE(outcome.has_value()) << c.path << " " << c.text;
    EXPECT_EQ(outcome.error().code, base::ErrorCode::invalid_argument);
    EXPECT_NE(outcome.error().message().find("`" + c.text + "`"), std::string::npos)
        << outcome.error().message();
    EXPECT_EQ(settings, Settings{});
  }
}

}  // namespace
}  // namespace beyla::agent::config
