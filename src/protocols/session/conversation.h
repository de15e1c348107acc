// For tests and fuzzers: plays a conversation into a SessionTable as the kernel would report it,
// and keeps what comes out. One thread.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <numeric>
#include <string>
#include <string_view>
#include <vector>

#include "base/byte_reader.h"
#include "model/event.h"
#include "protocols/registry.h"
#include "protocols/session/session_table.h"

namespace beyla::protocols::session {

class RecordingSink final : public model::ExchangeSink {
 public:
  model::RequestId on_begun(const model::RequestBegun& request) override {
    newest_begun = request;
    return ++begun;
  }
  void on_exchange(model::Exchange&& exchange) override {
    exchanges.push_back(std::move(exchange));
  }
  void on_incomplete(const model::Incomplete& request) override {
    ++incomplete[static_cast<std::size_t>(request.reason)];
    newest_incomplete = request;
    newest_incomplete.unanswered = nullptr;  // dead when this returns
  }
  void on_unpaired() override { ++unpaired; }
  void on_gap() override { ++gaps; }

  [[nodiscard]] std::size_t count(model::IncompleteReason reason) const {
    return incomplete[static_cast<std::size_t>(reason)];
  }

  // Requests that were seen and are neither exchange nor incomplete yet.
  [[nodiscard]] std::size_t in_flight() const {
    return std::accumulate(incomplete.begin(), incomplete.end(), begun - exchanges.size(),
                           std::minus<>());
  }

  std::size_t begun = 0;
  model::RequestBegun newest_begun;
  std::vector<model::Exchange> exchanges;
  std::array<std::size_t, static_cast<std::size_t>(model::IncompleteReason::kCount)> incomplete{};
  model::Incomplete newest_incomplete;
  std::size_t unpaired = 0;
  std::size_t gaps = 0;
};

class RecordingPolicies final : public model::CapturePolicySink {
 public:
  void set_policy(model::PolicySlot, model::CapturePolicy policy) override {
    policies.push_back(policy);
  }
  [[nodiscard]] bool ignored() const {
    return !policies.empty() && policies.back().received_turn_bytes == 0;
  }
  std::vector<model::CapturePolicy> policies;
};

// "GET /path 200 17": what must not depend on how the bytes were cut; "?" for an unknown size.
[[nodiscard]] inline std::string summary(const model::Exchange& exchange) {
  const auto& size = exchange.request_body_bytes;
  return exchange.semantics.operation + ' ' + exchange.semantics.target + ' ' +
         exchange.semantics.outcome + ' ' + (size ? std::to_string(*size) : std::string{"?"});
}

class Conversation {
 public:
  static constexpr model::ConnectionId kId = 7;

  explicit Conversation(model::Role role = model::Role::server, bool seen_from_start = true,
                        RecordTap* tap = nullptr)
      : role_(role), table_(sink, policies, registry(), tap) {
    model::ConnectionInfo info;
    info.id = kId;
    info.role = role;
    info.seen_from_start = seen_from_start;
    table_.on_opened({tick(), info});
  }

  void received(std::string_view text) { record(model::Direction::received, text, text.size(), 0); }
  void sent(std::string_view text) { record(model::Direction::sent, text, text.size(), 0); }
  // The same by what it means for the role; of an unknown role as for a server.
  void ask(std::string_view text) { record(asking(), text, text.size(), 0); }
  void answer(std::string_view text) { record(opposite(asking()), text, text.size(), 0); }
  [[nodiscard]] model::Direction asking() const { return request_direction(role_); }
  // Of text only the first head bytes and the last tail bytes were copied.
  void record(model::Direction direction, std::string_view text, std::size_t head,
              std::size_t tail) {
    model::StreamData event = prepare(direction, text.size());
    event.head = base::as_bytes(text.substr(0, head));
    event.tail = base::as_bytes(text.substr(text.size() - tail));
    table_.on_data(event);
  }
  // A record of which nothing was copied.
  void uncopied(model::Direction direction, std::size_t length) {
    table_.on_data(prepare(direction, length));
  }
  // Records that never reached us.
  void lose(model::Direction direction, std::size_t length) { position(direction) += length; }
  // The bytes leave now, their record comes when deliver_late() is called. The text must live on.
  void send_late(std::string_view text) {
    late_.push_back({position(model::Direction::sent), text});
    position(model::Direction::sent) += text.size();
  }
  void deliver_late() {
    for (const Late& late : late_) {
      model::StreamData event = prepare(model::Direction::sent, 0);
      event.offset = late.offset;
      event.total_bytes = static_cast<std::uint32_t>(late.text.size());
      event.head = base::as_bytes(late.text);
      table_.on_data(event);
    }
    late_.clear();
  }
  void close_send() { table_.on_send_closed({tick(), kId}); }
  void close() { table_.on_closed({tick(), kId}); }
  void flush() { table_.flush(tick()); }
  // As often as it takes to end every hold.
  void tidy() {
    for (std::size_t i = 0; i <= kMaxHeldRecords; ++i) table_.tidy(now_ += kMaxHoldTime);
  }

  [[nodiscard]] std::vector<std::string> summaries() const {
    std::vector<std::string> result;
    for (const auto& exchange : sink.exchanges) result.push_back(summary(exchange));
    return result;
  }
  [[nodiscard]] base::BootTime now() const { return now_; }
  [[nodiscard]] SessionTable& table() { return table_; }
  [[nodiscard]] std::uint64_t& position(model::Direction direction) {
    return positions_[static_cast<std::size_t>(direction)];
  }

  RecordingSink sink;
  RecordingPolicies policies;

 private:
  struct Late {
    std::uint64_t offset = 0;
    std::string_view text;
  };

  base::BootTime tick() { return now_ += std::chrono::milliseconds(1); }

  model::StreamData prepare(model::Direction direction, std::size_t length) {
    model::StreamData event;
    event.time = tick();
    event.connection = kId;
    event.direction = direction;
    event.offset = position(direction);
    event.other_offset = positions_[1 - static_cast<std::size_t>(direction)];
    event.total_bytes = static_cast<std::uint32_t>(length);
    if (direction == model::Direction::received) {
      event.arrival = event.time - std::chrono::microseconds(1);
    }
    position(direction) += length;
    return event;
  }

  model::Role role_;
  std::array<std::uint64_t, 2> positions_{};
  base::BootTime now_{};
  std::vector<Late> late_;
  SessionTable table_;
};

}  // namespace beyla::protocols::session
