// The cost of a request head of nine fields; http_parser beside it as a measure.
#include <benchmark/benchmark.h>
#include <http_parser.h>

#include <string_view>

#include "base/byte_reader.h"
#include "protocols/http1/head_scanner.h"
#include "protocols/session/conversation.h"

namespace {

using namespace beyla;

constexpr std::string_view kRequest =
    "GET /api/v1/orders/4711?expand=items HTTP/1.1\r\n"
    "Host: shop.example.com\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/128.0\r\n"
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n"
    "Accept-Language: en-US,en;q=0.5\r\n"
    "Accept-Encoding: gzip, deflate, br\r\n"
    "Connection: keep-alive\r\n"
    "Cookie: session=0123456789abcdef0123456789abcdef; theme=dark\r\n"
    "Cache-Control: max-age=0\r\n"
    "X-Request-Id: 6f1c9c3e-7d6b-4a55-9a1c-5d1c2d3e4f50\r\n\r\n";
constexpr std::string_view kResponse = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

void set_bytes(benchmark::State& state) {
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) *
                          static_cast<std::int64_t>(kRequest.size()));
}

void head_scanner(benchmark::State& state) {
  for ([[maybe_unused]] auto step : state) {
    benchmark::DoNotOptimize(protocols::http1::parse_request_head(base::as_bytes(kRequest)));
  }
  set_bytes(state);
}
BENCHMARK(head_scanner);

void reference_http_parser(benchmark::State& state) {
  http_parser_settings settings;
  http_parser_settings_init(&settings);
  for ([[maybe_unused]] auto step : state) {
    http_parser parser;
    http_parser_init(&parser, HTTP_REQUEST);
    benchmark::DoNotOptimize(
        http_parser_execute(&parser, &settings, kRequest.data(), kRequest.size()));
  }
  set_bytes(state);
}
BENCHMARK(reference_http_parser);

// From record to exchange, through the session table.
void whole_exchange(benchmark::State& state) {
  protocols::session::Conversation talk;
  for ([[maybe_unused]] auto step : state) {
    talk.received(kRequest);
    talk.sent(kResponse);
    talk.sink.exchanges.clear();
  }
  set_bytes(state);
}
BENCHMARK(whole_exchange);

}  // namespace

BENCHMARK_MAIN();
