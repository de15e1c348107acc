#include "export/console/trace_line.h"

#include <fmt/format.h>

#include <ctime>
#include <iterator>
#include <string_view>

#include "export/console/go_duration.h"

namespace beyla::exporters::console {
namespace {

constexpr int kTmYearBase = 1900;  // struct tm, C17 §7.27.1

constexpr std::string_view kUnknown = "?";
constexpr std::string_view kNoHttpStatus = "0";  // where a reader of the line expects a number

struct SecondText {
  std::time_t second = -1;
  std::string text;
};

void append_local_time(std::string& out, std::time_t second) {
  thread_local SecondText last;
  if (last.second != second || last.text.empty()) {
    std::tm local{};
    localtime_r(&second, &local);
    last.second = second;
    last.text =
        fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}", local.tm_year + kTmYearBase,
                    local.tm_mon + 1, local.tm_mday, local.tm_hour, local.tm_min, local.tm_sec);
  }
  out += last.text;
}

// What the network sent must not reach a terminal as control sequences, nor break the line.
void append_printable(std::string& out, std::string_view raw) {
  constexpr std::string_view kHex = "0123456789abcdef";
  for (const char c : raw) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte <= 0x7e) {
      out.push_back(c);
      continue;
    }
    out += "\\x";
    out.push_back(kHex[byte >> 4U]);
    out.push_back(kHex[byte & 0xfU]);
  }
}

void append_semantics(std::string& out, const model::Semantics& semantics) {
  const bool is_rpc = semantics.family == model::MetricFamily::rpc;
  const std::string_view no_outcome = is_rpc ? kUnknown : kNoHttpStatus;
  append_printable(out, semantics.outcome.empty() ? no_outcome : semantics.outcome);
  out.push_back(' ');
  append_printable(out, semantics.operation);
  if (is_rpc) return;
  out.push_back(' ');
  append_printable(out, semantics.target);
}

void append_size(std::string& out, const std::optional<std::uint64_t>& bytes) {
  if (bytes) {
    fmt::format_to(std::back_inserter(out), " size:{}B\n", *bytes);
  } else {
    out += " size:?B\n";
  }
}

std::string host_text(const model::IpAddress& address) {
  if (address.is_loopback()) return "localhost";
  const std::string text = address.to_string();
  return address.is_v4_mapped() ? text : "[" + text + "]";
}

void append_addresses(std::string& out, const model::Exchange& exchange) {
  const bool is_client = exchange.role == model::Role::client;
  const model::Endpoint& client = is_client ? exchange.local : exchange.remote;
  const model::Endpoint& server = is_client ? exchange.remote : exchange.local;
  fmt::format_to(std::back_inserter(out), " [{}]->[",
                 client.port == 0 ? kUnknown : client.address.to_string());
  if (server.port != 0) {
    fmt::format_to(std::back_inserter(out), "{}:{}]", host_text(server.address), server.port);
    return;
  }
  append_printable(out, exchange.server_name.empty() ? kUnknown : exchange.server_name);
  out.push_back(']');
}

}  // namespace

void append_trace_line(std::string& out, const model::Span& span,
                       std::chrono::nanoseconds wall_offset) {
  const model::Exchange& exchange = span.exchange;
  const base::BootTime start = exchange.arrival.value_or(exchange.received);
  const auto second =
      std::chrono::floor<std::chrono::seconds>(start.time_since_epoch() + wall_offset);
  append_local_time(out, static_cast<std::time_t>(second.count()));
  out += " (";
  append_duration(out, span.total());
  out.push_back('[');
  append_duration(out, span.handler());
  out += "]) ";
  append_semantics(out, exchange.semantics);
  append_addresses(out, exchange);
  append_size(out, exchange.request_body_bytes);
}

}  // namespace beyla::exporters::console
