#include "probes/tls/report/rustls_message.h"

#include <gtest/gtest.h>

#include <array>

namespace beyla::probes::tls {
namespace {

struct Row {
  native::ArgumentReads reads;
  std::optional<std::uint32_t> sealed;
  std::optional<std::uint32_t> opened;
};

TEST(RustlsMessage, TypeBehindWhatIsKnownOnly) {
  const std::array rows = {
      Row{{.bytes = {0x20, 0x21}, .words = {0, 0x10, 0x18}}, 0x20, std::nullopt},  // 0.23
      Row{{.bytes = {0x24}, .words = {0, 0x10, 0x18}}, 0x24, std::nullopt},
      Row{{.bytes = {0x10, 0x11}, .words = {0, 8}}, 0x10, 0x10},  // 0.21, 0.22; opened: 0.23
      Row{{.bytes = {0x14}, .words = {8}}, 0x14, std::nullopt},
      Row{{.bytes = {0x1c, 0x1d}, .words = {0, 8, 0x10}}, std::nullopt, 0x1c},
      // No byte, no word; a byte elsewhere; two bytes apart; chunks whose end is not read; a slice
      // that is longer than one; what cannot be told.
      Row{{.bytes = {}, .words = {0, 0x18}}, std::nullopt, std::nullopt},
      Row{{.bytes = {0x20}, .words = {}}, std::nullopt, std::nullopt},
      Row{{.bytes = {0x21}, .words = {0, 0x18}}, std::nullopt, std::nullopt},
      Row{{.bytes = {0x20, 0x24}, .words = {0, 0x18}}, std::nullopt, std::nullopt},
      Row{{.bytes = {0x20}, .words = {0, 0x10}}, std::nullopt, std::nullopt},
      Row{{.bytes = {0x10}, .words = {0, 0x10}}, std::nullopt, std::nullopt},
      Row{{.bytes = {0x10}, .words = {-8, 8}}, std::nullopt, std::nullopt},
      Row{{.bytes = {0x10}, .words = {0, 8}, .others = true}, std::nullopt, std::nullopt},
  };
  for (std::size_t at = 0; at < rows.size(); ++at) {
    EXPECT_EQ(sealed_type_place(rows[at].reads), rows[at].sealed) << at;
    EXPECT_EQ(opened_type_place(rows[at].reads), rows[at].opened) << at;
  }
}

}  // namespace
}  // namespace beyla::probes::tls
