// How the bytes of a protocol are cut into frames, as far as it takes to pass over what nobody
// wants to read: given to the kernel half at load.
#pragma once

#include <cstdint>
#include <string_view>

namespace beyla::model {

// A header of fixed size says, big endian, how many bytes stand behind it until the next.
struct FrameWalk {
  // What begins a connection and stands before its first frame, 8 bytes at least; the answering
  // direction has none.
  std::string_view opening;
  std::uint32_t header_bytes = 0;  // 16 at most
  std::uint32_t length_at = 0;     // in the header
  std::uint32_t length_bytes = 0;  // 4 at most
  std::uint32_t type_at = 0;       // one byte
  std::uint32_t known_types = 0;   // a bit each, of types below 32; others begin no frame
  std::uint32_t wanted_types = 0;  // are copied in full,
  std::uint32_t other_bytes = 0;   // of the others so many bytes, or all of short ones
  // Where frames are to be found, a longer one is not believed.
  std::uint32_t max_found_bytes = 0;
};

}  // namespace beyla::model
