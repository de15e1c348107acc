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

TEST(LabelText, KnowsItsOwn) {
  const std::string full(kMaxLabelBytes, 'x');
  for (const auto& raw : {std::string(), full, std::string("a\xc3"), std::string("\u20ac😀\ufffd"),
                          std::string(1000, '\xff'), std::string(254, 'x') + "é"}) {
    EXPECT_TRUE(is_label_text(to_label_text(raw))) << raw;
  }
  EXPECT_EQ(to_label_text(std::string(1000, '\xff')).size(), kMaxLabelTextBytes);
  for (const auto& text : {full + "x", std::string("a\xc3"), std::string("\xff"),
                           to_label_text(std::string(255, '\xff')) + "x"}) {
    EXPECT_FALSE(is_label_text(text)) << text;
  }
}

}  // namespace
}  // namespace beyla::exporters::text
