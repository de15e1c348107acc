// Our HPACK decoder beside nghttp2's. The first byte says how the rest is read: as blocks, each
// with its length in front, as they would come from the wire, or as the choices of an encoder that
// does all that RFC 7541 allows. Every field that we tell is nghttp2's or unknown; of a connection
// seen from its beginning none is unknown where nghttp2 knows it. One reader comes late, misses
// blocks and sees others in part.
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>

#include "protocols/http2/hpack_agreement.h"
#include "protocols/http2/hpack_odd_encoder.h"
#include "protocols/http2/hpack_table.h"

namespace {

using namespace beyla::protocols::http2;

void require(bool condition) {
  if (!condition) std::abort();
}

struct Truth {
  bool accepted = false;
  ReferenceFields fields;
};

Truth truth_of(ReferenceInflater& inflater, std::string_view block) {
  Truth truth;
  truth.accepted = inflater.decode(block, [&](std::string_view name, std::string_view value) {
    truth.fields.push_back({std::string(name), std::string(value)});
  });
  return truth;
}

struct Told {
  bool accepted = false;
  ToldFields fields;
};

Told told_by(HpackDecoder& decoder, std::string_view block) {
  ToldFieldSink sink;
  const bool accepted = decoder.decode(beyla::base::as_bytes(block), sink);
  require(decoder.memory_bytes() <= kMaxHpackMemoryBytes);
  return {accepted, std::move(sink.fields)};
}

bool has_long_string(const Truth& truth) {
  for (const ReferenceField& field : truth.fields) {
    if (field.name.size() + field.value.size() > kMaxHpackStringBytes / 4) return true;
  }
  return false;
}

// The late reader misses some blocks, sees others in part, and may keep more or less.
void read_with_losses(HpackDecoder& decoder, std::string_view block, const Truth& truth,
                      Choices& choices) {
  const std::size_t fate = choices.below(16);
  if (fate == 0) return decoder.forget();
  if (fate == 2) decoder.set_max_table_bytes(kDefaultTableBytes);
  if (fate == 3) decoder.set_max_table_bytes(kMaxTableBytes);
  const std::size_t length = fate == 1 ? choices.next() * block.size() / 256 : block.size();
  const Told told = told_by(decoder, block.substr(0, length));
  require(told.fields.size() <= truth.fields.size());
  require(compare(told.fields, truth.fields).wrong == 0);
  if (length < block.size()) return decoder.forget();
  require(told.accepted && told.fields.size() == truth.fields.size());
}

// read() is false where one of them refused, and there is nothing to compare with from here.
class WireReaders {
 public:
  // joins_at: the block that the late reader comes before. Its losses follow from the block's
  // bytes.
  explicit WireReaders(std::size_t joins_at) : blocks_before_late_(joins_at) {}

  [[nodiscard]] bool read(std::string_view block) {
    const Truth truth = truth_of(inflater_, block);
    const Told told = told_by(whole_, block);
    const Told some = told_by(selected_, block);
    compare_with(truth, told, kEveryHeader);
    compare_with(truth, some, kSomeHeaders);
    if (told.accepted) require(some.accepted && some.fields.size() == told.fields.size());
    if (!truth.accepted || !told.accepted) return false;
    if (blocks_before_late_ == 0) {
      Choices losses(std::span(reinterpret_cast<const std::uint8_t*>(block.data()), block.size()));
      read_with_losses(late_, block, truth, losses);
    } else {
      --blocks_before_late_;
    }
    return true;
  }

 private:
  void compare_with(const Truth& truth, const Told& told, const HeaderSelection& wanted) {
    has_long_string_ |= has_long_string(truth);
    const Agreement agreement = compare(told.fields, truth.fields, wanted);
    require(agreement.wrong == 0);
    require(agreement.unknown == 0 || has_long_string_);
    if (truth.accepted && told.accepted) require(told.fields.size() == truth.fields.size());
  }

  // No larger table than ours, so that we never have to forget.
  ReferenceInflater inflater_{kMaxTableBytes};
  HpackDecoder whole_;
  HpackDecoder selected_{kSomeHeaders};
  HpackDecoder late_;
  std::size_t blocks_before_late_;
  bool has_long_string_ = false;
};

void check_wire(std::span<const std::uint8_t> bytes, std::size_t joins_at) {
  WireReaders readers(joins_at);
  while (bytes.size() > 1) {
    const std::size_t length = std::min<std::size_t>(bytes[0] * 2, bytes.size() - 1);
    const auto block = bytes.subspan(1, length);
    bytes = bytes.subspan(1 + length);
    if (!readers.read(beyla::base::as_text(std::as_bytes(block)))) return;
  }
}

void check_encoder(std::span<const std::uint8_t> bytes, std::size_t max_table_bytes) {
  Choices choices(bytes);
  OddEncoder encoder(max_table_bytes);
  ReferenceInflater inflater(max_table_bytes);
  HpackDecoder whole;
  HpackDecoder late;
  bool has_joined = false;
  while (!choices.empty()) {
    const std::string block = encoder.encode(choices);
    const Truth truth = truth_of(inflater, block);
    require(truth.accepted);
    const Told told = told_by(whole, block);
    if (!told.accepted) return;  // more than kMaxHeaderListBytes
    const Agreement all = compare(told.fields, truth.fields);
    require(all.wrong == 0 && told.fields.size() == truth.fields.size());
    require(all.unknown == 0 || max_table_bytes > kMaxTableBytes);
    has_joined = has_joined || choices.below(4) == 0;
    if (has_joined) read_with_losses(late, block, truth, choices);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::span<const std::uint8_t> rest(data + 1, size - 1);
  if (data[0] % 4 < 2) {
    check_wire(rest, data[0] / 4 % 8);
  } else {
    check_encoder(rest, data[0] % 4 == 2 ? kMaxTableBytes : 1U << 20U);
  }
  return 0;
}
