#include "probes/proof/report_message.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "base/byte_reader.h"
#include "probes/proof/point_message.h"

namespace beyla::probes::proof {
namespace {

constexpr std::uint32_t kFlags =
    abi::kGoGrpcStreamByValue | abi::kGoNoTlsServer | abi::kGoNoPatterns;

// Of the probes from 1 to `end`.
constexpr std::uint64_t bits_below(std::uint32_t end) { return (std::uint64_t{1} << end) - 2; }

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

bool is_go_probe(std::uint32_t probe) {
  return probe > abi::kGoProbeNone && probe < abi::kGoProbes;
}

bool is_tls_exit(std::uint32_t probe) {
  constexpr std::array kExits = {
      abi::kTlsReadExit,       abi::kTlsReadExExit,     abi::kTlsWriteExit,
      abi::kTlsWriteExExit,    abi::kTlsHandshakeExit,  abi::kTlsRecordRecvExit,
      abi::kTlsRecordSendExit, abi::kTlsShutdownExit,   abi::kTlsReadInnerExit,
      abi::kTlsWriteInnerExit, abi::kTlsWriteFlagsExit, abi::kSealAt10Exit,
      abi::kSealAt14Exit,      abi::kSealAt20Exit,      abi::kSealAt24Exit,
      abi::kOpen13Exit,        abi::kOpen12At10Exit,    abi::kOpen12At1cExit};
  return std::ranges::find(kExits, probe) != kExits.end();
}

bool is_tls_probe(std::uint32_t probe) {
  const bool by_return = (probe & abi::kTlsByReturn) != 0;
  const std::uint32_t plain = probe & ~std::uint32_t{abi::kTlsByReturn};
  return plain > 0 && plain < abi::kTlsProbes && (!by_return || is_tls_exit(plain));
}

bool fits_its_kind(const abi::binary_report& frame, std::span<const abi::probe_point> points) {
  const bool is_tls = frame.kind == abi::kBinaryTls || frame.kind == abi::kBinaryTlsUnseen;
  const std::uint64_t named = frame.inlined | frame.left_out;
  const bool no_image = is_zero(std::as_bytes(std::span(&frame.go, 1)));
  if ((named &
       ~bits_below(is_tls ? std::uint32_t{abi::kTlsProbes} : std::uint32_t{abi::kGoProbes})) != 0)
    return false;
  switch (frame.kind) {
    case abi::kBinaryOther:
    case abi::kBinaryTlsUnseen: return points.empty() && no_image;
    case abi::kBinaryGo:
      return !points.empty() && is_go_image(frame.go) &&
             std::ranges::all_of(points, is_go_probe, &abi::probe_point::probe);
    case abi::kBinaryTls:
      return !points.empty() && no_image &&
             std::ranges::all_of(points, is_tls_probe, &abi::probe_point::probe);
    default: return false;
  }
}

}  // namespace

std::optional<BinaryReport> decode_report(std::span<const std::byte> message) {
  if (message.size() != sizeof(abi::binary_report)) return std::nullopt;
  const auto frame = base::ByteReader(message).read_struct<abi::binary_report>();
  if (!frame || frame->version != abi::kBinaryReportVersion) return std::nullopt;
  if (frame->length != sizeof(abi::binary_report) || frame->padding != 0) return std::nullopt;
  auto text = decode_text(std::as_bytes(std::span(frame->text)));
  auto points = decode_points(std::as_bytes(std::span(&frame->points, 1)));
  if (!text || !points || !fits_its_kind(*frame, *points)) return std::nullopt;
  return BinaryReport{.kind = static_cast<abi::binary_kind>(frame->kind),
                      .text = std::move(*text),
                      .inlined = frame->inlined,
                      .left_out = frame->left_out,
                      .go = frame->go,
                      .points = std::move(*points)};
}

}  // namespace beyla::probes::proof
