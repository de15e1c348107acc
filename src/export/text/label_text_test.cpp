#include "export/text/label_text.h"

#include <gtest/gtest.h>

namespace beyla::exporters::text {
namespace {

TEST(LabelText, KeepsWhatIsUtf8) {
  EXPECT_EQ(to_label_text(""), "");
  EXPECT_EQ(to_label_text("a\"\\\né€😀"), "a\"\\\né€😀");
}

TEST(LabelText, ReplacesEachByteThatIsNot) {
  EXPECT_EQ(to_label_text("\xff"), "\ufffd");
  EXPECT_EQ(to_label_text("a\xc3"), "a\ufffd");
  EXPECT_EQ(to_label_text("\xc3(x"), "\ufffd(x");
  EXPECT_EQ(to_label_text("\xc0\xaf"), "\ufffd\ufffd");  // overlong
}

TEST(LabelText, CutsBetweenCodePoints) {
  const std::string full(kMaxLabelBytes, 'x');
  EXPECT_EQ(to_label_text(full), full);
  EXPECT_EQ(to_label_text(full + "y"), full);
  const std::string almost(kMaxLabelBytes - 1, 'x');
  EXPECT_EQ(to_label_text(almost + "é"), almost);
  EXPECT_EQ(to_label_text(almost + "\xff\xff"), almost + "\ufffd");
}

}  // namespace
}  // namespace beyla::exporters::text
