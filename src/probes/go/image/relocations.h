// The relative relocations of a position-independent executable (DT_RELA): which word of its data
// is an address, and which. One thread at a time.
// DT_RELR needs no reading: there the word itself holds the address.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

namespace beyla::probes::go {

class Relocations {};

}  // namespace beyla::probes::go
