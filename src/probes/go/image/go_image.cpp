#include "probes/go/image/go_image.h"

#include <map>

namespace beyla::probes::go {

std::expected<GoImage, ImageRefusal> GoImage::read(std::span<const std::byte> file) {
  auto elf = ElfFile::read(file);
  if (!elf) return std::unexpected(refusal_of(elf.error()));
  const auto version = read_go_version(*elf);
  if (!version) return std::unexpected(version.error());
  const auto module = read_module_data(*elf);
  if (!module) return std::unexpected(module.error());
  return GoImage(std::move(*elf), *module, *version);
}

std::vector<std::optional<Function>> GoImage::find_functions(
    std::span<const std::string_view> names) const {
  return FunctionTable(elf_, module_).find(names);
}

std::span<const std::byte> GoImage::code(const Function& function) const {
  return elf_.bytes_at(function.address, function.bytes);
}

std::vector<std::optional<Type>> GoImage::find_types(
    std::span<const std::string_view> names) const {
  const TypeTable table(elf_, module_, version_);
  std::vector<std::optional<Type>> types;
  types.reserve(names.size());
  for (const auto name : names) types.push_back(table.find_type(name));
  return types;
}

std::vector<std::optional<Field>> GoImage::find_fields(std::span<const WantedField> wanted) const {
  const TypeTable table(elf_, module_, version_);
  std::map<std::string_view, std::optional<Type>> types;
  std::vector<std::optional<Field>> fields;
  fields.reserve(wanted.size());
  for (const WantedField& field : wanted) {
    const auto [type, is_new] = types.try_emplace(field.type);
    if (is_new) type->second = table.find_type(field.type);
    fields.push_back(type->second ? table.find_field(*type->second, field.path) : std::nullopt);
  }
  return fields;
}

}  // namespace beyla::probes::go
