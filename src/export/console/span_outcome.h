// What a span's outcome means. Pure, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "model/exchange.h"

namespace beyla::exporters::console {

// nullopt: no answer came, or the outcome is no number.
[[nodiscard]] std::optional<std::uint32_t> status_code(const model::Semantics& semantics);

// Why it failed, "" if it did not, by the rules of OpenTelemetry: of HTTP
// https://opentelemetry.io/docs/specs/semconv/http/http-spans/#status, of gRPC
// https://opentelemetry.io/docs/specs/semconv/rpc/grpc/#grpc-status. A view of the exchange, or
// constant. A role that is unknown counts as a server.
[[nodiscard]] std::string_view error_type(const model::Exchange& exchange);

}  // namespace beyla::exporters::console
