#include "probes/proof/report_message.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "base/byte_reader.h"
#include "probes/proof/point_message.h"

namespace beyla::probes::proof {
namespace {

constexpr std::uint32_t kFlags =
    abi::kGoGrpcStreamByValue | abi::kGoNoTlsServer | abi::kGoNoPatterns;
constexpr std::uint64_t kProbeBits =
    (std::uint64_t{1} << abi::kGoProbes) - (std::uint64_t{1} << (abi::kGoProbeNone + 1));

bool is_zero(std::span<const std::byte> bytes) {
  return std::ranges::all_of(bytes, [](std::byte byte) { return byte == std::byte{0}; });
}

std::optional<std::string> decode_text(std::span<const std::byte> bytes) {
  constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyz0123456789_.";
  const std::string_view all = base::as_text(bytes);
  const auto text = all.substr(0, all.find_first_not_of(kLetters));
  if (text.empty() || text.size() == all.size() || !is_zero(bytes.subspan(text.size()))) {
    return std::nullopt;
  }
  return std::string(text);
}

bool is_go_image(const abi::go_image& go) {
  if ((go.flags & ~kFlags) != 0 || go.padding != 0) return false;
  const auto offsets = std::span(go.offset);
  const auto absent = [](std::uint16_t offset) { return offset == abi::kGoAbsentField; };
  return std::ranges::all_of(
             offsets.first(abi::kGoFields),
             [&](std::uint16_t offset) { return absent(offset) || offset <= abi::kMaxGoOffset; }) &&
         std::ranges::all_of(offsets.subspan(abi::kGoFields), absent);
}

bool is_known(const abi::probe_point& point) {
  return point.probe > abi::kGoProbeNone && point.probe < abi::kGoProbes;
}

}  // namespace

std::optional<BinaryReport> decode_report(std::span<const std::byte> message) {
  if (message.size() != sizeof(abi::binary_report)) return std::nullopt;
  const auto frame = base::ByteReader(message).read_struct<abi::binary_report>();
  if (!frame || frame->version != abi::kBinaryReportVersion) return std::nullopt;
  if (frame->length != sizeof(abi::binary_report) || frame->padding != 0) return std::nullopt;
  if (frame->kind != abi::kBinaryGo && frame->kind != abi::kBinaryOther) return std::nullopt;
  if (((frame->inlined | frame->left_out) & ~kProbeBits) != 0) return std::nullopt;
  auto text = decode_text(std::as_bytes(std::span(frame->text)));
  auto points = decode_points(std::as_bytes(std::span(&frame->points, 1)));
  if (!text || !points || !std::ranges::all_of(*points, is_known)) return std::nullopt;

  const bool is_go = frame->kind == abi::kBinaryGo;
  const bool says_nothing = points->empty() && is_zero(std::as_bytes(std::span(&frame->go, 1)));
  if (is_go ? points->empty() || !is_go_image(frame->go) : !says_nothing) return std::nullopt;
  return BinaryReport{.is_go = is_go,
                      .text = std::move(*text),
                      .inlined = frame->inlined,
                      .left_out = frame->left_out,
                      .go = frame->go,
                      .points = std::move(*points)};
}

}  // namespace beyla::probes::proof
