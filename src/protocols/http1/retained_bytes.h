// For recordings: names the bytes of one direction that may be kept: what beyla needs to come to
// the same result again. Names of fields only from a list, values only from a shorter one, no
// query, no userinfo, no content. Bytes come in any pieces; each is judged when it comes. One
// thread.
//
// Lost by that: an authority as target (CONNECT) whose end came in a later piece reads as masked.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/wipe.h"
#include "model/connection.h"
#include "protocols/http1/chunk_walker.h"
#include "protocols/session/retention.h"

namespace beyla::protocols::http1 {

class RetainedBytes {
 public:
  enum class HeadKind : std::uint8_t { request, response };

  // sink: null where nothing is recorded, else it must outlive this.
  RetainedBytes(session::RetentionSink* sink, model::ConnectionId connection,
                model::Direction direction, HeadKind kind)
      : sink_(sink), connection_(connection), direction_(direction), kind_(kind) {}

  RetainedBytes(const RetainedBytes&) = delete;
  RetainedBytes& operator=(const RetainedBytes&) = delete;
  ~RetainedBytes() { forget_name(); }

  [[nodiscard]] bool wanted() const { return sink_ != nullptr; }
  void begin_head();
  // The next bytes of the head. REQUIRES: wanted().
  void take_head(std::uint64_t offset, std::span<const std::byte> bytes);
  // The next bytes of a body that the walker has not been fed yet. REQUIRES: wanted().
  void take_chunks(ChunkWalker walker, std::uint64_t offset,
                   std::span<const std::byte> bytes) const;
  // REQUIRES: wanted().
  void take_all(std::uint64_t offset, std::uint64_t length) const;

 private:
  enum class State : std::uint8_t {
    method,
    target_begin,
    path,
    unrooted,        // target without a slash in front: the authority for CONNECT
    userinfo,        // of that authority
    open_authority,  // its end is not there yet, nor whether it is userinfo; or a scheme
    authority,
    query,           // or fragment
    unrooted_query,  // of a target without a slash in front: perhaps userinfo
    version,
    no_version,  // up to the next blank
    status_line,
    name,
    value_begin,  // blanks before a value
    value,
    kept_value,
    broken,  // a line that makes the head invalid whatever it goes on with
  };

  [[nodiscard]] bool keeps(char letter, std::string_view rest);
  [[nodiscard]] bool keeps_request_line(char letter, std::string_view rest);
  [[nodiscard]] bool keeps_method(char letter);
  [[nodiscard]] bool begin_target(char letter, std::string_view rest);
  [[nodiscard]] bool keeps_detected_scheme(char letter);
  [[nodiscard]] bool keeps_userinfo(char letter, std::string_view rest);
  [[nodiscard]] bool keeps_open_authority(char letter);
  void follow_scheme(char letter);
  [[nodiscard]] bool keeps_version(char letter);
  [[nodiscard]] bool keeps_status_line(char letter);
  [[nodiscard]] bool begins_query();
  [[nodiscard]] bool keeps_name(char letter, std::string_view rest);
  [[nodiscard]] bool begins_kept_name();
  void end_line();
  void enter(State state);
  // Names that nobody knows may be secrets.
  void forget_name() { base::wipe(std::as_writable_bytes(std::span(name_))); }

  static constexpr std::size_t kMaxListedNameBytes = 25;  // "strict-transport-security"

  session::RetentionSink* sink_;
  model::ConnectionId connection_;
  model::Direction direction_;
  HeadKind kind_;
  State state_ = State::method;
  std::uint32_t count_ = 0;      // bytes of the state so far
  std::uint8_t scheme_end_ = 0;  // of "://" seen
  std::size_t kept_name_ = 0;    // the first listed one that begins with name_
  std::array<char, kMaxListedNameBytes> name_{};
};

}  // namespace beyla::protocols::http1
