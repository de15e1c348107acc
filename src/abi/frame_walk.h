/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
 * How the messages of a protocol that cuts its bytes into frames can be passed over by their length:
 * what the kernel half knows of it. Constants, set before load. */
#pragma once

#include "abi/layout.h"

#ifdef __cplusplus
namespace beyla::abi {
#endif

enum { kMaxFrameHeaderBytes = 16, kMaxFrameTypes = 32, kMaxFrameLengthBytes = 4 };

struct frame_walk {
  uint64_t opening;       /* first 8 bytes of a connection that is framed so, as they lie in memory */
  uint32_t opening_bytes; /* all that stand before its first frame; the other direction has none */
  uint32_t header_bytes;  /* 0: no connection is framed */
  uint32_t length_at;     /* in the header: of what stands behind it; big endian */
  uint32_t length_bytes;
  uint32_t type_at;       /* one byte */
  uint32_t known_types;   /* a bit for each type below kMaxFrameTypes; any other: no frame begins here */
  uint32_t wanted_types;  /* of these all is copied, */
  uint32_t other_bytes;   /* of the others so many */
  uint32_t max_found_bytes; /* no longer frame is believed where frames are to be found */
  uint32_t padding;
};
ABI_OFFSET(frame_walk, opening_bytes, 8);
ABI_ASSERT(sizeof(struct frame_walk) == 48);

#ifdef __cplusplus
}  // namespace beyla::abi
#endif
