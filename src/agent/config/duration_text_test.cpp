#include "agent/config/duration_text.h"

#include <gtest/gtest.h>

#include "agent/config/quoted.h"

namespace beyla::agent::config {
namespace {

using namespace std::chrono_literals;

TEST(DurationText, ReadsGosNotation) {
  struct Case {
    std::string_view text;
    std::chrono::nanoseconds value;
  };
  const Case cases[] = {
      {"0", 0ns},
      {"0s", 0ns},
      {"5m", 5min},
      {"3s", 3s},
      {"500ms", 500ms},
      {"1h30m", 90min},
      {"1.5s", 1500ms},
      {".5s", 500ms},
      {"1.s", 1s},
      {"7us", 7us},
      {"7\u00b5s", 7us},
      {"7\u03bcs", 7us},
      {"9ns", 9ns},
      {"1h1m1s1ms1us1ns", 1h + 1min + 1s + 1ms + 1us + 1ns},
      {"1m1h", 61min},
      {"0.000000001s", 1ns},
      {"0.1234567895s", 123'456'789ns},
      {"0.33333333333333333333333h", 20min - 1ns},
      {"9223372036854775807ns", std::chrono::nanoseconds::max()},
      {"2562047h47m16.854775807s", std::chrono::nanoseconds::max()},
  };
  for (const Case& c : cases) {
    const auto value = parse_duration(c.text);
    ASSERT_TRUE(value.has_value()) << c.text;
    EXPECT_EQ(*value, c.value) << c.text;
  }
}

TEST(DurationText, RefusesAllElse) {
  for (const std::string_view text : {"",
                                      "5",
                                      "m",
                                      "5 m",
                                      " 5m",
                                      "5m ",
                                      "-5m",
                                      "+5m",
                                      "5M",
                                      "5min",
                                      "5d",
                                      "1.2.3s",
                                      ".s",
                                      ".",
                                      "5m3",
                                      "5m,3s",
                                      "1e3s",
                                      "0x5s",
                                      "9223372036854775808ns",
                                      "2562047h47m16.854775808s",
                                      "99999999999999999999999h",
                                      "5m\n",
                                      "5\xb5s"}) {
    const auto value = parse_duration(text);
    ASSERT_FALSE(value.has_value()) << text;
    EXPECT_EQ(value.error().code, base::ErrorCode::invalid_argument);
    EXPECT_NE(value.error().message().find(quoted(text)), std::string::npos);
  }
}

}  // namespace
}  // namespace beyla::agent::config
