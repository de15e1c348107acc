// Where the probes of a TLS library stand, of the functions that its symbol tables name; or of
// those behind them.
#pragma once

#include <vector>

#include "probes/loader/tls_probes.h"

namespace beyla::tests {

// Prints what is left out, and why. The fd is borrowed. `inner`: in place of SSL_read, SSL_write
// and their like those behind them, if there are some, which is printed.
[[nodiscard]] std::vector<probes::loader::TlsPlace> tls_places(int library_fd, bool inner);

}  // namespace beyla::tests
