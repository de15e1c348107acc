// Our head scanner against http_parser (Node's): where both accept a head, they must agree on what
// matters. Where only one accepts, that is tolerated: we take any method token and two leading
// empty lines, it takes other versions, HTTP/0.9, bare status lines, odd targets and repairs folded
// lines.
#include <http_parser.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <string_view>

#include "base/byte_reader.h"
#include "protocols/http1/chunk_walker.h"
#include "protocols/http1/head_scanner.h"

namespace {

using namespace beyla::protocols::http1;

void require(bool condition) {
  if (!condition) std::abort();
}

struct Reference {
  bool complete = false;
  http_parser parser{};
};

int on_complete(http_parser* parser) {
  static_cast<Reference*>(parser->data)->complete = true;
  static_cast<Reference*>(parser->data)->parser = *parser;
  return 1;  // 1: expect no body
}

Reference run_reference(http_parser_type kind, std::span<const std::byte> bytes) {
  Reference reference;
  http_parser parser;
  http_parser_init(&parser, kind);
  parser.data = &reference;
  http_parser_settings settings;
  http_parser_settings_init(&settings);
  settings.on_headers_complete = on_complete;
  const std::string_view text = beyla::base::as_text(bytes);
  http_parser_execute(&parser, &settings, text.data(), text.size());
  return reference;
}

// What http_parser 2.9.4 takes for no chunked body: the last coding of "chunk, chunked" and other
// lists, one with a tab behind it (RFC 9110 section 5.6.3 allows both kinds of white space), and
// one that another field follows whose name begins like this one.
bool may_be_misread(std::string_view text) {
  constexpr std::string_view kPartOfTheName = "ncoding";
  const auto is_same = [](char a, char b) { return (a | 0x20) == b; };
  const auto fields = std::ranges::search(text, kPartOfTheName, is_same);
  const std::string_view rest(fields.end(), text.end());
  const bool again = !std::ranges::search(rest, kPartOfTheName, is_same).empty();
  return again || text.find_first_of(",\t") != std::string_view::npos;
}

void compare_framing(const Framing& ours, const http_parser& theirs, std::string_view text) {
  const bool chunked = (theirs.flags & F_CHUNKED) != 0;
  require(ours.chunked == chunked || (ours.chunked && may_be_misread(text)));
  if (ours.chunked || ours.other_coding) return;
  const auto none = std::numeric_limits<std::uint64_t>::max();
  if ((theirs.flags & F_CONTENTLENGTH) == 0) {
    require(!ours.content_length);
  } else if (ours.content_length != none) {
    require(ours.content_length == theirs.content_length);
  }
}

void check_request(std::span<const std::byte> bytes) {
  const RequestParse ours = parse_request_head(bytes);
  if (ours.status != HeadStatus::complete) return;
  require(ours.length <= bytes.size() && ours.length <= kMaxHeadBytes);
  require(parse_request_line(bytes).status == HeadStatus::complete);
  const Reference theirs = run_reference(HTTP_REQUEST, bytes.first(ours.length));
  if (!theirs.complete) return;
  const auto method = static_cast<http_method>(theirs.parser.method);
  require(ours.head.method == http_method_str(method));
  require(ours.head.minor_version == theirs.parser.http_minor);
  compare_framing(ours.head.framing, theirs.parser, beyla::base::as_text(bytes));
}

void check_response(std::span<const std::byte> bytes) {
  const ResponseParse ours = parse_response_head(bytes);
  if (ours.status != HeadStatus::complete) return;
  require(ours.length <= bytes.size() && ours.length <= kMaxHeadBytes);
  require(parse_status_line(bytes).status == HeadStatus::complete);
  const Reference theirs = run_reference(HTTP_RESPONSE, bytes.first(ours.length));
  if (!theirs.complete) return;
  require(ours.head.status_code == theirs.parser.status_code);
  compare_framing(ours.head.framing, theirs.parser, beyla::base::as_text(bytes));
}

void check_chunks(std::span<const std::byte> bytes) {
  ChunkWalker whole;
  const std::size_t used = whole.feed(bytes);
  ChunkWalker pieces;
  std::size_t used_in_pieces = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) used_in_pieces += pieces.feed(bytes.subspan(i, 1));
  require(whole.done() == pieces.done() && whole.lost() == pieces.lost());
  require(whole.decoded_bytes() == pieces.decoded_bytes() && used == used_in_pieces);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span<const std::byte> bytes = std::as_bytes(std::span(data, size));
  check_request(bytes);
  check_response(bytes);
  check_chunks(bytes);
  return 0;
}
