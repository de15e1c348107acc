#include "protocols/http1/head_scanner.h"

#include <algorithm>
#include <limits>

#include "base/byte_reader.h"
#include "protocols/http1/octets.h"
#include "protocols/http1/trace_parent.h"
#include "protocols/http2/grpc.h"

namespace beyla::protocols::http1 {
namespace {

constexpr std::string_view kVersionPrefix = "HTTP/1.";
constexpr std::size_t kVersionBytes = 8;
constexpr std::size_t kStatusLineMinBytes = 12;  // "HTTP/1.1 200"; RFC 9112 §4
constexpr std::uint16_t kMinStatus = 100;        // RFC 9110 §15
constexpr std::uint16_t kMaxStatus = 599;

bool is_token(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, is_token_octet);
}

bool is_target(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, is_target_octet);
}

bool equals_ignoring_case(std::string_view text, std::string_view lower) {
  return std::ranges::equal(text, lower, {}, to_lower);
}

std::string_view trim(std::string_view text) {
  constexpr std::string_view kBlank = " \t";  // RFC 9110 §5.6.3: OWS
  const auto first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

// Lines of a text, their ends taken off. RFC 9112 §2.2: a lone LF also ends a line.
class LineCursor {
 public:
  explicit LineCursor(std::string_view text) : text_(text) {}

  [[nodiscard]] std::optional<std::string_view> next() {
    const auto feed = text_.find('\n', position_);
    if (feed == std::string_view::npos) return std::nullopt;
    std::string_view line = text_.substr(position_, feed - position_);
    position_ = feed + 1;
    if (line.ends_with('\r')) line.remove_suffix(1);
    return line;
  }
  [[nodiscard]] std::size_t position() const { return position_; }
  // In what was not taken yet, or npos.
  [[nodiscard]] std::size_t find(char letter) const { return text_.find(letter, position_); }

 private:
  std::string_view text_;
  std::size_t position_ = 0;
};

std::optional<std::uint64_t> parse_decimal(std::string_view text) {
  constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();
  constexpr std::uint64_t kBase = 10;
  if (text.empty()) return std::nullopt;
  std::uint64_t value = 0;
  for (const char letter : text) {
    if (letter < '0' || letter > '9') return std::nullopt;
    const auto digit = static_cast<std::uint64_t>(letter - '0');
    if (value > (kMax - digit) / kBase) return std::nullopt;
    value = value * kBase + digit;
  }
  return value;
}

// Calls visit with each element of a comma list; stops when it says false, and says so.
template <typename Visit>
bool for_each_element(std::string_view list, Visit visit) {
  for (std::size_t begin = 0; begin <= list.size();) {
    const auto comma = std::min(list.find(',', begin), list.size());
    if (!visit(trim(list.substr(begin, comma - begin)))) return false;
    begin = comma + 1;
  }
  return true;
}

// RFC 9110 §8.6: repeated values are fine while they are equal.
bool take_content_length(std::string_view value, Framing& framing) {
  return for_each_element(value, [&framing](std::string_view element) {
    const auto length = parse_decimal(element);
    if (!length || (framing.content_length && *framing.content_length != *length)) return false;
    framing.content_length = length;
    return true;
  });
}

// RFC 9112 §6.3: only the last coding says how the message ends.
void take_transfer_encoding(std::string_view value, Framing& framing) {
  for_each_element(value, [&framing](std::string_view element) {
    if (element.empty()) return true;
    framing.chunked = equals_ignoring_case(element, "chunked");
    framing.other_coding = !framing.chunked;
    return true;
  });
}

// What the fields say; each kind of head takes what it needs.
struct Fields {
  Framing framing;
  bool upgrade = false;
  bool to_http2 = false;
  bool expect_continue = false;
  std::string_view trace_parent;
  std::size_t trace_parents = 0;  // lines of it
  http2::GrpcWeb grpc_web = http2::GrpcWeb::none;
  std::optional<std::uint32_t> grpc_status;
};

bool take_field(std::string_view name, std::string_view value, Fields& fields) {
  constexpr std::string_view kContentLength = "content-length";
  constexpr std::string_view kTransferEncoding = "transfer-encoding";
  constexpr std::string_view kConnection = "connection";
  constexpr std::string_view kExpect = "expect";
  constexpr std::string_view kUpgrade = "upgrade";
  constexpr std::string_view kTraceParent = "traceparent";
  constexpr std::string_view kGrpcStatus = "grpc-status";
  constexpr std::string_view kContentType = "content-type";
  static_assert(kGrpcStatus.size() == kTraceParent.size());
  switch (name.size()) {  // the length alone rules nearly every field out
    case kContentLength.size():
      if (!equals_ignoring_case(name, kContentLength)) return true;
      return take_content_length(value, fields.framing);
    case kTransferEncoding.size():
      if (equals_ignoring_case(name, kTransferEncoding)) {
        take_transfer_encoding(value, fields.framing);
      }
      return true;
    case kConnection.size():
      if (!equals_ignoring_case(name, kConnection)) return true;
      for_each_element(value, [&fields](std::string_view element) {
        fields.upgrade = fields.upgrade || equals_ignoring_case(element, "upgrade");
        return true;
      });
      return true;
    case kUpgrade.size():
      if (equals_ignoring_case(name, kUpgrade)) {
        fields.to_http2 = equals_ignoring_case(value, "h2c");  // RFC 7540 §3.2
      }
      return true;
    case kExpect.size():  // RFC 9110 §10.1.1
      if (equals_ignoring_case(name, kExpect)) {
        fields.expect_continue = equals_ignoring_case(value, "100-continue");
      }
      return true;
    case kTraceParent.size():
      if (equals_ignoring_case(name, kGrpcStatus))
        fields.grpc_status = http2::grpc_status_of(value);
      if (!equals_ignoring_case(name, kTraceParent)) return true;
      fields.trace_parent = value;
      ++fields.trace_parents;
      return true;
    case kContentType.size():
      if (equals_ignoring_case(name, kContentType)) fields.grpc_web = http2::grpc_web_of(value);
      return true;
    default: return true;
  }
}

// RFC 9112 §5.2: a folded line continues the field before. Folding is obsolete; where it would
// change the framing, the head is not believed.
bool may_fold(std::string_view previous_name) {
  return !previous_name.empty() && !equals_ignoring_case(previous_name, "content-length") &&
         !equals_ignoring_case(previous_name, "transfer-encoding");
}

HeadStatus scan_fields(LineCursor& lines, Fields& fields) {
  std::string_view name;
  const std::size_t nul = lines.find('\0');
  while (const auto line = lines.next()) {
    if (line->empty()) return HeadStatus::complete;
    // RFC 9110 §5.5: CR and NUL in a value are dangerous; never sent by honest peers.
    if (nul < lines.position() || line->contains('\r')) return HeadStatus::invalid;
    if (line->front() == ' ' || line->front() == '\t') {
      if (!may_fold(name)) return HeadStatus::invalid;
      if (equals_ignoring_case(name, "traceparent")) ++fields.trace_parents;
      continue;
    }
    const auto colon = line->find(':');
    if (colon == std::string_view::npos) return HeadStatus::invalid;
    name = line->substr(0, colon);  // RFC 9112 §5.1: no space before the colon
    if (!is_token(name)) return HeadStatus::invalid;
    if (!take_field(name, trim(line->substr(colon + 1)), fields)) {
      return HeadStatus::invalid;
    }
  }
  return HeadStatus::incomplete;
}

// "HTTP/1.0" or "HTTP/1.1"; RFC 9112 §2.3.
std::optional<std::uint8_t> parse_version(std::string_view text) {
  if (text.size() != kVersionBytes || !text.starts_with(kVersionPrefix)) return std::nullopt;
  const char minor = text.back();
  if (minor != '0' && minor != '1') return std::nullopt;
  return static_cast<std::uint8_t>(minor - '0');
}

bool scan_request_line(std::string_view line, RequestHead& head) {
  const auto method_end = line.find(' ');
  if (method_end == std::string_view::npos || method_end > kMaxMethodBytes) return false;
  const auto target_end = line.rfind(' ');
  if (target_end <= method_end) return false;
  head.method = line.substr(0, method_end);
  head.target = line.substr(method_end + 1, target_end - method_end - 1);
  const auto version = parse_version(line.substr(target_end + 1));
  if (!version || !is_token(head.method) || !is_target(head.target)) return false;
  head.minor_version = *version;
  return true;
}

bool scan_status_line(std::string_view line, ResponseHead& head) {
  if (line.size() < kStatusLineMinBytes) return false;
  const auto version = parse_version(line.substr(0, kVersionBytes));
  if (!version || line[kVersionBytes] != ' ') return false;
  // RFC 9112 §4 wants a space before an empty reason too; servers forget it.
  if (line.size() > kStatusLineMinBytes && line[kStatusLineMinBytes] != ' ') return false;
  const auto code = parse_decimal(line.substr(kVersionBytes + 1, 3));
  if (!code || *code < kMinStatus || *code > kMaxStatus) return false;
  head.status_code = static_cast<std::uint16_t>(*code);
  head.minor_version = *version;
  return line.find('\r') == std::string_view::npos;
}

HeadStatus take_request_line(LineCursor& lines, RequestHead& head) {
  auto line = lines.next();
  for (std::size_t i = 0; i < kMaxLeadingLines && line && line->empty(); ++i) line = lines.next();
  if (!line) return HeadStatus::incomplete;
  return scan_request_line(*line, head) ? HeadStatus::complete : HeadStatus::invalid;
}

HeadStatus take_status_line(LineCursor& lines, ResponseHead& head) {
  const auto line = lines.next();
  if (!line) return HeadStatus::incomplete;
  return scan_status_line(*line, head) ? HeadStatus::complete : HeadStatus::invalid;
}

}  // namespace

RequestParse parse_request_line(std::span<const std::byte> bytes) {
  RequestParse result;
  LineCursor lines(base::as_text(bytes));
  result.status = take_request_line(lines, result.head);
  result.length = lines.position();
  return result;
}

RequestParse parse_request_head(std::span<const std::byte> bytes) {
  RequestParse result;
  LineCursor lines(base::as_text(bytes.first(std::min(bytes.size(), kMaxHeadBytes))));
  result.status = take_request_line(lines, result.head);
  if (result.status != HeadStatus::complete) return result;
  Fields fields;
  result.status = scan_fields(lines, fields);
  result.length = lines.position();
  result.head.upgrade = fields.upgrade;
  result.head.expect_continue = fields.expect_continue;
  if (fields.trace_parents == 1) {
    result.head.trace_parent = parse_trace_parent(fields.trace_parent);
  }
  result.head.framing = fields.framing;
  result.head.grpc_web = fields.grpc_web;
  return result;
}

ResponseParse parse_status_line(std::span<const std::byte> bytes) {
  ResponseParse result;
  LineCursor lines(base::as_text(bytes));
  result.status = take_status_line(lines, result.head);
  result.length = lines.position();
  return result;
}

ResponseParse parse_response_head(std::span<const std::byte> bytes) {
  ResponseParse result;
  LineCursor lines(base::as_text(bytes.first(std::min(bytes.size(), kMaxHeadBytes))));
  result.status = take_status_line(lines, result.head);
  if (result.status != HeadStatus::complete) return result;
  Fields fields;
  result.status = scan_fields(lines, fields);
  result.head.upgrade = fields.upgrade;
  result.head.to_http2 = fields.to_http2;
  result.head.grpc_web = fields.grpc_web;
  result.head.grpc_status = fields.grpc_status;
  result.head.framing = fields.framing;
  result.length = lines.position();
  return result;
}

std::string_view path_of(std::string_view target) {
  std::string_view path = target.substr(0, target.find('?'));
  path = path.substr(0, path.find('#'));
  if (path.starts_with('/')) return path;
  constexpr std::string_view kSchemeEnd = "://";
  const auto scheme_end = path.find(kSchemeEnd);
  if (scheme_end == std::string_view::npos) {
    // The authority-form of CONNECT; userinfo is none of its parts, and a secret. A password may
    // hold what would end it.
    if (target.substr(path.size()).contains('@')) return {};
    return path.substr(path.rfind('@') + 1);
  }
  const auto slash = path.find('/', scheme_end + kSchemeEnd.size());
  return slash == std::string_view::npos ? std::string_view{"/"} : path.substr(slash);
}

}  // namespace beyla::protocols::http1
