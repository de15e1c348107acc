#include "export/console/json_line.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <span>
#include <string_view>

#include "export/console/server_name.h"
#include "export/console/span_outcome.h"
#include "export/text/json_text.h"

namespace beyla::exporters::console {
namespace {

using model::MetricFamily;
using model::Role;

constexpr std::string_view kRpcSystem = "grpc";
// In the name of a span "_OTHER" is no method:
// https://opentelemetry.io/docs/specs/semconv/http/http-spans/#name
constexpr std::string_view kOtherMethod = "_OTHER";
constexpr std::string_view kOtherMethodInName = "HTTP";

void append_timestamp(std::string& out, std::chrono::nanoseconds since_epoch) {
  using std::chrono::floor;
  const std::chrono::sys_time<std::chrono::nanoseconds> time(since_epoch);
  const auto day = floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(time - day);
  fmt::format_to(std::back_inserter(out),
                 "{{\"timestamp\":\"{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:09}Z\"",
                 static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                 static_cast<unsigned>(date.day()), clock.hours().count(), clock.minutes().count(),
                 clock.seconds().count(), clock.subseconds().count());
}

// Members of an object that has one already.
class Members {
 public:
  explicit Members(std::string& out) : out_(out) {}

  void add(std::string_view key, std::string_view value) {
    add_key(key);
    text::append_json_string(out_, value);
  }
  void add_unless_empty(std::string_view key, std::string_view value) {
    if (!value.empty()) add(key, value);
  }
  void add_number(std::string_view key, std::uint64_t value) {
    add_key(key);
    fmt::format_to(std::back_inserter(out_), "{}", value);
  }
  // The clocks of receive and send are one clock, yet a recording may be wrong.
  void add_duration(std::string_view key, std::chrono::nanoseconds duration) {
    add_number(key, static_cast<std::uint64_t>(std::max<std::int64_t>(duration.count(), 0)));
  }
  void add_id(std::string_view key, std::span<const std::uint8_t> id) {
    if (std::ranges::all_of(id, [](std::uint8_t byte) { return byte == 0; })) return;
    add_key(key);
    out_.push_back('"');
    for (const std::uint8_t byte : id) fmt::format_to(std::back_inserter(out_), "{:02x}", byte);
    out_.push_back('"');
  }

 private:
  void add_key(std::string_view key) {
    out_ += ",\"";
    out_ += key;
    out_ += "\":";
  }
  std::string& out_;
};

void add_span(Members& members, const model::Span& span) {
  const Role role = span.exchange.role;
  if (role != Role::unknown) members.add("kind", role == Role::client ? "CLIENT" : "SERVER");
  members.add("service", span.service.name);
  members.add_duration("duration_ns", span.total());
  if (role != Role::client) members.add_duration("handler_ns", span.handler());
  const model::TraceContext& trace = span.exchange.trace;
  members.add_id("trace_id", trace.trace_id);
  members.add_id("span_id", trace.span_id);
  members.add_id("parent_span_id", trace.parent_span_id);
}

std::string http_name(const model::Semantics& semantics) {
  const bool is_other = semantics.operation == kOtherMethod;
  std::string name(is_other ? kOtherMethodInName : semantics.operation);
  if (!semantics.route.empty()) name += " " + semantics.route;
  return name;
}

void add_http(Members& members, const model::Semantics& semantics) {
  members.add("name", http_name(semantics));
  members.add("http.request.method", semantics.operation);
  members.add_unless_empty("url.path", semantics.target);
  members.add_unless_empty("http.route", semantics.route);
  if (const auto code = status_code(semantics))
    members.add_number("http.response.status_code", *code);
}

void add_rpc(Members& members, const model::Semantics& semantics) {
  const bool is_other = semantics.operation == kOtherMethod;
  members.add("name", is_other ? kRpcSystem : std::string_view(semantics.operation));
  members.add("rpc.system", kRpcSystem);
  members.add("rpc.method", semantics.operation);
  members.add_unless_empty("rpc.method_original", semantics.target);
  if (const auto code = status_code(semantics)) members.add_number("rpc.grpc.status_code", *code);
}

void add_peers(Members& members, const model::Exchange& exchange) {
  const bool is_client = exchange.role == Role::client;
  const model::Endpoint& client = is_client ? exchange.local : exchange.remote;
  const model::Endpoint& server = is_client ? exchange.remote : exchange.local;
  if (client.port != 0) {
    members.add("client.address", client.address.to_string());
    members.add_number("client.port", client.port);
  }
  const ServerName asked = split_server_name(exchange.server_name);
  if (!asked.host.empty()) {
    members.add("server.address", asked.host);
  } else if (server.port != 0) {
    members.add("server.address", server.address.to_string());
  }
  const std::uint16_t port = asked.port != 0 ? asked.port : server.port;
  if (port != 0) members.add_number("server.port", port);
}

}  // namespace

void append_json_line(std::string& out, const model::Span& span,
                      std::chrono::nanoseconds wall_offset) {
  const model::Exchange& exchange = span.exchange;
  const base::BootTime start = exchange.arrival.value_or(exchange.received);
  append_timestamp(out, start.time_since_epoch() + wall_offset);
  Members members(out);
  add_span(members, span);
  if (exchange.semantics.family == MetricFamily::http) {
    add_http(members, exchange.semantics);
  } else {
    add_rpc(members, exchange.semantics);
  }
  add_peers(members, exchange);
  if (exchange.request_body_bytes && exchange.semantics.family == MetricFamily::http) {
    members.add_number("http.request.body.size", *exchange.request_body_bytes);
  }
  members.add_unless_empty("error.type", error_type(exchange));
  out += "}\n";
}

}  // namespace beyla::exporters::console
