#include "probes/go/image/synthetic/type_writer.h"

#include <map>
#include <string>
#include <vector>

namespace beyla::probes::go {
namespace {

constexpr std::uint64_t kDescriptorBytes = 48;
constexpr std::uint64_t kPointerTypeBytes = kDescriptorBytes + 8;
constexpr std::uint64_t kStructTypeBytes = kDescriptorBytes + 32 + 16;  // with what is uncommon

class TypeWriter {
 public:
  TypeWriter(ImageWriter& writer, const ImagePlan& plan)
      : writer_(writer), plan_(plan), begin_(writer.here()) {}

  WrittenTypes write() {
    writer_.skip(8);  // offset 0 is no type
    for (std::size_t i = 0; i < kKinds; ++i) basic_.push_back(writer_.skip(kDescriptorBytes));
    for (std::size_t i = 0; i < plan_.structs.size(); ++i) {
      structs_.push_back(writer_.skip(kStructTypeBytes));
      pointers_.push_back(writer_.skip(kPointerTypeBytes));
    }
    for (std::size_t i = 0; i < kKinds; ++i) {
      write_head(basic_[i], bytes_of(static_cast<Kind>(i)), static_cast<Kind>(i), 4, "basic");
    }
    for (std::size_t i = 0; i < plan_.structs.size(); ++i) write_struct(i);
    write_slices();
    WrittenTypes written{.begin = begin_, .end = writer_.here()};
    writer_.align(8);
    written.links = writer_.here();
    written.link_count = linked_.size();
    for (const auto& [name, type] : linked_) {
      writer_.put(static_cast<std::int32_t>(type - begin_));
    }
    return written;
  }

 private:
  static std::uint64_t bytes_of(Kind kind) {
    switch (kind) {
      case Kind::string:
      case Kind::interface: return 16;
      case Kind::slice: return 24;
      case Kind::int32:
      case Kind::uint32: return 4;
      case Kind::boolean:
      case Kind::uint8: return 1;
      default: return 8;
    }
  }

  std::uint64_t put_name(std::string_view name) {
    const std::uint64_t at = writer_.put(std::uint8_t{0});
    if (name.size() < 128) {
      writer_.put(static_cast<std::uint8_t>(name.size()));
    } else {
      writer_.put(static_cast<std::uint8_t>(name.size() % 128 | 128));
      writer_.put(static_cast<std::uint8_t>(name.size() / 128));
    }
    writer_.put_text(name);
    return at;
  }

  void write_head(std::uint64_t at, std::uint64_t bytes, Kind kind, std::uint8_t tags,
                  std::string_view name) {
    writer_.set(at, bytes);
    writer_.set(at + 20, tags);
    writer_.set(at + 23, static_cast<std::uint8_t>(kind));
    writer_.set(at + 40, static_cast<std::uint32_t>(put_name(name) - begin_));
  }

  std::uint64_t type_of(const PlannedField& field) const {
    if (field.kind == Kind::pointer) return pointers_.at(field.structure);
    if (field.kind == Kind::structure) return structs_.at(field.structure);
    return basic_.at(static_cast<std::size_t>(field.kind));
  }

  // Types whose names are not those of pointers are linked, too, behind them.
  void write_slices() {
    constexpr std::uint8_t kStarred = 2;
    for (std::size_t i = 0; i < plan_.structs.size(); ++i) {
      const auto name = "[]" + std::to_string(i);
      writer_.align(8);
      const std::uint64_t at = writer_.skip(kDescriptorBytes + 8);
      write_head(at, 24, Kind::slice, kStarred, "*" + name);
      writer_.set_pointer(at + kDescriptorBytes, structs_[i]);
      linked_.emplace(name, at);
    }
  }

  void write_struct(std::size_t index) {
    constexpr std::uint8_t kUncommonNamedStarred = 1 | 2 | 4;
    const PlannedStruct& plan = plan_.structs[index];
    const std::uint64_t at = structs_[index];
    write_head(at, plan.bytes, Kind::structure, kUncommonNamedStarred, "*" + plan.name);
    write_head(pointers_[index], 8, Kind::pointer, 0, "*" + plan.name);
    writer_.set_pointer(pointers_[index] + kDescriptorBytes, at);
    linked_.emplace("*" + plan.name, pointers_[index]);
    const std::uint64_t package = put_name(plan.package);
    writer_.set_pointer(at + kDescriptorBytes, package);
    writer_.set(at + kDescriptorBytes + 32, static_cast<std::uint32_t>(package - begin_));
    std::vector<std::uint64_t> names;
    for (const PlannedField& field : plan.fields) names.push_back(put_name(field.name));
    writer_.align(8);
    writer_.set_pointer(at + kDescriptorBytes + 8, writer_.here());
    writer_.set(at + kDescriptorBytes + 16, std::uint64_t{plan.fields.size()});
    writer_.set(at + kDescriptorBytes + 24, std::uint64_t{plan.fields.size()});
    for (std::size_t i = 0; i < plan.fields.size(); ++i) {
      writer_.put_pointer(names[i]);
      writer_.put_pointer(type_of(plan.fields[i]));
      const std::uint64_t offset = plan.fields[i].offset;
      writer_.put(plan_.minor <= 18 ? offset << 1 | i % 2 : offset);
    }
  }

  ImageWriter& writer_;
  const ImagePlan& plan_;
  std::uint64_t begin_;
  std::vector<std::uint64_t> basic_;
  std::vector<std::uint64_t> structs_;
  std::vector<std::uint64_t> pointers_;
  std::multimap<std::string, std::uint64_t> linked_;  // by name, as the linker sorts them
};

}  // namespace

WrittenTypes write_types(ImageWriter& writer, const ImagePlan& plan) {
  return TypeWriter(writer, plan).write();
}

}  // namespace beyla::probes::go
