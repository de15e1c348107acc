// Header blocks as connections repeat them, decoded by us and by nghttp2 in turns, so that both see
// the same moments of the machine. ns are of the best pass over a connection, per block.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "base/byte_reader.h"
#include "protocols/http2/hpack_decoder.h"
#include "protocols/http2/hpack_reference.h"

namespace {

using namespace beyla::protocols::http2;

constexpr std::size_t kBlocks = 200;
constexpr std::size_t kTableBytes = 4096;
constexpr std::array<std::string_view, 9> kWantedNames = {
    ":method",      ":path",       ":authority",  ":scheme", ":status",
    "content-type", "grpc-status", "traceparent", "te"};
constexpr HeaderSelection kWanted{kWantedNames};

using Connection = std::vector<std::string>;

std::string number(std::size_t i) { return std::to_string(1'000'000 + i * 7919); }

std::string trace_parent(std::size_t i) {
  std::string text = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  constexpr std::string_view kDigits = "0123456789abcdef";
  for (std::size_t at = 3; at < 52; ++at) {
    if (text[at] != '-') text[at] = kDigits[(i * 2654435761U + at * at * 40503U) >> 7U & 15U];
  }
  return text;
}

ReferenceFields browser_get(std::size_t i) {
  return {{":method", "GET"},
          {":scheme", "https"},
          {":authority", "shop.example.com"},
          {":path", "/api/v1/orders/" + number(i) + "?expand=items"},
          {"user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"},
          {"accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"},
          {"accept-language", "en-US,en;q=0.5"},
          {"accept-encoding", "gzip, deflate, br, zstd"},
          {"cookie", "session=0123456789abcdef0123456789abcdef; theme=dark"}};
}

ReferenceFields response(std::size_t i) {
  return {{":status", i % 10 == 0 ? "404" : "200"},
          {"content-type", "application/json; charset=utf-8"},
          {"content-length", number(i)},
          {"server", "nginx/1.22.1"},
          {"date", "Mon, 21 Oct 2013 20:13:" + std::to_string(10 + i / 20) + " GMT"},
          {"etag", "W/\"" + number(i) + "\""}};
}

ReferenceFields grpc_request(std::size_t i) {
  return {{":method", "POST"},
          {":scheme", "http"},
          {":path", "/shop.Orders/Get"},
          {":authority", "orders:50051"},
          {"content-type", "application/grpc"},
          {"user-agent", "grpc-go/1.66.0"},
          {"te", "trailers"},
          {"grpc-timeout", number(i) + "u"},
          {"traceparent", trace_parent(i)}};
}

ReferenceFields grpc_trailers(std::size_t i) {
  return {{"grpc-status", i % 20 == 0 ? "5" : "0"}, {"grpc-message", i % 20 == 0 ? "none" : ""}};
}

// Each as the first block of a connection: all is literal.
template <ReferenceFields (*fields)(std::size_t)>
Connection fresh() {
  return {ReferenceDeflater(kTableBytes).encode(fields(1))};
}

template <ReferenceFields (*fields)(std::size_t)>
Connection repeated() {
  ReferenceDeflater deflater(kTableBytes);
  Connection blocks;
  for (std::size_t i = 0; i < kBlocks; ++i) blocks.push_back(deflater.encode(fields(i)));
  return blocks;
}

struct SizeSink final : HeaderFieldSink {
  void on_field(const HeaderField& field) override {
    bytes += (field.name ? field.name->size() : 0) + (field.value ? field.value->size() : 0);
  }
  std::size_t bytes = 0;
};

void decode_ours(const Connection& blocks, const HeaderSelection& wanted) {
  HpackDecoder decoder(wanted);
  SizeSink sink;
  for (const std::string& block : blocks) {
    if (!decoder.decode(beyla::base::as_bytes(block), sink)) std::abort();
  }
  benchmark::DoNotOptimize(sink.bytes);
}

void decode_reference(const Connection& blocks) {
  ReferenceInflater inflater(kTableBytes);
  std::size_t bytes = 0;
  for (const std::string& block : blocks) {
    const bool decoded = inflater.decode(block, [&](std::string_view name, std::string_view value) {
      bytes += name.size() + value.size();
    });
    if (!decoded) std::abort();
  }
  benchmark::DoNotOptimize(bytes);
}

class BestPass {
 public:
  template <typename Pass>
  void time(Pass pass) {
    const auto begin = std::chrono::steady_clock::now();
    pass();
    const std::chrono::duration<double, std::nano> taken = std::chrono::steady_clock::now() - begin;
    ns_ = std::min(ns_, taken.count());
  }
  [[nodiscard]] double ns() const { return ns_; }

 private:
  double ns_ = std::numeric_limits<double>::max();
};

// A connection of one block is dear by the making of a decoder: that counts there.
template <Connection (*make)()>
void compared(benchmark::State& state) {
  const Connection blocks = make();
  BestPass wanted;
  BestPass all;
  BestPass reference;
  for ([[maybe_unused]] auto step : state) {
    wanted.time([&] { decode_ours(blocks, kWanted); });
    reference.time([&] { decode_reference(blocks); });
    all.time([&] { decode_ours(blocks, kEveryHeader); });
  }
  const auto count = static_cast<double>(blocks.size());
  state.counters["wanted_ns"] = wanted.ns() / count;
  state.counters["all_ns"] = all.ns() / count;
  state.counters["nghttp2_ns"] = reference.ns() / count;
  state.counters["ratio_wanted"] = wanted.ns() / reference.ns();
  state.counters["ratio_all"] = all.ns() / reference.ns();
}
BENCHMARK(compared<repeated<browser_get>>)->Name("browser_get");
BENCHMARK(compared<repeated<response>>)->Name("response");
BENCHMARK(compared<repeated<grpc_request>>)->Name("grpc_request");
BENCHMARK(compared<repeated<grpc_trailers>>)->Name("grpc_trailers");
BENCHMARK(compared<fresh<browser_get>>)->Name("browser_get_first");
BENCHMARK(compared<fresh<grpc_request>>)->Name("grpc_request_first");

}  // namespace

BENCHMARK_MAIN();
