// The processor of the test build: whoever took it over can do with its descriptors what is done
// here. See orders.h.
#pragma once

#include <vector>

#include "base/fd.h"

namespace beyla::agent::pwned {

int hostile_processor_main(base::Fd channel, std::vector<base::Fd> files);

}  // namespace beyla::agent::pwned
