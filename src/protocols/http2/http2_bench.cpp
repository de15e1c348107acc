// The cost of a request on a connection of HTTP/2 from records to Exchange: as h2load sends it, as
// a browser does, a call of gRPC; alone and among 100 open streams.
#include <benchmark/benchmark.h>

#include "protocols/http2/http2_talk.h"
#include "protocols/session/conversation.h"

namespace {

using namespace beyla;
using namespace beyla::protocols::http2;
using protocols::session::Conversation;

const Fields kBrowser = {{":method", "GET"},
                         {":scheme", "http"},
                         {":authority", "shop.example.com"},
                         {":path", "/api/v1/orders/4711?expand=items"},
                         {"user-agent", "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101"},
                         {"accept", "text/html,application/xhtml+xml"},
                         {"accept-encoding", "gzip, deflate, br"},
                         {"cookie", "session=0123456789abcdef0123456789abcdef"}};

// open: streams that wait while others come and go.
void run(benchmark::State& state, const Fields& request, const Fields& answer, bool grpc) {
  const auto open = static_cast<std::uint32_t>(state.range(0));
  Peer client;
  Peer server;
  Conversation talk;
  talk.ask(preface());
  talk.answer(settings());
  std::uint32_t stream = 1;
  for (; stream < 2 * open; stream += 2) talk.ask(client.get(stream, "/open"));
  for ([[maybe_unused]] auto step : state) {
    state.PauseTiming();  // the peers' work: some batches are made ahead
    constexpr int kBatch = 1000;
    std::vector<std::pair<std::string, std::string>> turns;
    for (int i = 0; i < kBatch; ++i, stream += 2) {
      std::string asked = client.head(stream, request, !grpc);
      if (grpc) asked += data(stream, std::string(20, 'q'));
      std::string answered = server.head(stream, answer, false) + data(stream, "0123456789", !grpc);
      if (grpc) answered += server.head(stream, {{"grpc-status", "0"}});
      turns.emplace_back(std::move(asked), std::move(answered));
    }
    state.ResumeTiming();
    for (const auto& [asked, answered] : turns) {
      talk.ask(asked);
      talk.answer(answered);
    }
    state.PauseTiming();
    talk.sink.exchanges.clear();
    state.ResumeTiming();
  }
  state.counters["per_request"] = benchmark::Counter(
      1000, benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}

const Fields kOk = {{":status", "200"}, {"content-type", "text/html"}, {"server", "nginx"}};
const Fields kCall = {{":method", "POST"},          {":scheme", "http"},
                      {":path", "/pkg.Service/Do"}, {":authority", "rpc"},
                      {"te", "trailers"},           {"content-type", "application/grpc"},
                      {"grpc-timeout", "100m"}};
const Fields kCallOk = {{":status", "200"}, {"content-type", "application/grpc"}};

BENCHMARK_CAPTURE(run, browser, kBrowser, kOk, false)->Arg(0)->Arg(100);
BENCHMARK_CAPTURE(run, grpc, kCall, kCallOk, true)->Arg(0)->Arg(100);

}  // namespace

BENCHMARK_MAIN();
