// gRPC-Web in the body of an answer of HTTP/1,
// https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-WEB.md: frames as those of gRPC, of which
// the last has bit 7 of its flags set and holds the trailers as lines. Content comes in, in any
// pieces; the code of the call goes out, and nothing else is kept. One thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace beyla::protocols::http2 {

enum class GrpcWeb : std::uint8_t {
  none,
  binary,
  text,  // the same in Base64
};

// "application/grpc-web" or "application/grpc-web-text", also with "+proto" or parameters.
[[nodiscard]] GrpcWeb grpc_web_of(std::string_view content_type);

class GrpcWebBody {
 public:
  GrpcWebBody() = default;
  explicit GrpcWebBody(GrpcWeb kind)
      : kind_(kind), state_(kind == GrpcWeb::none ? State::lost : State::header) {}

  void feed(std::span<const std::byte> content);
  // Content that nobody copied: inside a message it does no harm.
  void skip(std::uint64_t length);
  // nullopt: the trailers were not seen, not whole, or say none.
  [[nodiscard]] std::optional<std::uint32_t> status() const;

 private:
  enum class State : std::uint8_t { header, message, trailers, done, lost };
  enum class Line : std::uint8_t { name, value, other };

  void take(std::uint8_t octet);
  void take_text(std::uint8_t octet);
  void begin_frame();
  void take_trailer(char letter);
  void end_line();

  GrpcWeb kind_ = GrpcWeb::none;
  State state_ = State::lost;
  std::uint8_t flags_ = 0;
  std::uint8_t header_bytes_ = 0;
  std::uint32_t left_ = 0;  // of the frame
  // Base64.
  std::uint32_t bits_ = 0;
  std::uint8_t letters_ = 0;
  std::uint8_t padding_ = 0;
  // The line of the trailers.
  Line line_ = Line::name;
  std::size_t matched_ = 0;  // of the name that is wanted
  std::uint32_t value_ = 0;
  bool has_digits_ = false;
  bool is_number_ = true;
  std::optional<std::uint32_t> status_;
};

}  // namespace beyla::protocols::http2
