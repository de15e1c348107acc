#include "probes/go/image/type_table.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <ranges>
#include <string>

namespace beyla::probes::go {
namespace {

// Structs of more than this have no field that anybody reads.
constexpr std::uint64_t kMaxStructBytes = 1 << 24;
// Types of the same name in packages of the same name: some hundred in Kubernetes.
constexpr std::uint64_t kMaxNamesakes = 4096;

struct TypeName {
  std::string_view package;  // its path
  std::string_view name;     // in the package, with type arguments
};

// The dots of type arguments do not count.
std::optional<TypeName> split(std::string_view text) {
  const auto dot = text.substr(0, text.find('[')).rfind('.');
  if (dot == std::string_view::npos) return std::nullopt;
  return TypeName{.package = text.substr(0, dot), .name = text.substr(dot + 1)};
}

bool is_version(std::string_view text) {
  return text.size() >= 2 && text[0] == 'v' &&
         std::ranges::all_of(text.substr(1), [](char c) { return c >= '0' && c <= '9'; });
}

// Takes a version off the end: `/v4`, `.v3`.
std::string_view without_version(std::string_view path) {
  const auto mark = path.find_last_of("/.");
  return mark != std::string_view::npos && is_version(path.substr(mark + 1)) ? path.substr(0, mark)
                                                                             : path;
}

// What a package may be called, by its path: `google.golang.org/grpc`, `gopkg.in/yaml.v3`,
// `github.com/labstack/echo/v4`, `k8s.io/api/core/v1`, `github.com/segmentio/kafka-go`.
std::array<std::string_view, 2> package_names(std::string_view path) {
  const auto last = [](std::string_view text) { return text.substr(text.rfind('/') + 1); };
  auto name = last(without_version(path));
  if (name.starts_with("go-")) name.remove_prefix(3);
  if (name.ends_with("-go")) name.remove_suffix(3);
  return {name, last(path)};
}

}  // namespace

std::uint64_t TypeTable::link(std::uint64_t index) const {
  std::int32_t offset = 0;
  std::memcpy(&offset, module_.typelinks.data() + index * sizeof(offset), sizeof(offset));
  return module_.types + static_cast<std::uint64_t>(std::int64_t{offset});
}

std::optional<std::string_view> TypeTable::link_name(std::uint64_t index) const {
  const auto head = reader_.head(link(index));
  return head ? reader_.name(*head) : std::nullopt;
}

std::optional<Type> TypeTable::find_type(std::string_view text) const {
  const auto wanted = split(text);
  if (!wanted) return std::nullopt;
  Candidate best;
  for (const auto package : package_names(wanted->package)) {
    const auto pointer_name = std::string("*").append(package).append(".").append(wanted->name);
    const auto found = find_pointer(pointer_name, wanted->package);
    if (found && found->match > best.match) best = *found;
    if (best.match == NameMatch::exact) break;
  }
  return best.match == NameMatch::none ? std::nullopt : std::optional(best.type);
}

std::optional<TypeTable::Candidate> TypeTable::find_pointer(std::string_view pointer_name,
                                                            std::string_view package) const {
  // The linker sorts them by name (cmd/link/internal/ld/typelink.go).
  const auto all = std::views::iota(std::uint64_t{0}, count());
  const auto name = [&](std::uint64_t index) { return link_name(index).value_or(""); };
  const auto position = std::ranges::lower_bound(all, pointer_name, {}, name);
  const auto first = static_cast<std::uint64_t>(position - all.begin());
  Candidate best;
  for (std::uint64_t i = first; i < std::min(count(), first + kMaxNamesakes); ++i) {
    if (best.match == NameMatch::exact || name(i) != pointer_name) break;
    const auto candidate = structure_behind(link(i), package);
    if (candidate && candidate->match > best.match) best = *candidate;
  }
  return best.match == NameMatch::none ? std::nullopt : std::optional(best);
}

std::optional<TypeTable::Candidate> TypeTable::structure_behind(std::uint64_t pointer,
                                                                std::string_view package) const {
  const auto pointer_head = reader_.head(pointer);
  const auto type = pointer_head ? reader_.pointee(pointer, *pointer_head) : std::nullopt;
  const auto head = type ? reader_.head(*type) : std::nullopt;
  const auto found = head ? reader_.package(*type, *head) : std::nullopt;
  if (!found || head->bytes > kMaxStructBytes) return std::nullopt;
  const NameMatch match = match_name(*found, package);
  if (match == NameMatch::none) return std::nullopt;
  return Candidate{.type = {.address = *type,
                            .pointer_address = pointer,
                            .bytes = static_cast<std::uint32_t>(head->bytes)},
                   .match = match};
}

std::optional<Field> TypeTable::find_in(std::uint64_t type, std::string_view name) const {
  const auto head = reader_.head(type);
  const auto fields = head ? reader_.fields(type, *head) : std::nullopt;
  if (!fields) return std::nullopt;
  for (std::uint64_t i = 0; i < fields->count; ++i) {
    const auto field = reader_.field(*fields, i);
    if (!field) return std::nullopt;
    if (field->name != name) continue;
    const auto field_head = reader_.head(field->type);
    if (!field_head || head->bytes > kMaxStructBytes || field->offset > head->bytes ||
        field_head->bytes > head->bytes - field->offset) {
      return std::nullopt;
    }
    return Field{.offset = static_cast<std::uint32_t>(field->offset),
                 .bytes = static_cast<std::uint32_t>(field_head->bytes),
                 .kind = field_head->kind,
                 .type_address = field->type};
  }
  return std::nullopt;
}

std::optional<Field> TypeTable::find_field(const Type& type, std::string_view path) const {
  std::uint64_t within = type.address;
  std::uint32_t offset = 0;
  while (true) {
    const auto dot = path.find('.');
    auto found = find_in(within, path.substr(0, dot));
    if (!found) return std::nullopt;
    found->offset += offset;
    if (dot == std::string_view::npos) return found;
    within = found->type_address;
    offset = found->offset;
    path.remove_prefix(dot + 1);
  }
}

}  // namespace beyla::probes::go
