// SSL_free() of OpenSSL, which never says its name. Pure function; any thread.
#pragma once

#include <span>

#include "probes/tls/report/openssl_marks.h"

namespace beyla::probes::tls {

// nullptr: none, or several that could be it. `references`: all to functions of `marks`.
[[nodiscard]] const KnownFunction* find_openssl_free(const Marks& marks,
                                                     std::span<const Reference> references);

}  // namespace beyla::probes::tls
