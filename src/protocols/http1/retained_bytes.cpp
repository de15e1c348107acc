#include "protocols/http1/retained_bytes.h"

#include <algorithm>

#include "base/byte_reader.h"
#include "protocols/http1/head_scanner.h"
#include "protocols/http1/methods.h"
#include "protocols/http1/octets.h"

namespace beyla::protocols::http1 {
namespace {

// Framing, routing, what the body is, and the trace that it belongs to.
constexpr std::array<std::string_view, 11> kKeptValues = {
    "connection",  "content-length", "content-type", "expect",           "host", "keep-alive", "te",
    "traceparent", "trailer",        "upgrade",      "transfer-encoding"};
// Names that help who reads a recording (RFC 9110, 9111, 6265, 6797, W3C Trace Context). What
// stands where a name should need not be one: other names are masked.
constexpr std::array<std::string_view, 43> kKeptNames = {"accept",
                                                         "accept-charset",
                                                         "accept-encoding",
                                                         "accept-language",
                                                         "accept-ranges",
                                                         "age",
                                                         "allow",
                                                         "authorization",
                                                         "cache-control",
                                                         "connection",
                                                         "content-disposition",
                                                         "content-encoding",
                                                         "content-language",
                                                         "content-length",
                                                         "content-range",
                                                         "content-type",
                                                         "cookie",
                                                         "date",
                                                         "etag",
                                                         "expect",
                                                         "expires",
                                                         "forwarded",
                                                         "host",
                                                         "if-match",
                                                         "if-modified-since",
                                                         "if-none-match",
                                                         "keep-alive",
                                                         "last-modified",
                                                         "location",
                                                         "origin",
                                                         "range",
                                                         "referer",
                                                         "retry-after",
                                                         "server",
                                                         "set-cookie",
                                                         "strict-transport-security",
                                                         "te",
                                                         "traceparent",
                                                         "tracestate",
                                                         "trailer",
                                                         "transfer-encoding",
                                                         "upgrade",
                                                         "user-agent"};
static_assert(std::ranges::is_sorted(kKeptNames));
constexpr std::string_view kVersion = "HTTP/1.";
constexpr std::string_view kSchemeEnd = "://";
constexpr std::string_view kDetectedScheme = "http";  // a request may be known by it

// Such a byte makes a target or value invalid. A mask in its place would not.
bool is_control(char letter) { return letter != ' ' && !is_target_octet(letter); }

bool is_kept_value(std::string_view name) {
  return std::ranges::find(kKeptValues, name) != kKeptValues.end();
}

std::string_view target_of(std::string_view rest) {
  return rest.substr(0, rest.find_first_of(" \n"));
}

bool has_scheme(std::string_view target) {
  return target.substr(0, target.find_first_of("?#")).contains(kSchemeEnd);
}

// The port and the name of a host, but no userinfo, with the end of the line.
bool is_plain_host(std::string_view rest) {
  const auto end = rest.find('\n');
  return end != std::string_view::npos && !rest.substr(0, end).contains('@');
}

}  // namespace

void RetainedBytes::begin_head() {
  enter(kind_ == HeadKind::request ? State::method : State::status_line);
}

void RetainedBytes::enter(State state) {
  state_ = state;
  count_ = 0;
  scheme_end_ = 0;
  forget_name();
}

void RetainedBytes::take_all(std::uint64_t offset, std::uint64_t length) const {
  if (length > 0) sink_->retain(connection_, direction_, offset, length);
}

void RetainedBytes::take_head(std::uint64_t offset, std::span<const std::byte> bytes) {
  const std::string_view text = base::as_text(bytes);
  std::size_t begin = 0;  // of the run that is kept
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (keeps(text[i], text.substr(i))) continue;
    take_all(offset + begin, i - begin);
    begin = i + 1;
  }
  take_all(offset + begin, text.size() - begin);
}

void RetainedBytes::take_chunks(ChunkWalker walker, std::uint64_t offset,
                                std::span<const std::byte> bytes) const {
  std::size_t at = 0;
  while (at < bytes.size() && !walker.done() && !walker.lost()) {
    const auto data = std::min<std::uint64_t>(walker.data_ahead(), bytes.size() - at);
    const auto step = std::max<std::size_t>(static_cast<std::size_t>(data), 1);
    const std::span<const std::byte> next = bytes.subspan(at, step);
    if (data == 0 && walker.tells(base::as_text(next).front())) take_all(offset + at, 1);
    [[maybe_unused]] const std::size_t used = walker.feed(next);
    at += step;
  }
}

bool RetainedBytes::keeps(char letter, std::string_view rest) {
  if (letter == '\n') {
    end_line();
    return true;
  }
  if (letter == '\r') return true;
  switch (state_) {
    case State::status_line: return keeps_status_line(letter);
    case State::name: return keeps_name(letter, rest);
    case State::value_begin:
      if (letter == ' ' || letter == '\t') return true;
      state_ = State::value;
      [[fallthrough]];
    case State::value: return letter == '\0';
    case State::kept_value: return true;
    case State::broken: return false;
    default: return keeps_request_line(letter, rest);
  }
}

bool RetainedBytes::keeps_request_line(char letter, std::string_view rest) {
  if (state_ == State::method) return keeps_method(letter);
  if (state_ == State::version) return keeps_version(letter);
  if (letter == ' ') {
    enter(State::version);
    return true;
  }
  if (state_ == State::target_begin) return begin_target(letter, rest);
  if (state_ == State::no_version) return false;
  if (letter == '?' || letter == '#') return begins_query();
  switch (state_) {
    case State::userinfo: return keeps_userinfo(letter, rest);
    case State::authority:
      if (letter == '/') enter(State::path);
      return letter == '/' || is_control(letter);
    case State::open_authority: return keeps_open_authority(letter);
    case State::query: return is_control(letter);
    case State::unrooted_query: return letter == '@' || is_control(letter);
    default: return true;
  }
}

bool RetainedBytes::keeps_method(char letter) {
  ++count_;
  if (letter == ' ') {
    enter(State::target_begin);
    return true;
  }
  if (!is_token_octet(letter)) {
    enter(State::broken);
    return true;
  }
  if (count_ > name_.size()) return false;
  name_[count_ - 1] = letter;
  return begins_method({name_.data(), count_});
}

bool RetainedBytes::begin_target(char letter, std::string_view rest) {
  if (letter == '/' || letter == '*') {
    enter(State::path);
    return true;
  }
  if (letter == '?' || letter == '#') {
    enter(State::query);
    return true;
  }
  const std::string_view target = target_of(rest);
  if (target.size() == rest.size() || has_scheme(target)) {
    enter(State::open_authority);
    return keeps_open_authority(letter);
  }
  if (target.contains('@')) {
    enter(State::userinfo);
    return keeps_userinfo(letter, rest);
  }
  enter(State::unrooted);
  return true;
}

bool RetainedBytes::begins_query() {
  switch (state_) {
    case State::query:
    case State::unrooted_query: return false;
    case State::unrooted:
    case State::userinfo:
    case State::open_authority: enter(State::unrooted_query); return true;
    default: enter(State::query); return true;
  }
}

bool RetainedBytes::keeps_detected_scheme(char letter) {
  const bool detects = count_ < kDetectedScheme.size() && letter == kDetectedScheme[count_];
  count_ = detects ? count_ + 1 : static_cast<std::uint32_t>(kDetectedScheme.size());
  return detects;
}

// No honest client sends any here.
bool RetainedBytes::keeps_userinfo(char letter, std::string_view rest) {
  const bool detects = keeps_detected_scheme(letter);
  if (letter == '@' && !target_of(rest.substr(1)).contains('@')) enter(State::unrooted);
  return detects || letter == '@' || is_control(letter);
}

// Only what the path is found by.
bool RetainedBytes::keeps_open_authority(char letter) {
  const bool detects = keeps_detected_scheme(letter);
  follow_scheme(letter);
  return detects || letter == ':' || letter == '/' || letter == '@' || is_control(letter);
}

void RetainedBytes::follow_scheme(char letter) {
  if (letter == kSchemeEnd[scheme_end_]) {
    if (++scheme_end_ == kSchemeEnd.size()) enter(State::authority);
  } else {
    scheme_end_ = letter == kSchemeEnd.front() ? 1 : 0;
  }
}

bool RetainedBytes::keeps_version(char letter) {
  if (letter == ' ') {
    enter(State::version);
    return true;
  }
  const std::size_t at = count_;
  const bool fits =
      at < kVersion.size() ? letter == kVersion[at] : at == kVersion.size() && is_digit(letter);
  if (!fits) enter(State::no_version);
  ++count_;
  return fits;
}

// RFC 9112 §4, by column.
bool RetainedBytes::keeps_status_line(char letter) {
  constexpr std::size_t kCode = 9;
  constexpr std::size_t kReason = 13;
  const std::size_t at = count_++;
  if (at < kVersion.size()) return letter == kVersion[at];
  if (at >= kReason) return false;
  const bool blank = at == kCode - 1 || at == kReason - 1;
  return blank ? letter == ' ' : is_digit(letter);
}

bool RetainedBytes::keeps_name(char letter, std::string_view rest) {
  if (letter == ':') {
    const std::string_view name(name_.data(), std::min<std::size_t>(count_, name_.size()));
    const bool listed = count_ <= name_.size() && is_kept_value(name);
    enter(listed && (name != "host" || is_plain_host(rest)) ? State::kept_value
                                                            : State::value_begin);
    return true;
  }
  if (count_ == 0 && (letter == ' ' || letter == '\t')) {
    enter(State::value_begin);  // RFC 9112 §5.2: a folded line
    return true;
  }
  if (!is_token_octet(letter)) {
    enter(State::broken);
    return true;
  }
  if (count_ < name_.size()) name_[count_] = to_lower(letter);
  ++count_;
  return begins_kept_name();
}

// Once its first letters fit no name of the list, no more of them can.
bool RetainedBytes::begins_kept_name() {
  if (count_ == 1) kept_name_ = 0;
  if (kept_name_ == kKeptNames.size() || count_ > name_.size()) return false;
  const std::string_view begin(name_.data(), count_);
  const std::string_view name = kKeptNames[kept_name_];
  // All before the newest letter fits already.
  if (count_ > 1 && name.size() >= count_ && name[count_ - 1] == begin.back()) return true;
  const auto* place = std::lower_bound(kKeptNames.begin() + kept_name_, kKeptNames.end(), begin);
  kept_name_ = static_cast<std::size_t>(place - kKeptNames.begin());
  const bool fits = kept_name_ < kKeptNames.size() && kKeptNames[kept_name_].starts_with(begin);
  if (!fits) kept_name_ = kKeptNames.size();
  return fits;
}

void RetainedBytes::end_line() {
  if (state_ == State::method && count_ == 0) return;  // an empty line before a request
  enter(State::name);
}

}  // namespace beyla::protocols::http1
