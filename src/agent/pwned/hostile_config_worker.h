// The configuration worker of the test build: it lies, or does not answer. See orders.h.
#pragma once

#include <vector>

#include "base/fd.h"

namespace beyla::agent::pwned {

int hostile_config_worker_main(base::Fd channel, std::vector<base::Fd> files);

}  // namespace beyla::agent::pwned
