#include "agent/config/environment.h"

#include <gtest/gtest.h>

namespace beyla::agent::config {
namespace {

using Variables = std::vector<std::pair<std::string, std::string>>;

TEST(EnvironmentTest, SplitsAtTheFirstEqualsSign) {
  std::string a = "A=1";
  std::string b = "B=x=y";
  std::string empty = "C=";
  std::string bare = "D";
  std::string nameless = "=E";
  char* entries[] = {a.data(), b.data(), empty.data(), bare.data(), nameless.data(), nullptr};
  const Variables expected = {{"A", "1"}, {"B", "x=y"}, {"C", ""}};
  EXPECT_EQ(process_environment(entries), expected);
}

TEST(EnvironmentTest, NullIsEmpty) { EXPECT_TRUE(process_environment(nullptr).empty()); }

TEST(EnvironmentTest, FindsTheFirstValueAndTakesEmptyForUnset) {
  const Variables variables = {{"A", "1"}, {"A", "2"}, {"B", ""}};
  EXPECT_EQ(find_variable(variables, "A"), "1");
  EXPECT_EQ(find_variable(variables, "B"), std::nullopt);
  EXPECT_EQ(find_variable(variables, "C"), std::nullopt);
}

}  // namespace
}  // namespace beyla::agent::config
