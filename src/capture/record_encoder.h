// Event -> record bytes of abi/events.h, for recordings: what record_decoder.h reads back is the
// same event. Appends to `out`. Pure functions, any thread.
#pragma once

#include <vector>

#include "model/event.h"

namespace beyla::capture {

void encode_record(const model::ConnectionOpened& event, std::vector<std::byte>& out);
// Takes head and tail as the event has them.
// REQUIRES: head.size() fits 16 bits, tail.size() 8 (as every decoded record).
void encode_record(const model::StreamData& event, std::vector<std::byte>& out);
void encode_record(const model::SendClosed& event, std::vector<std::byte>& out);
void encode_record(const model::ConnectionClosed& event, std::vector<std::byte>& out);
// A text longer than its field is cut. In call_record.cpp.
void encode_record(const model::FunctionCall& call, std::vector<std::byte>& out);

}  // namespace beyla::capture
