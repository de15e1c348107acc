// One connection, as session_table.{h,cpp} and session_resume.cpp know it.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>

#include "protocols/session/detection.h"
#include "protocols/session/held_records.h"
#include "protocols/session/session_table.h"

namespace beyla::protocols::session {

// Neither detection nor parser: opaque.
struct SessionTable::Session {
  model::ConnectionInfo info;
  std::array<std::optional<std::uint64_t>, 2> expected;  // next offset, by direction
  std::unique_ptr<Detection> detection;
  std::unique_ptr<ProtocolParser> parser;
  std::unique_ptr<HeldRecords> held;  // null: nothing
  base::BootTime last_time;           // of what was delivered
  std::uint32_t book_place = 0;       // where a book is kept
  std::uint8_t protocol = 0;          // of the parser: index into the registry
  std::uint8_t tls_records = 0;       // that its records looked like, while undetected
  bool has_plaintext = false;         // another connection carries what is inside
  bool touched = false;               // since the book was staged
  std::size_t parser_bytes = 0;       // as weighed last

  [[nodiscard]] bool opaque() const { return !detection && !parser; }
  [[nodiscard]] std::optional<std::uint64_t>& next(model::Direction direction) {
    return expected[static_cast<std::size_t>(direction)];
  }
  // The other direction had more bytes by then than we have seen.
  [[nodiscard]] bool ahead(const model::StreamData& event) {
    const auto& seen = next(opposite(event.direction));
    return seen && event.other_offset > *seen;
  }
};

// Its entry in the book is not what it was.
inline void SessionTable::touch(Session& session) {
  if (book_ && !session.touched) note_touched(session);
}

}  // namespace beyla::protocols::session
