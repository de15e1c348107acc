// A report for people: probes with their places, fields with their offsets, what is missing.
#pragma once

#include <string>

#include "abi/go_report.h"

namespace beyla::tests {

[[nodiscard]] std::string text_of(const abi::binary_report& report);

}  // namespace beyla::tests
