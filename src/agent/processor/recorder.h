// What the session table was given and who the targets are, written to a recording. Behind the
// table: the parsers have named the payload that may be kept, everything else is masked before it
// reaches the writer's buffer. The shard's thread only.
#pragma once

#include <optional>
#include <vector>

#include "base/result.h"
#include "capture/replay/recording_writer.h"
#include "model/target.h"
#include "protocols/session/payload_mask.h"
#include "protocols/session/retention.h"

namespace beyla::processor {

class Recorder final : public protocols::session::RecordTap, public model::TargetSink {
 public:
  explicit Recorder(capture::replay::RecordingWriter writer) : writer_(std::move(writer)) {}

  void retain(model::ConnectionId connection, model::Direction direction, std::uint64_t offset,
              std::uint64_t length) override {
    mask_.retain(connection, direction, offset, length);
  }
  void on_opened(const model::ConnectionOpened& event) override;
  void on_data(const model::StreamData& event) override;
  void on_send_closed(const model::SendClosed& event) override;
  void on_closed(const model::ConnectionClosed& event) override;
  void on_call(const model::FunctionCall& call) override;

  void on_selected(const model::TargetProcess& target, base::BootTime time) override;
  void on_rejected(const model::ProcessKey& key, base::BootTime time) override;
  void on_exited(const model::ProcessKey& key, base::BootTime time) override;

  // Housekeeping has run with this time.
  void on_tick(base::BootTime time);
  void flush() { writer_.flush(); }
  // Marks the recording as whole and closes it; nothing may follow.
  void finish(base::BootTime time);

  // Why the recording has ended before its time.
  [[nodiscard]] const std::optional<base::Error>& error() const { return writer_.error(); }

 private:
  template <typename Event>
  void append_event(const Event& event);

  capture::replay::RecordingWriter writer_;
  protocols::session::PayloadMask mask_;
  std::vector<std::byte> head_;
  std::vector<std::byte> tail_;
  std::vector<std::byte> record_;
};

}  // namespace beyla::processor
