#include "agent/processor/recorder.h"

#include <span>

#include "capture/record_encoder.h"
#include "capture/target_messages.h"
#include "protocols/calls/semantics.h"

namespace beyla::processor {

using capture::make_target_message;
using capture::replay::EntryKind;
using capture::replay::moment;

namespace {

moment to_moment(base::BootTime time) {
  return {static_cast<std::uint64_t>(time.time_since_epoch().count())};
}

template <typename T>
std::span<const std::byte> bytes_of(const T& value) {
  return std::as_bytes(std::span(&value, 1));
}

}  // namespace

template <typename Event>
void Recorder::append_event(const Event& event) {
  record_.clear();
  capture::encode_record(event, record_);
  writer_.append(EntryKind::event, record_);
}

void Recorder::on_data(const model::StreamData& event) {
  head_.assign(event.head.begin(), event.head.end());
  tail_.assign(event.tail.begin(), event.tail.end());
  mask_.apply(event, head_, tail_);
  model::StreamData masked = event;
  masked.head = head_;
  masked.tail = tail_;
  append_event(masked);
}

void Recorder::on_opened(const model::ConnectionOpened& event) { append_event(event); }
void Recorder::on_send_closed(const model::SendClosed& event) { append_event(event); }
void Recorder::on_closed(const model::ConnectionClosed& event) { append_event(event); }

void Recorder::on_call(const model::FunctionCall& call) {
  append_event(protocols::calls::without_secrets(call));
}

void Recorder::on_selected(const model::TargetProcess& target, base::BootTime time) {
  const auto message =
      make_target_message(abi::kTargetSelected, target.key, time, target.service.name);
  writer_.append(EntryKind::target_change, bytes_of(message));
}

void Recorder::on_rejected(const model::ProcessKey& key, base::BootTime time) {
  const auto message = make_target_message(abi::kTargetRejected, key, time, "");
  writer_.append(EntryKind::target_change, bytes_of(message));
}

void Recorder::on_exited(const model::ProcessKey& key, base::BootTime time) {
  const auto message = make_target_message(abi::kTargetExited, key, time, "");
  writer_.append(EntryKind::target_change, bytes_of(message));
}

void Recorder::on_tick(base::BootTime time) {
  const moment now = to_moment(time);
  writer_.append(EntryKind::tick, bytes_of(now));
}

void Recorder::finish(base::BootTime time) {
  const moment now = to_moment(time);
  writer_.append(EntryKind::end, bytes_of(now));
  writer_.finish();
}

}  // namespace beyla::processor
