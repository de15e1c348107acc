#include "probes/go/image/build_info.h"

#include <gtest/gtest.h>

namespace beyla::probes::go {
namespace {

TEST(GoVersion, IsReadFromWhatGoWrites) {
  const std::pair<std::string_view, GoVersion> versions[] = {
      {"go1.26.8", {1, 26, 8}},
      {"go1.17", {1, 17, 0}},
      {"go1.20rc1", {1, 20, 0}},
      {"go1.19.8 X:boringcrypto", {1, 19, 8}},
      {"go1.22.12-custom", {1, 22, 12}},
      {"devel go1.27-3f4164f508 Mon Nov 2 10:11:12 2026 +0000", {1, 27, 0}},
  };
  for (const auto& [text, version] : versions) EXPECT_EQ(parse_go_version(text), version) << text;
}

TEST(GoVersion, IsNotGuessed) {
  for (const auto text : {"", "unknown", "go", "go1", "go1.", "go1.x", "go2.1", "go1.65536",
                          "devel +b7a85e0003 Tue Aug 1 2017"}) {
    EXPECT_FALSE(parse_go_version(text)) << text;
  }
}

}  // namespace
}  // namespace beyla::probes::go
