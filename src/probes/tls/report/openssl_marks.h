// Which functions of OpenSSL say what they are when something goes wrong: OpenSSL 3 and 4 by their
// names, 1.1 by numbers. In: an untrusted file's code. Pure functions over it.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "probes/tls/report/library_code.h"

namespace beyla::probes::tls {

// Bits: one function may have several, where others were inlined into it.
enum Mark : std::uint32_t {
  kMarkRead = 1,
  kMarkReadInternal = 2,
  kMarkWrite = 4,
  kMarkWriteInternal = 8,
  kMarkHandshake = 16,
  kMarkShutdown = 32,
  kMarkCreate = 64,       // makes the object that SSL_free() frees
  kMarkEarlyData = 128,   // reads or writes before the handshake's end, with other results
  kMarkOfFile = 256,      // names ssl_lib.c
  kMarkRaises = 1024,     // and says that something went wrong in libssl
  kMarkDecrements = 512,  // and counts something down, as the functions that free do
};
using Marks = std::map<const KnownFunction*, std::uint32_t>;
using Functions = std::vector<const KnownFunction*>;

// Functions that name ssl_lib.c, whose addresses are `paths`.
[[nodiscard]] Marks find_openssl_marks(LibraryCode& code, std::span<const std::uint64_t> paths);
// Those with any of the marks (bits).
[[nodiscard]] Functions functions_with(const Marks& marks, std::uint32_t mark);
// Those of `references` to a function that do not name ssl_lib.c, each once.
[[nodiscard]] Functions unmarked_callers(const Marks& marks, std::span<const Reference> references,
                                         std::uint64_t target);

}  // namespace beyla::probes::tls
