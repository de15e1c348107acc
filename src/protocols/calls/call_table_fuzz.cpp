// Calls, sockets' requests, closes and ticks in any order: the books balance at the end. Eight
// bytes are one event; the rest of the input is the texts of all of them.
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string_view>

#include "protocols/calls/made_calls.h"
#include "protocols/calls/semantics.h"

namespace {

using beyla::model::CallKind;
using beyla::protocols::calls::at_ms;
using beyla::protocols::calls::CallTable;
using beyla::protocols::calls::KeepingSink;
using beyla::protocols::calls::made_call;

constexpr std::size_t kEventBytes = 8;
constexpr std::size_t kMaxEvents = 4096;
constexpr std::uint8_t kKinds = static_cast<std::uint8_t>(CallKind::trace_parent);

struct Run {
  KeepingSink sink;
  CallTable table{sink};
  std::int64_t now_ms = 0;
  std::size_t on_sockets = 0;
  std::string_view text;

  void step(std::span<const std::uint8_t> bytes) {
    now_ms += bytes[7];
    const std::uint8_t what = bytes[0] % (kKinds + 5);
    if (what == kKinds) return table.tidy(at_ms(now_ms));
    if (what == kKinds + 1) return table.on_closed({at_ms(now_ms), bytes[1] % 4U});
    if (what == kKinds + 2) return table.on_exited({bytes[1] % 2U, 0, 1}, at_ms(now_ms));
    if (what == kKinds + 3) return send(bytes);
    if (what == kKinds + 4) {
      const auto role = static_cast<beyla::model::Role>(bytes[2] % 3);
      return table.on_opened({at_ms(now_ms),
                              beyla::protocols::calls::made_connection(bytes[1] % 4U, role, 1, 2),
                              {bytes[3] % 2U, 0, 1}});
    }
    call(static_cast<CallKind>(1 + what), bytes);
  }

  void send(std::span<const std::uint8_t> bytes) {
    beyla::model::RequestBegun begun;
    begun.process = {bytes[1] % 2U, 0, 1};
    begun.role = static_cast<beyla::model::Role>(bytes[2] % 3);
    begun.connection = bytes[3] % 4;
    begun.time = at_ms(now_ms);
    table.on_begun(begun);
    ++on_sockets;
  }

  void call(CallKind kind, std::span<const std::uint8_t> bytes) {
    auto made = made_call(kind, now_ms, bytes[1] % 4, bytes[2] % 4);
    made.process = {bytes[3] % 2U, 0, 1};
    made.origin.goroutine_id = bytes[4] % 4;
    made.origin.context = bytes[4] / 64;
    made.owner = bytes[5] % 2;
    made.status = bytes[5] / 2U;
    made.connection = bytes[6] % 4;
    made.tls = (bytes[6] & 16U) != 0;
    made.failed = (bytes[6] & 32U) != 0;
    made.in_http = (bytes[6] & 64U) != 0;
    made.name = made.target = made.method = text;
    if ((bytes[6] & 128U) != 0) made.name = {};  // a head, where it is a trace parent
    table.on_call(beyla::protocols::calls::without_secrets(made));
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::span<const std::uint8_t> bytes(data, size);
  const std::size_t events = std::min(size / kEventBytes, kMaxEvents);
  Run run;
  run.text = {reinterpret_cast<const char*>(data) + events * kEventBytes,
              size - events * kEventBytes};
  for (std::size_t i = 0; i < events; ++i) {
    run.step(bytes.subspan(i * kEventBytes, kEventBytes));
  }
  run.table.flush(at_ms(run.now_ms));
  const bool balanced =
      run.sink.in_flight() == run.on_sockets && run.sink.ended_twice == 0 && run.table.size() == 0;
  if (!balanced) std::abort();
  return 0;
}
