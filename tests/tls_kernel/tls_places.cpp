#include "tls_places.h"

#include <fmt/format.h>

#include <array>
#include <cstdlib>
#include <string_view>

#include "probes/elf/functions.h"
#include "probes/go/report/file_view.h"
#include "probes/native/function_sites.h"
#include "probes/native/inner_call.h"
#include "probes/native/inner_function.h"

namespace beyla::tests {
namespace {

struct Row {
  std::string_view name;
  unsigned arguments;
  std::uint32_t enter;
  bool has_exit = true;
};
constexpr std::array kRows = {
    Row{"SSL_read", 3, abi::kTlsReadEnter},
    Row{"SSL_read_ex", 4, abi::kTlsReadExEnter},
    Row{"SSL_write", 3, abi::kTlsWriteEnter},
    Row{"SSL_write_ex", 4, abi::kTlsWriteExEnter},
    Row{"SSL_do_handshake", 1, abi::kTlsHandshakeEnter},
    Row{"SSL_shutdown", 1, abi::kTlsShutdownEnter},
    Row{"SSL_free", 1, abi::kTlsFreeEnter, false},
    Row{"gnutls_record_recv", 3, abi::kTlsRecordRecvEnter},
    Row{"gnutls_record_send", 3, abi::kTlsRecordSendEnter},
    Row{"gnutls_handshake", 1, abi::kTlsHandshakeEnter},
    Row{"gnutls_deinit", 1, abi::kTlsFreeEnter, false},
};

void add_places(std::vector<probes::loader::TlsPlace>& places, const Row& row,
                const probes::native::FunctionSites& sites) {
  if (sites.entry) {
    places.push_back({sites.entry->offset, row.enter});
  } else {
    fmt::print("stepped {}\n", row.name);
    places.push_back({sites.file_offset, row.enter});
  }
  if (!row.has_exit) return;
  if (sites.exits) {
    for (const std::size_t offset : *sites.exits) places.push_back({offset, row.enter + 1});
  } else {
    fmt::print("return {}\n", row.name);
    places.push_back({sites.file_offset, row.enter + 1, true});
  }
}

// In place of the row that is `outer` and the one before it, which call the same function.
bool add_inner(std::vector<probes::loader::TlsPlace>& places, const probes::elf::ElfFile& elf,
               const probes::native::FunctionStarts& starts, std::uint32_t enter,
               const probes::elf::FunctionSymbol& outer, unsigned last_argument,
               std::span<const probes::elf::FunctionSymbol> others) {
  const auto inner = probes::native::find_inner_function(elf, starts, outer, last_argument, others);
  if (!inner) return false;
  if (inner->last_argument != probes::native::kFourthArgument) enter = abi::kTlsWriteFlagsEnter;
  fmt::print("inner {}\n", enter);
  places.push_back({inner->sites.entry->offset, enter});
  places.push_back({inner->sites.entry->offset, enter + 1, true});
  return true;
}

}  // namespace

std::vector<probes::loader::TlsPlace> tls_places(int library_fd, bool inner) {
  std::vector<probes::loader::TlsPlace> places;
  const auto file = probes::go::FileView::make(library_fd);
  const auto elf = file ? probes::elf::ElfFile::read(file->bytes())
                        : std::unexpected(probes::elf::Refusal::not_elf);
  if (!elf) return places;
  std::array<std::string_view, kRows.size() + 1> names;
  names.back() = "SSL_write_ex2";  // since OpenSSL 3.3
  for (std::size_t at = 0; at < kRows.size(); ++at) names[at] = kRows[at].name;
  const auto found = probes::elf::find_functions(*elf, names);
  const probes::native::FunctionStarts starts(*elf);
  std::size_t first = 0;
  if (inner && found[1].size() == 1 && found[3].size() == 1) {
    const auto& writes = found.back().empty() ? found[3] : found.back();
    const unsigned last = found.back().empty() ? 3 : 4;
    if (add_inner(places, *elf, starts, abi::kTlsReadInnerEnter, found[1].front(), 3, found[0]) &&
        add_inner(places, *elf, starts, abi::kTlsWriteInnerEnter, writes.front(), last, found[2])) {
      first = 4;
    }
  }
  for (std::size_t at = first; at < kRows.size(); ++at) {
    for (const auto& function : found[at]) {
      add_places(places, kRows[at],
                 probes::native::find_function_sites(*elf, starts, function, kRows[at].arguments));
    }
  }
  return places;
}

}  // namespace beyla::tests
