#include "agent/config/edit_distance.h"

#include <gtest/gtest.h>

namespace beyla::agent::config {
namespace {

TEST(EditDistanceTest, CountsEdits) {
  struct Case {
    std::string_view a;
    std::string_view b;
    std::size_t edits;
  };
  const Case cases[] = {
      {"", "", 0},
      {"", "abc", 3},
      {"abc", "", 3},
      {"abc", "abc", 0},
      {"abc", "abd", 1},
      {"abc", "abcd", 1},
      {"abc", "bc", 1},
      {"ab", "ba", 2},
      {"kitten", "sitting", 3},
      {"open_prot", "open_port", 2},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(edit_distance(c.a, c.b), c.edits) << c.a << " " << c.b;
    EXPECT_EQ(edit_distance(c.b, c.a), c.edits) << c.b << " " << c.a;
  }
}

}  // namespace
}  // namespace beyla::agent::config
