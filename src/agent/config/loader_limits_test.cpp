// What goes into fields of fixed size, and onto a terminal, is bounded by the loader already.
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "agent/config/loader.h"

namespace beyla::agent::config {
namespace {

using Variables = std::vector<std::pair<std::string, std::string>>;

// Enough for a valid configuration.
const Variables kMinimal = {{"OPEN_PORT", "8080"}, {"PRINT_TRACES", "true"}};

Variables minimal_and(Variables more) {
  more.insert(more.begin(), kMinimal.begin(), kMinimal.end());
  return more;
}

class LoaderLimitsTest : public testing::Test {
 protected:
  void TearDown() override { std::filesystem::remove(path_); }

  base::Result<Settings> load_text(const std::string& yaml, const Variables& variables = {}) {
    std::ofstream(path_, std::ios::binary) << yaml;
    return load(path_, variables, nullptr);
  }

  const std::string path_ = testing::TempDir() + "beyla_loader_limits_" +
                            testing::UnitTest::GetInstance()->current_test_info()->name() + ".yml";
};

TEST_F(LoaderLimitsTest, NamesTheLimitOfATextThatIsTooLong) {
  struct Case {
    std::string key;
    std::size_t limit;
  };
  const Case cases[] = {
      {"executable_name", 4095}, {"service_name", 255}, {"prometheus_export.path", 1023}};
  for (const Case& c : cases) {
    const auto dot = c.key.find('.');
    const std::string line = dot == std::string::npos
                                 ? c.key + ": "
                                 : c.key.substr(0, dot) + ":\n  " + c.key.substr(dot + 1) + ": ";
    const std::string longest = "/" + std::string(c.limit - 1, 'x');
    EXPECT_TRUE(load_text(line + longest + "\n", kMinimal).has_value()) << c.key;
    const auto settings = load_text(line + longest + "x\n", kMinimal);
    ASSERT_FALSE(settings.has_value()) << c.key;
    EXPECT_EQ(settings.error().message(), path_ + (dot == std::string::npos ? ":1:1: " : ":2:3: ") +
                                              c.key + ": `" + longest.substr(0, 197) +
                                              "\xe2\x80\xa6` is longer than " +
                                              std::to_string(c.limit) + " bytes");
  }
}

TEST_F(LoaderLimitsTest, ErrorsAndWarningsAreOneBoundedLineFitForATerminal) {
  const auto in_variable =
      load(std::nullopt, minimal_and({{"LOG_LEVEL", "a\nb\x1b[2J\xff"}}), nullptr);
  EXPECT_EQ(in_variable.error().message(),
            "LOG_LEVEL: `a\\x0Ab\\x1B[2J\\xFF` is not a log level (DEBUG, INFO, WARN, ERROR)");
  const auto in_path = load("/no\n/" + std::string(20'000, 'p'), kMinimal, nullptr);
  EXPECT_TRUE(in_path.error().message().starts_with("cannot read config file /no\\x0A/"));
  EXPECT_LT(in_path.error().message().size(), 8192U);
  std::vector<std::string> warnings;
  ASSERT_TRUE(
      load(std::nullopt, minimal_and({{"BEYLA_\n" + std::string(9000, 'x'), "1"}}), &warnings)
          .has_value());
  EXPECT_TRUE(warnings.at(0).starts_with("ignoring unknown variable BEYLA_\\x0Axxx"));
  EXPECT_LT(warnings.at(0).size(), 300U);
}

TEST_F(LoaderLimitsTest, ASettingOfOneLineHoldsNoOther) {
  EXPECT_EQ(
      load(std::nullopt, minimal_and({{"OTEL_SERVICE_NAME", "a\nb"}}), nullptr).error().message(),
      "OTEL_SERVICE_NAME: `a\\x0Ab` holds a control character or a line break");
  EXPECT_FALSE(
      load(std::nullopt, minimal_and({{"PROMETHEUS_PATH", "/a\x7f"}}), nullptr).has_value());
  // Paths of executables may hold anything.
  EXPECT_TRUE(
      load(std::nullopt, minimal_and({{"EXECUTABLE_NAME", "../a\nb%n"}}), nullptr).has_value());
}

}  // namespace
}  // namespace beyla::agent::config
