#include "export/console/span_outcome.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <system_error>

namespace beyla::exporters::console {
namespace {

// https://opentelemetry.io/docs/specs/semconv/registry/attributes/error/#error-type
constexpr std::string_view kUnnamedError = "_OTHER";
constexpr std::uint32_t kFirstClientError = 400;  // RFC 9110 §15.5
constexpr std::uint32_t kFirstServerError = 500;  // RFC 9110 §15.6
// UNKNOWN, DEADLINE_EXCEEDED, UNIMPLEMENTED, INTERNAL, UNAVAILABLE, DATA_LOSS:
// https://grpc.io/docs/guides/status-codes/
constexpr std::array<std::uint32_t, 6> kGrpcServerErrors = {2, 4, 12, 13, 14, 15};

bool is_error(model::MetricFamily family, bool is_client, std::uint32_t code) {
  if (family == model::MetricFamily::http) {
    return code >= (is_client ? kFirstClientError : kFirstServerError);
  }
  return is_client ? code != 0
                   : std::ranges::find(kGrpcServerErrors, code) != kGrpcServerErrors.end();
}

}  // namespace

std::optional<std::uint32_t> status_code(const model::Semantics& semantics) {
  const std::string& text = semantics.outcome;
  std::uint32_t code = 0;
  const char* const last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, code);
  if (error != std::errc{} || end != last) return std::nullopt;
  return code;
}

std::string_view error_type(const model::Exchange& exchange) {
  const auto code = status_code(exchange.semantics);
  if (!code) return kUnnamedError;
  const bool is_client = exchange.role == model::Role::client;
  return is_error(exchange.semantics.family, is_client, *code) ? exchange.semantics.outcome
                                                               : std::string_view();
}

}  // namespace beyla::exporters::console
