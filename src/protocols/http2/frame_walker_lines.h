// For tests: a walk over the frames of one direction, and what it tells as lines of text. One
// thread.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/byte_reader.h"
#include "protocols/http2/frame_walker.h"

namespace beyla::protocols::http2 {

using Lines = std::vector<std::string>;

inline std::string number(std::optional<std::uint32_t> value) {
  return value ? std::to_string(*value) : "?";
}

// A line for each call: "block 3 end text", "data 3 5", "reset 1 8", "goaway 5", "lost".
class Listener final : public FrameListener {
 public:
  void on_block(const HeaderBlock& block, const FrameEnd&) override {
    lines.push_back((block.pushed ? "promise " : "block ") + std::to_string(block.stream) +
                    (block.end_stream ? " end " : " ") + (block.broken ? "broken " : "") +
                    std::string(base::as_text(block.bytes)));
  }
  void on_data(std::uint32_t stream, std::optional<std::uint32_t> bytes, bool end_stream,
               const FrameEnd&) override {
    lines.push_back("data " + std::to_string(stream) + ' ' + number(bytes) +
                    (end_stream ? " end" : ""));
  }
  void on_reset(std::uint32_t stream, std::optional<std::uint32_t> code, const FrameEnd&) override {
    lines.push_back("reset " + std::to_string(stream) + ' ' + number(code));
  }
  void on_goaway(std::optional<std::uint32_t> last_stream, const FrameEnd&) override {
    lines.push_back("goaway " + number(last_stream));
  }
  void on_frames_lost() override { lines.emplace_back("lost"); }
  void on_invalid() override { lines.emplace_back("invalid"); }
  void on_over_limit() override { lines.emplace_back("limit"); }

  Lines lines;
};

// Of a server's bytes, if not told otherwise.
class Walk {
 public:
  explicit Walk(bool from_client = false, bool from_start = true)
      : walker_(listener_, connection(from_client, from_start), model::Direction::received,
                nullptr) {}

  Walk& feed(std::string_view bytes, bool starts_record = true) {
    session::Segment segment;
    segment.offset = std::exchange(offset_, offset_ + bytes.size());
    segment.bytes = base::as_bytes(bytes);
    segment.starts_record = starts_record;
    walker_.on_bytes(segment);
    return *this;
  }
  Walk& miss(std::size_t length) {
    session::Hole hole;
    hole.offset = std::exchange(offset_, offset_ + length);
    hole.length = length;
    static_cast<void>(walker_.on_hole(hole));
    return *this;
  }
  Walk& begin_at(std::uint64_t offset) {
    offset_ = offset;
    return *this;
  }
  [[nodiscard]] const Lines& lines() const { return listener_.lines; }
  [[nodiscard]] FrameWalker& walker() { return walker_; }

 private:
  static model::ConnectionInfo connection(bool from_client, bool from_start) {
    model::ConnectionInfo info;
    info.role = from_client ? model::Role::server : model::Role::client;
    info.seen_from_start = from_start;
    return info;
  }

  Listener listener_;
  FrameWalker walker_;
  std::uint64_t offset_ = 0;
};

}  // namespace beyla::protocols::http2
