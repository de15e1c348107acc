// Why an executable cannot be read as a Go program. Any thread.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace beyla::probes::go {

enum class ImageRefusal : std::uint8_t {
  not_elf,
  unsupported_class,    // 32-bit or big-endian
  unsupported_machine,  // neither x86-64 nor AArch64
  too_large,            // the file, or a table in it, is beyond a limit named here
  malformed_elf,        // headers, segments or relocations point outside of the file
  not_go,               // neither build information nor a table of functions
  malformed_build_info,
  too_old,     // before Go 1.17
  no_pclntab,  // build information, but no table of functions (packed, or a shared library's)
  malformed_pclntab,
  no_moduledata,          // nothing in the data that describes that table
  malformed_moduledata,   // or describes it in a way that no known Go does
  several_text_sections,  // code so large that the linker split it: addresses would be wrong
};
inline constexpr std::size_t kImageRefusals =
    static_cast<std::size_t>(ImageRefusal::several_text_sections) + 1;

// Values of the label `reason`, in the same order.
inline constexpr std::array<std::string_view, kImageRefusals> kImageRefusalNames = {
    "not_elf",
    "unsupported_class",
    "unsupported_machine",
    "too_large",
    "malformed_elf",
    "not_go",
    "malformed_build_info",
    "too_old",
    "no_pclntab",
    "malformed_pclntab",
    "no_moduledata",
    "malformed_moduledata",
    "several_text_sections"};

[[nodiscard]] constexpr std::string_view refusal_name(ImageRefusal refusal) {
  return kImageRefusalNames[static_cast<std::size_t>(refusal)];
}

}  // namespace beyla::probes::go
