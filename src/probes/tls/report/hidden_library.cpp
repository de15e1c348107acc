#include "probes/tls/report/hidden_library.h"

#include "probes/tls/report/source_file.h"

namespace beyla::probes::tls {

std::optional<std::expected<HiddenFunctions, HiddenRefusal>> find_hidden_library(
    const elf::ElfFile& elf) {
  const auto openssl = find_source_paths(elf, "ssl_lib.c");
  const auto boringssl = find_source_paths(elf, "ssl_lib.cc");
  if (openssl.empty() && boringssl.empty()) return std::nullopt;
  LibraryCode code(elf);
  if (!code.has_ranges()) return std::unexpected(HiddenRefusal("hidden.no_unwind_table"));
  if (boringssl.empty()) return find_hidden_openssl(code, openssl);
  if (openssl.empty()) return find_hidden_boringssl(code, boringssl);
  return std::unexpected(HiddenRefusal("hidden.two_libraries"));
}

}  // namespace beyla::probes::tls
