// Finds functions of an OpenSSL or BoringSSL that a file holds without naming them: stripped, or
// with hidden symbols. In: an untrusted file. Pure functions over it. See
// docs/design/0021-tls-without-symbols.md.
//
// A function is taken only where facts that have nothing to do with each other agree, and for no
// other: a wrong one would be probed as what it is not.
#pragma once

#include <expected>
#include <optional>
#include <string_view>
#include <vector>

#include "probes/elf/elf_file.h"
#include "probes/elf/functions.h"
#include "probes/tls/report/library_code.h"

namespace beyla::probes::tls {

// More than this many name ssl_lib.c in no library: OpenSSL 4.0 has some 400 functions there.
inline constexpr std::size_t kMaxFunctionsOfFile = 2048;

struct HiddenFunction {
  std::string_view name;  // as in kWantedFunctions
  elf::FunctionSymbol function;
};
using HiddenFunctions = std::vector<HiddenFunction>;

// Why nothing is probed: a text as in abi::binary_report.
using HiddenRefusal = std::string_view;

// nullopt: there is no such library, as far as anything says.
using HiddenResult = std::optional<std::expected<HiddenFunctions, HiddenRefusal>>;

[[nodiscard]] HiddenResult find_hidden_library(const elf::ElfFile& elf);

// `paths`: of ssl_lib.c, and of ssl_lib.cc.
[[nodiscard]] HiddenResult find_hidden_openssl(LibraryCode& code,
                                               std::span<const std::uint64_t> paths);
[[nodiscard]] HiddenResult find_hidden_boringssl(LibraryCode& code,
                                                 std::span<const std::uint64_t> paths);

}  // namespace beyla::probes::tls
