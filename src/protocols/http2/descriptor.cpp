#include "protocols/http2/descriptor.h"

#include <algorithm>

#include "base/byte_reader.h"
#include "protocols/http2/frame.h"
#include "protocols/http2/http2_parser.h"

namespace beyla::protocols::http2 {
namespace {

DetectResult detect(model::Direction /*direction*/, std::span<const std::byte> bytes) {
  const std::string_view text = base::as_text(bytes);
  const std::size_t compared = std::min(text.size(), kPreface.size());
  if (text.substr(0, compared) != kPreface.substr(0, compared)) return DetectResult::no_match;
  return compared == kPreface.size() ? DetectResult::match : DetectResult::need_more;
}

bool joins(std::span<const std::byte> record) { return is_frame_chain(record, true); }

std::unique_ptr<session::ProtocolParser> make(const model::ConnectionInfo& connection,
                                              model::ExchangeSink& sink,
                                              session::RetentionSink* retention) {
  return std::make_unique<Http2Parser>(connection, sink, retention);
}

}  // namespace

const ProtocolDescriptor kDescriptor = {
    .name = "http2",
    .detect = detect,
    .private_bytes = nullptr,
    .make = make,
    // Heads stand anywhere in a record, between the frames of other streams.
    .request_turn_bytes = model::kEveryRecord,
    .answer_turn_bytes = model::kEveryRecord,
    .min_answer_bytes = 1,
    .joins = joins,
    .answers_first = is_server_preface,
    .is_multiplexed = true,
};

}  // namespace beyla::protocols::http2
