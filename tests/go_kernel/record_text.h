// A record of the data ring as one line, for tests and people.
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace beyla::tests {

// Empty: of a kind that is not shown. REQUIRES: a record as our programs write it.
[[nodiscard]] std::string text_of_record(std::span<const std::byte> record);

}  // namespace beyla::tests
