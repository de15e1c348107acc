#include "agent/config/reference_page.h"

#include <fstream>
#include <iterator>
#include <string>

#include <gtest/gtest.h>

#include "agent/config/setting_table.h"

namespace beyla::agent::config {
namespace {

TEST(ReferencePageTest, NamesEverySpelling) {
  const std::string page = reference_page();
  for (const Setting& setting : setting_table()) {
    for (const auto path : setting.yaml_paths) {
      EXPECT_NE(page.find("`" + std::string(path) + "`"), std::string::npos) << path;
    }
    for (const auto name : setting.env_names) {
      EXPECT_NE(page.find("`" + std::string(name) + "`"), std::string::npos) << name;
    }
  }
}

TEST(ReferencePageTest, TheCommittedPageIsUpToDate) {
  std::ifstream file(BEYLA_SOURCE_DIR "/docs/configuration.md", std::ios::binary);
  const std::string committed{std::istreambuf_iterator<char>(file), {}};
  EXPECT_EQ(committed, reference_page()) << "run: beyla config-reference > docs/configuration.md";
}

}  // namespace
}  // namespace beyla::agent::config
