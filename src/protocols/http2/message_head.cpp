#include "protocols/http2/message_head.h"

#include <charconv>
#include <utility>

#include "protocols/http1/head_scanner.h"
#include "protocols/http1/methods.h"
#include "protocols/http1/trace_parent.h"
#include "protocols/http2/grpc.h"

namespace beyla::protocols::http2 {
namespace {

constexpr std::size_t kMaxPathBytes = 1024;      // ours, as for HTTP/1
constexpr std::size_t kMaxAuthorityBytes = 255;  // RFC 1035 §2.3.4, the longest name
constexpr std::string_view kConnect = "CONNECT";

std::optional<std::uint16_t> status_of(std::string_view value) {
  constexpr std::size_t kDigits = 3;  // RFC 9110 §15
  constexpr std::uint16_t kMin = 100;
  std::uint16_t status = 0;
  const char* const end = value.data() + value.size();
  const auto parsed = std::from_chars(value.data(), end, status);
  if (value.size() != kDigits || parsed.ec != std::errc{} || parsed.ptr != end) return std::nullopt;
  if (status < kMin) return std::nullopt;
  return status;
}

// Userinfo is a secret.
std::string_view without_userinfo(std::string_view authority) {
  return authority.substr(authority.rfind('@') + 1).substr(0, kMaxAuthorityBytes);
}

ContentKind content_of(std::string_view type) {
  return is_grpc_content(type) ? ContentKind::grpc : ContentKind::other;
}

}  // namespace

void HeadReader::on_field(const HeaderField& field) {
  if (!field.name) {
    head_.has_unknown = true;
    return;
  }
  const std::string_view name = *field.name;
  if (kind_ == Kind::request && name.starts_with(':')) head_.has_pseudo_fields = true;
  if (!kWantedHeaders.wants(name)) return;
  if (!field.value) {
    head_.has_unknown = true;
  } else if (kind_ == Kind::request) {
    take_of_request(name, *field.value);
  } else {
    take_of_answer(name, *field.value);
  }
}

void HeadReader::take_of_request(std::string_view name, std::string_view value) {
  if (name == ":method") {
    head_.operation = http1::operation_of(value);
  } else if (name == ":path") {
    // Of two nobody knows which one counts.
    path_doubtful_ = std::exchange(path_seen_, true);
    path_ = http1::path_of(value).substr(0, kMaxPathBytes);
  } else if (name == ":authority") {
    head_.authority = without_userinfo(value);
  } else if (name == "host") {
    host_ = without_userinfo(value);
  } else if (name == "content-type") {
    head_.content = content_of(value);
  } else if (name == "grpc-timeout") {
    head_.grpc_timeout = grpc_timeout_of(value);
  } else if (name == "traceparent") {
    const bool again = std::exchange(trace_parent_seen_, true);
    head_.trace_parent = again ? std::nullopt : http1::parse_trace_parent(value);
  }
}

void HeadReader::take_of_answer(std::string_view name, std::string_view value) {
  if (name == ":status") {
    head_.status = status_of(value);
  } else if (name == "content-type") {
    head_.content = content_of(value);
  } else if (name == "grpc-status") {
    head_.grpc_status = grpc_status_of(value);
  }
}

MessageHead HeadReader::finish(bool is_whole) {
  if (!is_whole) head_.has_unknown = true;
  if (path_seen_ && !path_doubtful_) {
    head_.target = std::move(path_);
  } else if (head_.operation == kConnect && !path_seen_ && is_whole) {
    head_.target = head_.authority;  // RFC 9113 §8.5
  }
  if (head_.authority.empty()) head_.authority = std::move(host_);
  return std::move(head_);
}

}  // namespace beyla::protocols::http2
