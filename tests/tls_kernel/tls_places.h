// Where the probes of a TLS library stand, of the functions that its symbol tables name.
#pragma once

#include <vector>

#include "probes/loader/tls_probes.h"

namespace beyla::tests {

// Prints what is left out, and why. The fd is borrowed.
[[nodiscard]] std::vector<probes::loader::TlsPlace> tls_places(int library_fd);

}  // namespace beyla::tests
