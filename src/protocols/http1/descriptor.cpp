#include "protocols/http1/descriptor.h"

#include <algorithm>
#include <string_view>

#include "base/byte_reader.h"
#include "protocols/http1/head_scanner.h"
#include "protocols/http1/http1_parser.h"
#include "protocols/http1/methods.h"
#include "protocols/http1/octets.h"

namespace beyla::protocols::http1 {
namespace {

// Requests: the largest head that we take. Answers: a status line and the fields that frame it come
// first in practice; bodies need none.
constexpr std::uint16_t kRequestTurnBytes = kMaxHeadBytes;
constexpr std::uint16_t kAnswerTurnBytes = 2048;

// RFC 9113 §3.4: the HTTP/2 preface is made to look like this method.
constexpr std::string_view kHttp2PrefaceMethod = "PRI";

// RFC 9112 §2.2: empty lines may come before a request.
DetectResult detect(model::Direction /*direction*/, std::span<const std::byte> bytes) {
  std::size_t blank = 0;
  while (blank < bytes.size() && blank < kMaxBlankBytes &&
         (bytes[blank] == std::byte{'\r'} || bytes[blank] == std::byte{'\n'})) {
    ++blank;
  }
  return detect_request(bytes.subspan(blank));
}

// "ET" of a "GET" whose first letter was read by another call, or before we joined.
bool is_end_of_method(std::string_view text) {
  return std::ranges::any_of(kMethods, [text](std::string_view method) {
    return method.size() > text.size() && method.ends_with(text);
  });
}

// A word in capitals that is no method may be a secret of another protocol.
std::size_t private_bytes(std::span<const std::byte> bytes) {
  const std::string_view text = base::as_text(bytes);
  const auto word = std::min(text.find_first_not_of("\r\n"), text.size());
  const auto* end = std::find_if_not(text.begin() + word, text.end(), is_method_letter);
  const auto length = static_cast<std::size_t>(end - text.begin());
  const std::string_view letters = text.substr(word, length - word);
  const bool is_public = begins_method(letters) || kHttp2PrefaceMethod.starts_with(letters) ||
                         operation_of(letters) != kOtherMethod || is_end_of_method(letters);
  return is_public ? 0 : length;
}

std::unique_ptr<session::ProtocolParser> make(const model::ConnectionInfo& connection,
                                              model::ExchangeSink& sink,
                                              session::RetentionSink* retention) {
  return std::make_unique<Http1Parser>(connection, sink, retention);
}

}  // namespace

DetectResult detect_request(std::span<const std::byte> bytes) {
  const std::string_view text = base::as_text(bytes);
  const auto* end = std::ranges::find_if_not(text, is_method_letter);
  const auto length = static_cast<std::size_t>(end - text.begin());
  if (length > kMaxMethodBytes) return DetectResult::no_match;
  if (length == text.size()) return DetectResult::need_more;
  const std::string_view method = text.substr(0, length);
  if (length == 0 || text[length] != ' ' || method == kHttp2PrefaceMethod) {
    return DetectResult::no_match;
  }
  if (operation_of(method) != kOtherMethod) return DetectResult::match;
  if (is_end_of_method(method)) return DetectResult::no_match;
  const std::string_view target = text.substr(length + 1);
  if (target.empty()) return DetectResult::need_more;
  if (target.front() == '/' || target.front() == '*') return DetectResult::match;
  constexpr std::string_view kScheme = "http";
  if (target.starts_with(kScheme)) return DetectResult::match;
  return kScheme.starts_with(target) ? DetectResult::need_more : DetectResult::no_match;
}

const ProtocolDescriptor kDescriptor = {"http1",           detect,           private_bytes,  make,
                                        kRequestTurnBytes, kAnswerTurnBytes, kMinAnswerBytes};

}  // namespace beyla::protocols::http1
