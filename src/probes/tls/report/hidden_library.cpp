#include "probes/tls/report/hidden_library.h"

#include "probes/tls/report/source_file.h"

namespace beyla::probes::tls {

HiddenResult find_hidden_library(const elf::ElfFile& elf) {
  const auto openssl = find_source_paths(elf, "ssl_lib.c");
  const auto boringssl = find_source_paths(elf, "ssl_lib.cc");
  if (openssl.empty() && boringssl.empty()) return std::nullopt;
  LibraryCode code(elf);
  if (!code.has_ranges()) return std::unexpected(HiddenRefusal("hidden.no_unwind_table"));
  auto found = openssl.empty() ? std::nullopt : find_hidden_openssl(code, openssl);
  auto other = boringssl.empty() ? std::nullopt : find_hidden_boringssl(code, boringssl);
  if (found && other) return std::unexpected(HiddenRefusal("hidden.two_libraries"));
  return found ? found : other;
}

}  // namespace beyla::probes::tls
