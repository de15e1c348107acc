// Hands each record to all who make something of it, in the order that they need: what it completes
// is begun before the linker learns who received it; what it ends is over before its connection is
// forgotten. The shard's thread.
#pragma once

#include "agent/processor/recorder.h"
#include "protocols/calls/call_table.h"
#include "protocols/session/session_table.h"
#include "spans/linker.h"

namespace beyla::processor {

class EventSplitter final : public model::EventSink {
 public:
  // They must outlive this. recorder: null where nothing is recorded; of the sockets' records it is
  // told by the sessions.
  EventSplitter(protocols::session::SessionTable& sessions, protocols::calls::CallTable& calls,
                spans::Linker& linker, Recorder* recorder)
      : sessions_(sessions), calls_(calls), linker_(linker), recorder_(recorder) {}

  void on_opened(const model::ConnectionOpened& event) override {
    calls_.on_opened(event);
    sessions_.on_opened(event);
  }
  void on_data(const model::StreamData& event) override {
    sessions_.on_data(event);
    linker_.on_data(event);
  }
  void on_send_closed(const model::SendClosed& event) override { sessions_.on_send_closed(event); }
  void on_closed(const model::ConnectionClosed& event) override {
    sessions_.on_closed(event);
    calls_.on_closed(event);
    linker_.on_closed(event);
  }
  void on_call(const model::FunctionCall& call) override {
    calls_.on_call(call);
    sessions_.encrypted().on_call(call.process);
    linker_.on_call(call);
    if (recorder_ != nullptr) recorder_->on_call(call);
  }

 private:
  protocols::session::SessionTable& sessions_;
  protocols::calls::CallTable& calls_;
  spans::Linker& linker_;
  Recorder* recorder_;
};

}  // namespace beyla::processor
