// Breaks Go executables in memory, in the tables that are read of them, and reads them.
// Usage: mutate_images COUNT SEED FILE...     Prints a line a file. Fails by abort() or a signal.
#include <elf.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <ctime>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "asked_image.h"
#include "mapped_file.h"
#include "probes/go/image/module_data.h"

namespace {

using namespace beyla::probes::go;

constexpr double kLongestMs = 2000;  // of CPU time

struct Region {
  std::string name;
  std::uint64_t begin = 0;  // file offsets
  std::uint64_t bytes = 0;
};

struct Change {
  std::uint64_t at = 0;
  std::array<std::byte, 8> before{};
};

// The tables of the whole image, each as likely to be hit as the others, however large.
std::vector<Region> regions_of(std::span<const std::byte> file) {
  const auto elf = ElfFile::read(file);
  const auto module = elf ? read_module_data(*elf) : std::unexpected(refusal_of(elf.error()));
  if (!module) return {};
  const auto offset = [&](std::span<const std::byte> part) {
    return static_cast<std::uint64_t>(part.data() - file.data());
  };
  Elf64_Ehdr header;
  std::memcpy(&header, file.data(), sizeof(header));
  std::vector<Region> regions = {
      {"ELF header", 0, sizeof(header)},
      {"program headers", header.e_phoff, header.e_phnum * sizeof(Elf64_Phdr)},
      {"section headers", header.e_shoff, header.e_shnum * sizeof(Elf64_Shdr)},
      {"names", offset(module->function_names), module->function_names.size()},
      {"entries", offset(module->entries), module->entries.size()},
      {"functions", offset(module->functions), module->functions.size()},
      {"links", offset(module->typelinks), module->typelinks.size()},
      {"types", *elf->file_offset(module->types, 1), module->types_end - module->types}};
  for (const auto name : {".gopclntab", ".data.rel.ro.gopclntab", ".go.buildinfo", ".go.module",
                          ".noptrdata", ".dynamic", ".rela", ".rela.dyn"}) {
    const auto section = elf->section(name);
    if (!section) continue;
    const bool is_table = std::string_view(name).ends_with("gopclntab");
    const std::uint64_t bytes = is_table ? 72 : section->bytes;
    regions.push_back({name, *elf->file_offset(section->address, 1), bytes});
  }
  return regions;
}

// The descriptors of wanted types and the lists of their fields: where a change is seen at once.
void add_wanted_types(std::span<const std::byte> file, std::vector<Region>& regions) {
  const auto image = GoImage::read(file);
  for (const WantedField& wanted : kWantedFields) {
    const std::string_view names[] = {wanted.type};
    const auto type = image->find_types(names)[0];
    if (!type) continue;
    const auto fields = image->elf().read_pointer(type->address + 56);
    const auto count = image->elf().read_u64(type->address + 64);
    regions.push_back({"wanted", *image->elf().file_offset(type->address, 96), 96});
    regions.push_back({"wanted", *image->elf().file_offset(type->pointer_address, 56), 56});
    const auto place = fields ? image->elf().file_offset(*fields, *count * 24) : std::nullopt;
    if (place) regions.push_back({"fields", *place, *count * 24});
  }
}

class Mutator {
 public:
  Mutator(std::span<std::byte> file, std::uint64_t seed) : file_(file), random_(seed) {
    regions_ = regions_of(file);
    add_wanted_types(file, regions_);
    std::erase_if(regions_, [&](const Region& region) {
      return region.bytes < 8 || region.begin > file.size() ||
             region.bytes > file.size() - region.begin;
    });
  }

  // What the reader is given: now and then less than the file.
  std::span<const std::byte> change() {
    const auto count = 1 + random_() % 6;
    for (std::uint64_t i = 0; i < count; ++i) change_one();
    return random_() % 16 == 0 ? file_.first(random_() % file_.size()) : file_;
  }
  void undo() {
    for (; !changes_.empty(); changes_.pop_back()) {
      std::ranges::copy(changes_.back().before, file_.subspan(changes_.back().at).begin());
    }
  }

 private:
  void change_one() {
    const Region& region = regions_[random_() % regions_.size()];
    const std::uint64_t place = region.begin + random_() % (region.bytes - 7);
    const std::uint64_t at = random_() % 4 == 0 ? place : place / 8 * 8;
    if (at + 8 > file_.size()) return;
    Change change{.at = at};
    std::copy_n(file_.subspan(at).begin(), 8, change.before.begin());
    changes_.push_back(change);
    const std::uint64_t value = new_value(change);
    static constexpr std::array<std::size_t, 4> kWidths = {1, 2, 4, 8};
    std::memcpy(file_.data() + at, &value, kWidths[random_() % kWidths.size()]);
  }

  std::uint64_t new_value(const Change& change) {
    std::uint64_t old = 0;
    std::memcpy(&old, change.before.data(), sizeof(old));
    switch (random_() % 6) {
      case 0: return random_();
      case 1: return ~std::uint64_t{0} >> random_() % 64;
      case 2: return old + random_() % 512 - 256;
      case 3: return old ^ std::uint64_t{1} << random_() % 64;
      case 4: {  // another word of these tables: pointers to each other, cycles
        const Region& region = regions_[random_() % regions_.size()];
        std::uint64_t other = 0;
        const std::uint64_t at = (region.begin + random_() % (region.bytes - 7)) / 8 * 8;
        std::memcpy(&other, file_.data() + at, sizeof(other));
        return other;
      }
      default: return 0;
    }
  }

  std::span<std::byte> file_;
  std::mt19937_64 random_;
  std::vector<Region> regions_;
  std::vector<Change> changes_;
};

void mutate(const char* path, std::span<std::byte> file, std::uint64_t count, std::uint64_t seed) {
  Mutator mutator(file, seed);
  std::map<std::string_view, std::uint64_t> outcomes;
  double longest_ms = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    const auto bytes = mutator.change();
    const std::clock_t begin = std::clock();
    const auto image = GoImage::read(bytes);
    ++outcomes[image ? "read" : refusal_name(image.error())];
    if (image) ask_for_everything(*image);
    const double taken_ms = 1e3 * static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
    longest_ms = std::max(longest_ms, taken_ms);
    require(taken_ms < kLongestMs, "one that takes seconds");
    mutator.undo();
  }
  fmt::print("{}: slowest {:.1f} ms;", path, longest_ms);
  for (const auto& [name, times] : outcomes) fmt::print(" {} {}", name, times);
  fmt::print("\n");
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 4) return EXIT_FAILURE;
  for (int i = 3; i < count; ++i) {
    const auto file = MappedFile::open(arguments[i]);
    if (!file || !GoImage::read(file->bytes())) {
      fmt::print(stderr, "{}: no Go executable that can be read\n", arguments[i]);
      return EXIT_FAILURE;
    }
    mutate(arguments[i], file->bytes(), std::strtoull(arguments[1], nullptr, 10),
           std::strtoull(arguments[2], nullptr, 10));
  }
  return EXIT_SUCCESS;
}
