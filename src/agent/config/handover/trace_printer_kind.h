// How requests are printed on standard output. The numbers are those of abi/config.h.
#pragma once

#include <cstdint>
#include <optional>

#include "abi/config.h"

namespace beyla::agent::config {

enum class TracePrinterKind : std::uint32_t {
  disabled = abi::kPrintNothing,
  text = abi::kPrintText,
  json = abi::kPrintJson,
};

[[nodiscard]] inline std::optional<TracePrinterKind> decode_trace_printer(std::uint32_t kind) {
  if (kind < abi::kPrintNothing || kind > abi::kPrintJson) return std::nullopt;
  return static_cast<TracePrinterKind>(kind);
}

}  // namespace beyla::agent::config
