#include "agent/config/loader.h"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

namespace beyla::agent::config {
namespace {

using base::ErrorCode;
using Variables = std::vector<std::pair<std::string, std::string>>;

// Enough for a valid configuration.
const Variables kMinimal = {{"OPEN_PORT", "8080"}, {"PRINT_TRACES", "true"}};

Variables minimal_and(Variables more) {
  more.insert(more.begin(), kMinimal.begin(), kMinimal.end());
  return more;
}

class LoaderTest : public testing::Test {
 protected:
  void TearDown() override { std::filesystem::remove(path_); }

  base::Result<Settings> load_text(const std::string& yaml, const Variables& variables = {}) {
    std::ofstream(path_, std::ios::binary) << yaml;
    return load(path_, variables, nullptr);
  }

  const std::string path_ = testing::TempDir() + "beyla_loader_" +
                            testing::UnitTest::GetInstance()->current_test_info()->name() + ".yml";
};

TEST_F(LoaderTest, TheEnvironmentAloneIsEnough) {
  const auto settings = load(std::nullopt, kMinimal, nullptr);
  ASSERT_TRUE(settings.has_value()) << settings.error().message();
  Settings expected;
  expected.open_port = *PortSet::parse("8080");
  expected.print_traces = true;
  EXPECT_EQ(*settings, expected);
}

TEST_F(LoaderTest, TheFileAloneIsEnough) {
  const auto settings = load_text(
      "\xef\xbb\xbfopen_port: [80, 8000-8999]\r\nservice_name: shop\r\nlog_level: warn\r\n"
      "prometheus_export:\r\n  port: 9090\r\n  path: /m\r\n  address: '::1'\r\n  ttl: 3s\r\n"
      "metrics:\r\n  cardinality_limit: 10000\r\n");
  ASSERT_TRUE(settings.has_value()) << settings.error().message();
  EXPECT_TRUE(settings->open_port->contains(8500));
  EXPECT_EQ(settings->service_name, "shop");
  EXPECT_EQ(settings->log_level, LogLevel::warn);
  EXPECT_EQ(settings->prometheus_port, 9090);
  EXPECT_EQ(settings->prometheus_path, "/m");
  EXPECT_EQ(settings->prometheus_address, "::1");
  EXPECT_EQ(settings->prometheus_ttl, std::chrono::seconds(3));
  EXPECT_EQ(settings->metrics_cardinality_limit, 10'000U);
  EXPECT_FALSE(settings->print_traces);
}

TEST_F(LoaderTest, TheEnvironmentOverridesTheFile) {
  const std::string yaml = "open_port: 80\nprint_traces: true\nlog_level: error\n";
  const auto settings = load_text(yaml, {{"BEYLA_OPEN_PORT", "90"}, {"LOG_LEVEL", ""}});
  ASSERT_TRUE(settings.has_value()) << settings.error().message();
  EXPECT_EQ(settings->open_port, *PortSet::parse("90"));
  EXPECT_EQ(settings->log_level, LogLevel::error);
  EXPECT_TRUE(settings->print_traces);
  EXPECT_FALSE(load_text(yaml, {{"PRINT_TRACES", "false"}}).has_value());
}

TEST_F(LoaderTest, AWrongValueInTheFileIsAnErrorEvenWhereOverridden) {
  const auto settings = load_text("open_port: x\n", kMinimal);
  ASSERT_FALSE(settings.has_value());
  EXPECT_EQ(settings.error().message(), path_ + ":1:1: open_port: `x` is not a port (1-65535)");
}

TEST_F(LoaderTest, NullsAndEmptyValuesAreUnset) {
  const auto settings = load_text(
      "open_port:\nexecutable_name: ''\nlog_level: ~\nprometheus_export: {}\nebpf:\n", kMinimal);
  ASSERT_TRUE(settings.has_value()) << settings.error().message();
  EXPECT_EQ(settings->open_port, *PortSet::parse("8080"));
}

TEST_F(LoaderTest, SpellingsThatAgreeAreAccepted) {
  EXPECT_TRUE(load(std::nullopt,
                   Variables{{"OPEN_PORT", "80,81"},
                             {"BEYLA_OPEN_PORT", "80-81"},
                             {"PRINT_TRACES", "1"},
                             {"OTEL_EBPF_PRINT_TRACES", "true"}},
                   nullptr)
                  .has_value());
  EXPECT_TRUE(load_text("open_port: 80\nebpf: {open_port: [80]}\nprint_traces: t\n").has_value());
}

TEST_F(LoaderTest, VariablesThatDisagreeAreAnErrorNamingBoth) {
  const auto settings = load(std::nullopt, minimal_and({{"OTEL_EBPF_OPEN_PORT", "9090"}}), nullptr);
  ASSERT_FALSE(settings.has_value());
  EXPECT_EQ(settings.error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(settings.error().message(),
            "OTEL_EBPF_OPEN_PORT=`9090` contradicts OPEN_PORT=`8080`: keep one of them");
}

TEST_F(LoaderTest, YamlPlacesThatDisagreeAreAnErrorNamingBoth) {
  const auto settings = load_text("open_port: 80\nebpf:\n  open_port: 81\n");
  ASSERT_FALSE(settings.has_value());
  EXPECT_EQ(settings.error().message(),
            path_ + ":3:3: ebpf.open_port=`81` contradicts open_port=`80`: keep one of them");
}

TEST_F(LoaderTest, RefusesYamlThatIsNotASetting) {
  struct Case {
    std::string yaml;
    std::string message;
  };
  const Case cases[] = {
      {"open_prot: 80\n", ":1:1: unknown key `open_prot`: did you mean `open_port`?"},
      {"prometheus_exports:\n  port: 1\n",
       ":2:3: unknown key `prometheus_exports.port`: did you mean `prometheus_export.port`?"},
      {"log_level: info\nbananas: 1\n", ":2:1: unknown key `bananas`"},
      {"bananas:\n", ":1:1: unknown key `bananas`"},
      {"bananas: {}\n", ":1:1: unknown key `bananas`"},
      {"prometheus_export: 9090\n", ":1:1: `prometheus_export` is a section"},
      {"open_port: {a: 1}\n", ":1:13: unknown key `open_port.a`: did you mean `open_port`?"},
      {"open_port: {}\n", ":1:1: `open_port` takes a value, not a section"},
      {"executable_name: [a, b]\n", ":1:1: `executable_name` takes one value, not a list"},
      {"print_traces: maybe\n", ":1:1: print_traces: `maybe` is neither true nor false"},
      {"prometheus_export:\n  port: 0\n", ":2:3: prometheus_export.port: `0` is not a port"},
      {"prometheus_export:\n  port: 9090\n  ttl: 5\n",
       ":3:3: prometheus_export.ttl: `5` is not a duration (for example 5m, 1h30m, 3s or 500ms)"},
      {"metrics: {cardinality_limit: 0}\n",
       ":1:11: metrics.cardinality_limit: `0` is not a number of series (1-100000)"},
      {"a: &x 1\n", ":1:4: anchors"},
  };
  for (const Case& c : cases) {
    const auto settings = load_text(c.yaml, kMinimal);
    ASSERT_FALSE(settings.has_value()) << c.yaml;
    EXPECT_EQ(settings.error().code, ErrorCode::invalid_argument);
    EXPECT_EQ(settings.error().message().find(path_ + c.message), 0U) << settings.error().message();
  }
}

TEST_F(LoaderTest, AFileThatIsMissingIsAnError) {
  const auto settings = load("/no/such.yml", kMinimal, nullptr);
  ASSERT_FALSE(settings.has_value());
  EXPECT_EQ(settings.error().message(),
            "cannot read config file /no/such.yml: No such file or directory");
}

TEST_F(LoaderTest, AWrongVariableIsNamed) {
  const auto settings = load(std::nullopt, minimal_and({{"LOG_LEVEL", "LOUD"}}), nullptr);
  ASSERT_FALSE(settings.has_value());
  EXPECT_EQ(settings.error().message(),
            "LOG_LEVEL: `LOUD` is not a log level (DEBUG, INFO, WARN, ERROR)");
}

TEST_F(LoaderTest, WarnsOfUnknownVariablesWithItsPrefixesOnly) {
  const Variables variables = minimal_and({{"BEYLA_OPEN_PROT", "1"},
                                           {"OTEL_EBPF_X", ""},
                                           {"HOME", "/"},
                                           {"OTEL_X", "1"},
                                           {"BEYLA_CONFIG_PATH", "x"},
                                           {"OTEL_EBPF_CONFIG_PATH", "x"},
                                           {"BEYLA_SYSTEM_WIDE", "false"},
                                           {"BEYLA_LOG_LEVEL", "info"},
                                           {"BEYLA_SERVICE_HOST", "10.0.0.1"},
                                           {"BEYLA_SERVICE_PORT", "80"},
                                           {"BEYLA_SERVICE_PORT_HTTP", "80"},
                                           {"BEYLA_PORT", "tcp://10.0.0.1:80"},
                                           {"BEYLA_PORT_80_TCP", "tcp://10.0.0.1:80"}});
  std::vector<std::string> warnings;
  ASSERT_TRUE(load(std::nullopt, variables, &warnings).has_value());
  const std::vector<std::string> expected = {"ignoring unknown variable BEYLA_OPEN_PROT",
                                             "ignoring unknown variable OTEL_EBPF_X"};
  EXPECT_EQ(warnings, expected);
}

TEST_F(LoaderTest, BarePrometheusPortIsIgnored) {
  const auto settings =
      load(std::nullopt, minimal_and({{"PROMETHEUS_PORT", "tcp://10.0.0.1:9090"}}), nullptr);
  ASSERT_TRUE(settings.has_value()) << settings.error().message();
  EXPECT_EQ(settings->prometheus_port, std::nullopt);
}

TEST_F(LoaderTest, RefusesWhatIsNotBuiltYet) {
  for (const char* name : {"OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
                           "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT"}) {
    const auto settings = load(std::nullopt, minimal_and({{name, "http://x"}}), nullptr);
    ASSERT_FALSE(settings.has_value()) << name;
    EXPECT_EQ(settings.error().code, ErrorCode::unsupported);
    EXPECT_EQ(settings.error().message(),
              std::string("OTLP export is not built yet: unset ") + name);
    EXPECT_TRUE(load(std::nullopt, minimal_and({{name, ""}}), nullptr).has_value()) << name;
  }
  for (const char* name : {"SYSTEM_WIDE", "BEYLA_SYSTEM_WIDE", "OTEL_EBPF_SYSTEM_WIDE"}) {
    const auto settings = load(std::nullopt, minimal_and({{name, "true"}}), nullptr);
    ASSERT_FALSE(settings.has_value()) << name;
    EXPECT_EQ(settings.error().code, ErrorCode::unsupported);
    EXPECT_TRUE(load(std::nullopt, minimal_and({{name, "0"}}), nullptr).has_value()) << name;
    EXPECT_EQ(load(std::nullopt, minimal_and({{name, "x"}}), nullptr).error().message(),
              std::string(name) + ": `x` is neither true nor false");
  }
}

TEST_F(LoaderTest, TracePrinterWinsOverPrintTraces) {
  using enum TracePrinterKind;
  const auto printer_of = [this](const std::string& yaml, Variables variables) {
    variables.emplace_back("BEYLA_PROMETHEUS_PORT", "9090");
    return load_text("open_port: 80\n" + yaml, variables).value().printer();
  };
  EXPECT_EQ(printer_of("", {}), disabled);
  EXPECT_EQ(printer_of("", {{"PRINT_TRACES", "true"}}), text);
  EXPECT_EQ(printer_of("", {{"BEYLA_TRACE_PRINTER", "json"}}), json);
  EXPECT_EQ(printer_of("", {{"OTEL_EBPF_TRACE_PRINTER", "text"}}), text);
  EXPECT_EQ(printer_of("", {{"PRINT_TRACES", "true"}, {"BEYLA_TRACE_PRINTER", "json"}}), json);
  EXPECT_EQ(printer_of("", {{"PRINT_TRACES", "true"}, {"BEYLA_TRACE_PRINTER", "disabled"}}),
            disabled);
  EXPECT_EQ(printer_of("", {{"PRINT_TRACES", "false"}, {"BEYLA_TRACE_PRINTER", "text"}}), text);
  EXPECT_EQ(printer_of("trace_printer: json\n", {{"PRINT_TRACES", "true"}}), json);
  EXPECT_EQ(printer_of("trace_printer: json\n", {{"BEYLA_TRACE_PRINTER", "text"}}), text);
  EXPECT_EQ(printer_of("trace_printer: json\n", {{"BEYLA_TRACE_PRINTER", ""}}), json);
  EXPECT_EQ(printer_of("print_traces: true\n", {{"BEYLA_TRACE_PRINTER", "json"}}), json);
}

TEST_F(LoaderTest, RefusesToRunForNothing) {
  const Variables no_process = {{"PRINT_TRACES", "true"}};
  EXPECT_EQ(load(std::nullopt, no_process, nullptr).error().message(),
            "no process selected: set OPEN_PORT (for example 8080 or 8000-8999) or "
            "EXECUTABLE_NAME");
  const Variables no_exporter = {{"EXECUTABLE_NAME", "nginx"}, {"PRINT_TRACES", "false"}};
  EXPECT_EQ(load(std::nullopt, no_exporter, nullptr).error().message(),
            "nothing to report to: set PRINT_TRACES=true or BEYLA_PROMETHEUS_PORT");
  for (const auto& [name, value] :
       {std::pair{"BEYLA_TRACE_PRINTER", "disabled"}, std::pair{"BEYLA_TRACE_PRINTER", ""}}) {
    const Variables silenced = {{"EXECUTABLE_NAME", "nginx"}, {name, value}};
    EXPECT_FALSE(load(std::nullopt, silenced, nullptr).has_value());
  }
  const Variables json = {{"EXECUTABLE_NAME", "nginx"}, {"BEYLA_TRACE_PRINTER", "json"}};
  EXPECT_TRUE(load(std::nullopt, json, nullptr).has_value());
  const Variables contradicted = minimal_and({{"BEYLA_TRACE_PRINTER", "disabled"}});
  EXPECT_FALSE(load(std::nullopt, contradicted, nullptr).has_value());
  const Variables scraped = {{"EXECUTABLE_NAME", "nginx"}, {"BEYLA_PROMETHEUS_PORT", "9090"}};
  EXPECT_TRUE(load(std::nullopt, scraped, nullptr).has_value());
}

}  // namespace
}  // namespace beyla::agent::config
