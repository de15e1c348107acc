#include "capture/record_decoder.h"

#include <cstdlib>
#include <vector>

#include "capture/record_encoder.h"

namespace {

struct Touch final : beyla::model::EventSink {
  unsigned sum = 0;
  void on_opened(const beyla::model::ConnectionOpened& event) override {
    sum += event.connection.local.port;
  }
  void on_data(const beyla::model::StreamData& event) override {
    for (const auto byte : event.head) sum += static_cast<unsigned>(byte);
    for (const auto byte : event.tail) sum += static_cast<unsigned>(byte);
  }
  void on_send_closed(const beyla::model::SendClosed&) override { ++sum; }
  void on_closed(const beyla::model::ConnectionClosed&) override { ++sum; }
  // What was decoded can be recorded and read back.
  void on_call(const beyla::model::FunctionCall& call) override {
    for (const auto text : {call.method, call.name, call.target}) {
      for (const char letter : text) sum += static_cast<unsigned char>(letter);
    }
    if (again) return;
    std::vector<std::byte> bytes;
    beyla::capture::encode_record(call, bytes);
    Touch other;
    other.again = true;
    beyla::capture::DecoderCounts counts;
    beyla::capture::decode_record(bytes, other, counts);
    if (counts.malformed.value() != 0) std::abort();
  }
  bool again = false;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Touch sink;
  beyla::capture::DecoderCounts counts;
  beyla::capture::decode_record({reinterpret_cast<const std::byte*>(data), size}, sink, counts);
  return 0;
}
