// The version of Go that built an executable, from its build information (section .go.buildinfo).
// Layout: Go's src/debug/buildinfo/buildinfo.go, both forms (pointers until 1.17, inline strings
// since 1.18).
#pragma once

#include <compare>
#include <cstdint>
#include <expected>
#include <string_view>

#include "probes/go/image/elf.h"

namespace beyla::probes::go {

struct GoVersion {
  std::uint16_t major = 0;
  std::uint16_t minor = 0;
  std::uint16_t patch = 0;  // 0 for a release candidate or development version, too

  auto operator<=>(const GoVersion&) const = default;
};
inline constexpr GoVersion kOldestGo{1, 17, 0};

// `text` is `go1.26.8`, `go1.20rc1`, `devel go1.27-abcdef ...`, `go1.19.8 X:boringcrypto`.
[[nodiscard]] std::optional<GoVersion> parse_go_version(std::string_view text);

// Refuses with not_go where there is no build information at all.
[[nodiscard]] std::expected<GoVersion, ImageRefusal> read_go_version(const ElfFile& elf);

}  // namespace beyla::probes::go
