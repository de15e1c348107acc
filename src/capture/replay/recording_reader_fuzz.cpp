#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>

#include "capture/replay/player.h"
#include "capture/replay/recording_reader.h"

namespace {

using beyla::base::BootTime;
namespace model = beyla::model;

struct Touch final : model::EventSink, model::TargetSink, beyla::capture::replay::TickSink {
  BootTime latest;
  std::size_t sum = 0;
  void see(BootTime time) { latest += (time - latest) / 2; }  // both signs must not overflow
  void on_opened(const model::ConnectionOpened& event) override { see(event.time); }
  void on_data(const model::StreamData& event) override {
    see(event.time);
    if (event.arrival) see(*event.arrival);
    for (const auto byte : event.head) sum += static_cast<std::size_t>(byte);
    for (const auto byte : event.tail) sum += static_cast<std::size_t>(byte);
  }
  void on_send_closed(const model::SendClosed& event) override { see(event.time); }
  void on_closed(const model::ConnectionClosed& event) override { see(event.time); }
  void on_selected(const model::TargetProcess& target, BootTime time) override {
    sum += target.service.name.size();
    see(time);
  }
  void on_rejected(const model::ProcessKey&, BootTime time) override { see(time); }
  void on_exited(const model::ProcessKey&, BootTime time) override { see(time); }
  void on_tick(BootTime time) override { see(time); }
};

}  // namespace

// The low seven bits of the first byte choose how many bytes a read returns; with the high one the
// input is what stands behind a header that is right.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace replay = beyla::capture::replay;
  if (size == 0) return 0;
  const std::size_t step = (std::size_t{*data} & 0x7fU) + 1;
  std::string text;
  if ((*data & 0x80U) != 0) {
    const replay::recording_header header{replay::kMagic, replay::kFormatVersion,
                                          beyla::abi::kAbiVersion, 0};
    text.assign(reinterpret_cast<const char*>(&header), sizeof(header));
  }
  text.append(reinterpret_cast<const char*>(data) + 1, size - 1);
  std::size_t at = 0;
  auto source = [&](std::span<std::byte> buffer) -> beyla::base::Result<std::size_t> {
    const std::size_t count = std::min({step, buffer.size(), text.size() - at});
    std::memcpy(buffer.data(), text.data() + at, count);
    at += count;
    return count;
  };
  auto reader = replay::RecordingReader::make(source, "input");
  if (!reader) return 0;
  Touch touch;
  beyla::capture::DecoderCounts counts;
  const auto ending = replay::play(*reader, {touch, touch, touch}, counts);
  if (reader->position() > text.size()) __builtin_trap();
  if (!ending.failure && reader->position() != text.size()) __builtin_trap();
  return 0;
}
