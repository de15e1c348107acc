#include "probes/go/image/function_table.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/byte_reader.h"
#include "probes/go/image/pclntab.h"

namespace beyla::probes::go {
namespace {

template <typename T>
std::optional<T> read_at(std::span<const std::byte> bytes, std::uint64_t offset) {
  if (offset > bytes.size()) return std::nullopt;
  return base::ByteReader(bytes.subspan(offset)).template read_struct<T>();
}

// Few of the names and functions of an executable are wanted; tells most others by four bytes.
class Sieve {
 public:
  void add(std::uint32_t key) { bits_[slot(key)] = true; }
  [[nodiscard]] bool may_have(std::uint32_t key) const { return bits_[slot(key)]; }

 private:
  static constexpr unsigned kSlotBits = 14;
  static std::uint32_t slot(std::uint32_t key) {
    constexpr std::uint32_t kGolden = 0x9e3779b9;  // Knuth, The Art of Computer Programming 6.4
    return key * kGolden >> (32 - kSlotBits);
  }

  std::array<bool, std::size_t{1} << kSlotBits> bits_{};
};

// Its last four bytes; the match of a name in a vendor folder has the same.
std::uint32_t key_of(std::string_view name) {
  std::uint32_t key = 0;
  if (name.size() >= sizeof(key)) std::memcpy(&key, name.end() - sizeof(key), sizeof(key));
  return key;
}

// The more exact name first, then the larger.
struct Best {
  NameMatch match = NameMatch::none;
  std::optional<Function> function;

  void offer(NameMatch offered, const Function& candidate) {
    if (offered < match) return;
    if (offered == match && function && function->bytes >= candidate.bytes) return;
    match = offered;
    function = candidate;
  }
};

}  // namespace

std::uint64_t FunctionTable::count() const {
  return module_.entries.size() / entry_bytes(module_.format) - 1;
}

std::vector<FunctionTable::FoundName> FunctionTable::find_names(
    std::span<const std::string_view> names) const {
  Sieve sieve;
  for (const auto name : names) sieve.add(key_of(name));
  std::vector<FoundName> found;
  const std::string_view all = base::as_text(module_.function_names);
  for (std::size_t at = 0; at < all.size();) {
    const std::size_t end = std::min(all.find('\0', at), all.size());
    const auto name = all.substr(at, end - at);
    if (sieve.may_have(key_of(name))) {
      for (std::size_t i = 0; i < names.size(); ++i) {
        const NameMatch match = match_name(name, names[i]);
        if (match == NameMatch::none) continue;
        found.push_back({static_cast<std::uint32_t>(at), static_cast<std::uint32_t>(i), match});
      }
    }
    at = end + 1;
  }
  return found;  // by offset
}

std::optional<std::uint32_t> FunctionTable::name_of(std::uint64_t index) const {
  const bool is_wide = module_.format == TableFormat::go1_16;
  const std::uint64_t entry = index * entry_bytes(module_.format);
  if (is_wide) {  // {uintptr, uintptr}, and the description begins with a uintptr
    const auto offset = read_at<std::uint64_t>(module_.entries, entry + sizeof(std::uint64_t));
    if (!offset || *offset > module_.functions.size()) return std::nullopt;
    return read_at<std::uint32_t>(module_.functions, *offset + sizeof(std::uint64_t));
  }
  const auto offset = read_at<std::uint32_t>(module_.entries, entry + sizeof(std::uint32_t));
  if (!offset) return std::nullopt;
  return read_at<std::uint32_t>(module_.functions, *offset + sizeof(std::uint32_t));
}

std::optional<std::uint64_t> FunctionTable::address_of(std::uint64_t index) const {
  const std::uint64_t entry = index * entry_bytes(module_.format);
  if (module_.format == TableFormat::go1_16) {
    return elf_.read_pointer(module_.entries_address + entry);
  }
  const auto offset = read_at<std::uint32_t>(module_.entries, entry);
  return offset ? std::optional(module_.text + *offset) : std::nullopt;
}

std::optional<Function> FunctionTable::function(std::uint64_t index) const {
  const auto begin = address_of(index);
  const auto end = address_of(index + 1);
  if (!begin || !end || *begin >= *end || !elf_.is_code(*begin, *end - *begin)) {
    return std::nullopt;
  }
  const std::uint64_t bytes = *end - *begin;
  return Function{
      .address = *begin, .file_offset = *elf_.file_offset(*begin, bytes), .bytes = bytes};
}

std::vector<std::optional<Function>> FunctionTable::find(
    std::span<const std::string_view> names) const {
  const auto found = find_names(names);
  Sieve sieve;
  for (const FoundName& name : found) sieve.add(name.offset);
  std::vector<Best> best(names.size());
  for (std::uint64_t i = 0; i < count(); ++i) {
    const auto name = name_of(i);
    if (!name || !sieve.may_have(*name)) continue;
    for (const FoundName& match : std::ranges::equal_range(found, *name, {}, &FoundName::offset)) {
      if (const auto candidate = function(i)) {
        best[match.wanted].offer(match.match, *candidate);
      }
    }
  }
  std::vector<std::optional<Function>> result;
  result.reserve(best.size());
  for (const Best& one : best) result.push_back(one.function);
  return result;
}

}  // namespace beyla::probes::go
