// The walk over frames. Input: a byte that chooses whose bytes they are and how they are cut, then
// bytes behind the preface.
// - Every frame that nghttp2's session tells of, we tell of, too: stream, end, bytes without
//   padding, codes, fields. It ignores frames of closed streams, we do not.
// - Cut in any way, and with what is not copied of DATA as holes, the walk tells the same and keeps
//   the same for recordings, up to where it loses the frames; from there on calls matter.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/byte_reader.h"
#include "protocols/http2/frame_reference.h"
#include "protocols/http2/frame_walker.h"
#include "protocols/http2/hpack_agreement.h"
#include "protocols/http2/http2_talk.h"

namespace {

using namespace beyla::protocols::http2;
namespace model = beyla::model;
namespace session = beyla::protocols::session;

void require(bool condition) {
  if (!condition) std::abort();
}

struct Telling {
  TellingKind kind{};
  std::uint32_t stream = 0;
  bool end_stream = false;
  std::optional<std::uint32_t> number;
  std::string block;
  bool operator==(const Telling&) const = default;
};

using Range = std::pair<std::uint64_t, std::uint64_t>;  // begin and end

// Until the frames are lost.
class Recorder final : public FrameListener, public session::RetentionSink {
 public:
  void on_block(const HeaderBlock& block, const FrameEnd&) override {
    require(block.stream != 0 && block.bytes.size() <= kMaxBlockBytes);
    add({.kind = block.pushed ? TellingKind::promise : TellingKind::block,
         .stream = block.stream,
         .end_stream = block.end_stream,
         .number = std::nullopt,
         .block = std::string(beyla::base::as_text(block.bytes))});
  }
  void on_data(std::uint32_t stream, std::optional<std::uint32_t> bytes, bool end_stream,
               const FrameEnd&) override {
    add({TellingKind::data, stream, end_stream, bytes, {}});
  }
  void on_reset(std::uint32_t stream, std::optional<std::uint32_t> code, const FrameEnd&) override {
    add({TellingKind::reset, stream, false, code, {}});
  }
  void on_goaway(std::optional<std::uint32_t> last_stream, const FrameEnd&) override {
    add({TellingKind::goaway, 0, false, last_stream, {}});
  }
  void on_frames_lost() override { lost = true; }
  void on_invalid() override { lost = true; }
  void on_over_limit() override { over_limit = lost = true; }
  void retain(model::ConnectionId, model::Direction, std::uint64_t offset,
              std::uint64_t length) override {
    if (lost || length == 0) return;
    if (!retained.empty() && retained.back().second == offset) {
      retained.back().second += length;
    } else {
      retained.emplace_back(offset, offset + length);
    }
  }

  std::vector<Telling> tellings;
  std::vector<Range> retained;
  bool lost = false;
  bool over_limit = false;

 private:
  void add(Telling&& telling) {
    if (!lost) tellings.push_back(std::move(telling));
  }
};

struct Layout {
  // Where nothing but its length is of interest: the content of DATA behind its first byte.
  std::vector<Range> contents;
  bool has_bad_padding = false;  // of DATA
};

Layout layout_of(std::string_view bytes, std::size_t begin) {
  Layout layout;
  while (bytes.size() - begin >= kFrameHeaderBytes) {
    const FrameHeader header =
        read_frame_header(beyla::base::as_bytes(bytes.substr(begin, kFrameHeaderBytes)));
    begin += kFrameHeaderBytes;
    const std::size_t end = std::min(begin + header.length, bytes.size());
    if (header.type == FrameType::data) {
      if (end - begin > 1) layout.contents.emplace_back(begin + 1, end);
      const bool bad = end == begin || static_cast<std::uint8_t>(bytes[begin]) >= header.length;
      layout.has_bad_padding = layout.has_bad_padding || (header.has(kPadded) && bad);
    }
    begin = end;
  }
  return layout;
}

struct Walk {
  explicit Walk(bool from_client)
      : walker(recorder,
               {.id = 1,
                .role = from_client ? model::Role::server : model::Role::client,
                .seen_from_start = true,
                .local = {},
                .remote = {},
                .slot = {}},
               model::Direction::received, &recorder) {}

  void feed(std::string_view bytes, bool starts_record) {
    session::Segment segment;
    segment.offset = std::exchange(offset, offset + bytes.size());
    segment.bytes = beyla::base::as_bytes(bytes);
    segment.starts_record = starts_record;
    walker.on_bytes(segment);
    check_memory();
  }
  void pass(std::size_t length) {
    session::Hole hole;
    hole.offset = std::exchange(offset, offset + length);
    hole.length = length;
    const auto kind = walker.on_hole(hole);
    if (!recorder.lost) require(kind == session::HoleKind::content);
    check_memory();
  }
  void check_memory() const {
    require(walker.memory_bytes() <= 2 * kMaxBlockBytes + (std::size_t{1} << 14U));
  }

  Recorder recorder;
  FrameWalker walker;
  std::uint64_t offset = 0;
};

// In pieces of that many bytes; what stands in contents was not copied.
void walk_in_pieces(Walk& walk, std::string_view bytes, std::size_t piece,
                    std::span<const Range> contents) {
  for (std::size_t at = 0; at < bytes.size();) {
    while (!contents.empty() && contents.front().second <= at) contents = contents.subspan(1);
    const bool inside = !contents.empty() && contents.front().first <= at;
    std::size_t end = std::min(at + piece, bytes.size());
    if (!contents.empty()) {
      end = std::min(end, inside ? contents.front().second : contents.front().first);
    }
    if (inside) {
      walk.pass(end - at);
    } else {
      walk.feed(bytes.substr(at, end - at), true);
    }
    at = end;
  }
}

bool agrees(const Telling& ours, const ReferenceFrame& theirs, HpackDecoder& fields) {
  bool agreed = ours.kind == theirs.kind && ours.stream == theirs.stream &&
                ours.end_stream == theirs.end_stream &&
                ours.number.value_or(theirs.number) == theirs.number;
  if (ours.kind != TellingKind::block && ours.kind != TellingKind::promise) return agreed;
  // Each block goes through the decoder, whether nghttp2 ignores its stream or not.
  ToldFieldSink sink;
  const bool decoded = fields.decode(beyla::base::as_bytes(ours.block), sink);
  if (!agreed || !decoded || sink.fields.size() != theirs.fields.size()) return false;
  const Agreement agreement = compare(sink.fields, theirs.fields);
  return agreement.wrong == 0 && agreement.unknown == 0;
}

// Theirs stand among ours, in order. Of a closed stream it ignores wrong padding, too (RFC 9113
// §6.1 does not).
void compare_with_nghttp2(const Recorder& ours, const Layout& layout,
                          std::span<const ReferenceFrame> theirs) {
  HpackDecoder fields;
  for (const Telling& telling : ours.tellings) {
    if (theirs.empty()) return;
    if (agrees(telling, theirs.front(), fields)) theirs = theirs.subspan(1);
  }
  require(theirs.empty() || ours.over_limit || layout.has_bad_padding);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const bool from_client = (data[0] & 1U) == 0;
  const std::string begin = from_client ? preface() : settings();
  const std::string bytes =
      begin + std::string(beyla::base::as_text(std::as_bytes(std::span(data + 1, size - 1))));

  Walk whole(from_client);
  whole.feed(bytes, true);
  ReferenceSession reference(from_client);
  const Layout layout = layout_of(bytes, from_client ? kPreface.size() : 0);
  compare_with_nghttp2(whole.recorder, layout, reference.read(bytes));

  const std::size_t piece = 1 + (data[0] >> 2U);
  Walk cut(from_client);
  walk_in_pieces(cut, bytes, piece, {});
  require(cut.recorder.tellings == whole.recorder.tellings);
  require(cut.recorder.retained == whole.recorder.retained);
  require(cut.recorder.lost == whole.recorder.lost);

  Walk sparse(from_client);
  walk_in_pieces(sparse, bytes, (data[0] & 2U) == 0 ? piece : bytes.size(), layout.contents);
  require(sparse.recorder.tellings == whole.recorder.tellings);
  require(sparse.recorder.retained == whole.recorder.retained);
  require(sparse.recorder.lost == whole.recorder.lost);
  return 0;
}
