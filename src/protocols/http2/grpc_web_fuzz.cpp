// The first octet: kind, and into how large pieces the rest is cut. Any cut gives the same code.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "protocols/http2/grpc.h"
#include "protocols/http2/grpc_web.h"

using beyla::protocols::http2::GrpcWeb;
using beyla::protocols::http2::GrpcWebBody;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::span content = std::as_bytes(std::span(data, size)).subspan(1);
  const GrpcWeb kind = (data[0] & 1U) != 0 ? GrpcWeb::text : GrpcWeb::binary;
  const std::size_t piece = 1 + (data[0] >> 1U) % 16U;
  GrpcWebBody whole(kind);
  whole.feed(content);
  GrpcWebBody cut(kind);
  for (std::size_t at = 0; at < content.size(); at += piece) {
    cut.feed(content.subspan(at, std::min(piece, content.size() - at)));
  }
  if (whole.status() != cut.status()) std::abort();
  if (whole.status().value_or(0) > beyla::protocols::http2::kGrpcUnauthenticated) std::abort();
  // What was not copied makes a code unknown, or leaves it as it is.
  const std::size_t hole = content.size() / 2;
  GrpcWebBody holed(kind);
  holed.feed(content.first(content.size() - hole));
  holed.skip(hole);
  if (hole != 0 && holed.status()) std::abort();
  return 0;
}
