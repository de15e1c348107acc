// What a header block of HTTP/2 says that we want to know (RFC 9113 §8.3; PROTOCOL-HTTP2.md of
// gRPC, see grpc.h). Fields come in, decoded; one MessageHead goes out. One thread.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "model/trace.h"
#include "protocols/http2/hpack_decoder.h"

namespace beyla::protocols::http2 {

inline constexpr std::array<std::string_view, 9> kWantedNames = {
    ":method",     ":path",        ":authority",  ":status", "content-type",
    "grpc-status", "grpc-timeout", "traceparent", "host",
};
inline constexpr HeaderSelection kWantedHeaders{kWantedNames};

enum class ContentKind : std::uint8_t { not_said, grpc, other };

struct MessageHead {
  // Of requests. Empty: not there, or not known.
  std::string_view operation;  // static text: a method, or "_OTHER"
  std::string target;          // path without query; of a CONNECT whom it asks
  std::string authority;       // without userinfo
  std::optional<std::chrono::nanoseconds> grpc_timeout;
  std::optional<model::TraceParent> trace_parent;
  // Of answers.
  std::optional<std::uint16_t> status;
  std::optional<std::uint32_t> grpc_status;
  ContentKind content = ContentKind::not_said;
  bool has_pseudo_fields = false;  // that a request may have
  bool has_unknown = false;        // wanted fields may have stood where nobody saw them
};

class HeadReader final : public HeaderFieldSink {
 public:
  enum class Kind : std::uint8_t { request, answer };

  explicit HeadReader(Kind kind) : kind_(kind) {}
  void on_field(const HeaderField& field) override;
  // Call once, behind the last field. is_whole: the block was, and could be decoded.
  [[nodiscard]] MessageHead finish(bool is_whole);

 private:
  void take_of_request(std::string_view name, std::string_view value);
  void take_of_answer(std::string_view name, std::string_view value);

  Kind kind_;
  MessageHead head_;
  std::string path_;
  bool path_seen_ = false;
  bool path_doubtful_ = false;
  std::string host_;
  bool trace_parent_seen_ = false;
};

}  // namespace beyla::protocols::http2
