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

constexpr std::uint32_t bit(FrameType type) { return 1U << static_cast<unsigned>(type); }

constexpr std::uint32_t kKnownTypes = 0x3ff;  // RFC 9113 §6
// Of extensions that are in use: ALTSVC (RFC 7838), ORIGIN (RFC 8336), PRIORITY_UPDATE (RFC 9218).
constexpr std::uint32_t kExtensionTypes = 1U << 0x0aU | 1U << 0x0cU | 1U << 0x10U;

constexpr model::FrameWalk kFraming = {
    .opening = kPreface,
    .header_bytes = kFrameHeaderBytes,
    .length_at = 0,
    .length_bytes = 3,
    .type_at = 3,
    .known_types = kKnownTypes | kExtensionTypes,
    .wanted_types = bit(FrameType::headers) | bit(FrameType::push_promise) |
                    bit(FrameType::continuation) | bit(FrameType::rst_stream) |
                    bit(FrameType::settings) | bit(FrameType::goaway),
    .other_bytes = 1,              // DATA: the length of its padding
    .max_found_bytes = 1U << 14U,  // RFC 9113 §4.2: what all must take
};

}  // namespace

const ProtocolDescriptor kDescriptor = {
    .name = "http2",
    .detect = detect,
    .private_bytes = nullptr,
    .make = make,
    // Heads stand anywhere in a record, between the frames of other streams.
    .request_turn_bytes = model::kFramed,
    .answer_turn_bytes = model::kFramed,
    .min_answer_bytes = 1,
    .joins = joins,
    .answers_first = is_server_preface,
    .is_multiplexed = true,
    .framing = &kFraming,
};

}  // namespace beyla::protocols::http2
