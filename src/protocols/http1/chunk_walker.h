// Walks a chunked body (RFC 9112 §7.1) and counts what it decodes to, keeping none of it.
// Bytes come in any pieces. One thread.
#pragma once

#include <cstdint>
#include <span>

namespace beyla::protocols::http1 {

inline constexpr std::size_t kMaxChunkLineBytes = 4096;  // ours; RFC 9112 §7.1.1 asks for a limit
inline constexpr std::size_t kMaxTrailerBytes = 16384;   // ours; as a head, RFC 9112 §7.1.2

class ChunkWalker {
 public:
  // How many of the bytes belonged to the body: all, unless it ended or was lost in them.
  [[nodiscard]] std::size_t feed(std::span<const std::byte> bytes);
  // Bytes that we have not. Only inside the data of a chunk they do no harm.
  void skip(std::uint64_t length);

  [[nodiscard]] bool done() const { return state_ == State::done; }
  [[nodiscard]] bool lost() const { return state_ == State::lost; }
  [[nodiscard]] std::uint64_t decoded_bytes() const { return decoded_; }
  // Of the chunk's data that comes next; 0: a byte of the framing comes.
  [[nodiscard]] std::uint64_t data_ahead() const { return state_ == State::data ? remaining_ : 0; }
  // Is this next byte of the framing one that says how the body goes on? Line ends always do.
  [[nodiscard]] bool tells(char octet) const;

 private:
  enum class State : std::uint8_t {
    size,       // in the digits
    extension,  // between the digits and the end of the line
    size_end,   // after CR: LF must follow
    data,
    data_end,  // CRLF, or LF alone
    data_end_lf,
    trailer,
    done,
    lost,
  };

  void step(unsigned char octet);
  void on_size(unsigned char octet);
  void on_size_line_end();
  void on_trailer(unsigned char octet);
  void next_line();

  State state_ = State::size;
  std::uint64_t size_ = 0;
  std::uint64_t remaining_ = 0;  // of the chunk's data
  std::uint64_t decoded_ = 0;
  std::size_t digits_ = 0;
  std::size_t line_bytes_ = 0;
  std::size_t trailer_bytes_ = 0;
  bool trailer_line_empty_ = true;
};

}  // namespace beyla::protocols::http1
