#include <arpa/inet.h>
#include <benchmark/benchmark.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <string>
#include <vector>

#include "base/fd.h"
#include "export/aggregate/red_test_spans.h"
#include "export/prometheus/listen_socket.h"
#include "export/prometheus/red_text.h"
#include "export/prometheus/scrape_server.h"

namespace beyla::exporters::prometheus {
namespace {

using namespace std::chrono_literals;

void fill(aggregate::TestMetrics& metrics, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) {
    model::Span span;
    span.service.name = "service-" + std::to_string(i / 5);
    span.exchange.role = model::Role::server;
    span.exchange.end = base::BootTime(20ms);
    span.exchange.request_body_bytes = 100;
    span.exchange.semantics = {model::MetricFamily::http, "GET", "/", std::to_string(200 + i % 5)};
    metrics.on_span(span);
  }
  metrics.commit();
}

std::size_t scrape(std::uint16_t port, std::vector<char>& chunk) {
  const base::Fd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  constexpr std::string_view kRequest =
      "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
  if (connect(fd.get(), static_cast<sockaddr*>(static_cast<void*>(&address)), sizeof(address)) !=
          0 ||
      send(fd.get(), kRequest.data(), kRequest.size(), MSG_NOSIGNAL) < 0) {
    return 0;
  }
  std::size_t total = 0;
  for (ssize_t n = 0; (n = recv(fd.get(), chunk.data(), chunk.size(), 0)) > 0;) {
    total += static_cast<std::size_t>(n);
  }
  return total;
}

// As Prometheus does it: one request over loopback until the last byte has arrived.
void scrape_over_http(benchmark::State& state) {
  aggregate::TestMetrics metrics({.max_series = 20'000});
  fill(metrics, state.range(0));
  const auto socket = listen_for_scrapes("127.0.0.1", 0, "/metrics");
  if (!socket) {
    state.SkipWithError(socket.error().message().c_str());
    return;
  }
  const auto server = ScrapeServer::make(socket->fd.get(), "/metrics", [&] {
    return red_text_pieces(metrics.metrics().snapshot(), "");
  });
  if (!server) {
    state.SkipWithError(server.error().message().c_str());
    return;
  }
  std::vector<char> chunk(std::size_t{256} << 10U);
  std::size_t bytes = 0;
  for (auto _ : state) bytes = scrape(socket->port, chunk);
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(bytes));
  state.counters["text_bytes"] = static_cast<double>(bytes);
}
BENCHMARK(scrape_over_http)
    ->Arg(333)  // 10,000 lines of text
    ->Arg(2000)
    ->Arg(10'000)
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace beyla::exporters::prometheus
