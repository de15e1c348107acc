#include "export/console/go_duration.h"

#include <gtest/gtest.h>

#include <limits>

namespace beyla::exporters::console {
namespace {

using namespace std::chrono_literals;

TEST(GoDuration, RoundsAndPrintsAsGoDoes) {
  struct Case {
    std::chrono::nanoseconds duration;
    std::string text;
  };
  const Case cases[] = {
      {0ns, "0s"},
      {1ns, "1ns"},
      {850ns, "850ns"},
      {999ns, "999ns"},
      {1000ns, "1µs"},
      {1049ns, "1µs"},
      {1050ns, "1.1µs"},
      {689'949ns, "689.9µs"},
      {689'850ns, "689.9µs"},
      {999'949ns, "999.9µs"},
      {999'950ns, "1ms"},
      {2'735'000ns, "2.74ms"},
      {2'734'999ns, "2.73ms"},
      {15'216'789ns, "15.22ms"},
      {203'280'000ns, "203.28ms"},
      {999'994'999ns, "999.99ms"},
      {999'996us, "1s"},
      {3s, "3s"},
      {1004ms, "1s"},
      {1005ms, "1.01s"},
      {59'994ms, "59.99s"},
      {59'996ms, "1m0s"},
      {63'250ms, "1m3.25s"},
      {3599'995ms, "1h0m0s"},
      {1h, "1h0m0s"},
      {25h + 61s + 500ms, "25h1m1.5s"},
      {-1500us, "-1.5ms"},
      {std::chrono::nanoseconds::min(), "-2562047h47m16.85s"},
  };
  for (const auto& c : cases) EXPECT_EQ(format_duration(c.duration), c.text);
}

TEST(GoDuration, WritesMicroSignAsUtf8) { EXPECT_EQ(format_duration(2us), "2\xc2\xb5s"); }

}  // namespace
}  // namespace beyla::exporters::console
