// Which functions of TLS libraries get probes: one table. Names and arguments as in OpenSSL's and
// BoringSSL's ssl.h and in gnutls.h; src/abi/tls_calls.h says what the kernel half reads there.
#pragma once

#include <array>
#include <string_view>

#include "abi/tls_calls.h"

namespace beyla::probes::tls {

enum class Library : unsigned char {
  openssl,
  gnutls
};  // by its interface: BoringSSL has OpenSSL's

struct WantedFunction {
  std::string_view name;
  Library library{};
  unsigned arguments = 0;  // that are read when it is entered
  abi::tls_probe enter{};
  abi::tls_probe exit = abi::kTlsProbes;  // kTlsProbes: nobody looks at its end
};

// SSL_accept() and SSL_connect() end in SSL_do_handshake(), of which they are tail calls.
inline constexpr std::array kWantedFunctions = {
    WantedFunction{"SSL_read", Library::openssl, 3, abi::kTlsReadEnter, abi::kTlsReadExit},
    WantedFunction{"SSL_read_ex", Library::openssl, 4, abi::kTlsReadExEnter, abi::kTlsReadExExit},
    WantedFunction{"SSL_write", Library::openssl, 3, abi::kTlsWriteEnter, abi::kTlsWriteExit},
    WantedFunction{"SSL_write_ex", Library::openssl, 4, abi::kTlsWriteExEnter,
                   abi::kTlsWriteExExit},
    WantedFunction{"SSL_do_handshake", Library::openssl, 1, abi::kTlsHandshakeEnter,
                   abi::kTlsHandshakeExit},
    WantedFunction{"SSL_shutdown", Library::openssl, 1, abi::kTlsShutdownEnter,
                   abi::kTlsShutdownExit},
    WantedFunction{"SSL_free", Library::openssl, 1, abi::kTlsFreeEnter},
    WantedFunction{"gnutls_record_recv", Library::gnutls, 3, abi::kTlsRecordRecvEnter,
                   abi::kTlsRecordRecvExit},
    WantedFunction{"gnutls_record_send", Library::gnutls, 3, abi::kTlsRecordSendEnter,
                   abi::kTlsRecordSendExit},
    WantedFunction{"gnutls_handshake", Library::gnutls, 1, abi::kTlsHandshakeEnter,
                   abi::kTlsHandshakeExit},
    WantedFunction{"gnutls_bye", Library::gnutls, 1, abi::kTlsShutdownEnter, abi::kTlsShutdownExit},
    WantedFunction{"gnutls_deinit", Library::gnutls, 1, abi::kTlsFreeEnter},
};

// Since OpenSSL 3.3, whose SSL_write_ex() is a jump to it; with one argument more, so it has no
// probe of its own.
inline constexpr std::string_view kWriteEx2 = "SSL_write_ex2";

// Functions that may share an inner one: places in the table above, or the one behind its end for
// kWriteEx2.
struct WantedPair {
  std::size_t outer = 0;
  unsigned last_argument = 0;  // of it, for native::find_inner_function()
  std::size_t named = 0;       // what is probed if the inner one is not: this, and
  std::size_t other = 0;
  struct Way {
    unsigned last_argument = 0;  // native::InnerCall
    abi::tls_probe enter{};
    abi::tls_probe exit{};
  };
  std::array<Way, 2> ways;
};
inline constexpr WantedPair::Way kWriteFlags{4, abi::kTlsWriteFlagsEnter, abi::kTlsWriteFlagsExit};
// Of those with the same `other` the first that is found counts.
inline constexpr std::array kWantedPairs = {
    WantedPair{1, 3, 1, 0, {{{3, abi::kTlsReadInnerEnter, abi::kTlsReadInnerExit}}}},
    WantedPair{3, 3, 3, 2, {{{3, abi::kTlsWriteInnerEnter, abi::kTlsWriteInnerExit}, kWriteFlags}}},
    WantedPair{kWantedFunctions.size(), 4, 3, 2, {{kWriteFlags}}},
};
static_assert(kWantedFunctions[1].name == "SSL_read_ex" && kWantedFunctions[0].name == "SSL_read");
static_assert(kWantedFunctions[3].name == "SSL_write_ex" &&
              kWantedFunctions[2].name == "SSL_write");

}  // namespace beyla::probes::tls
