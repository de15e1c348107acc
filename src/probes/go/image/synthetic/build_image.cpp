#include "probes/go/image/synthetic/image_plan.h"

#include <elf.h>

#include <array>
#include <span>

#include "probes/go/image/synthetic/function_writer.h"
#include "probes/go/image/synthetic/image_writer.h"
#include "probes/go/image/synthetic/type_writer.h"

namespace beyla::probes::go {
namespace {

struct Code {
  std::uint64_t begin = 0;  // of the segment
  std::uint64_t text = 0;
  std::uint64_t end = 0;
};

struct Part {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

class ImageBuilder {
 public:
  explicit ImageBuilder(const ImagePlan& plan) : plan_(plan), writer_(plan.position_independent) {}

  std::vector<std::byte> build() {
    header_ = writer_.skip(sizeof(Elf64_Ehdr));
    program_headers_ = writer_.skip(kSegments * sizeof(Elf64_Phdr));
    write_code();
    read_only_.begin = writer_.here();
    written_ = write_functions(writer_, plan_, code_.text);
    writer_.align(8);
    types_ = write_types(writer_, plan_);
    writer_.align(16);
    read_only_.end = data_.begin = writer_.here();
    write_build_info();
    write_module();
    write_relocations();
    data_.end = writer_.here();
    write_headers();
    return std::move(writer_).take();
  }

 private:
  static constexpr std::uint16_t kSegments = 4;

  [[nodiscard]] bool is_wide() const { return plan_.minor < 18; }

  void write_code() {
    writer_.align(16);
    code_.begin = writer_.here();
    writer_.skip(plan_.foreign_code_bytes, std::byte{0x90});
    code_.text = writer_.here();
    for (const auto& function : plan_.functions) writer_.skip(function.bytes, std::byte{0xcc});
    code_.end = writer_.here();
    writer_.align(16);
  }

  void write_build_info() {
    build_info_ = writer_.put_text("\xff Go buildinf:");
    writer_.put(std::uint8_t{8});
    if (!is_wide()) {
      writer_.put(std::uint8_t{2});
      writer_.skip(16);
      writer_.put(static_cast<std::uint8_t>(plan_.version.size()));
      writer_.put_text(plan_.version);
      writer_.align(16);
      return;
    }
    writer_.put(std::uint8_t{0});
    const std::uint64_t pointers = writer_.skip(16);
    const std::uint64_t text = writer_.put_text(plan_.version);
    writer_.align(8);
    writer_.set_pointer(pointers, writer_.here());
    writer_.put_pointer(text);
    writer_.put(std::uint64_t{plan_.version.size()});
    writer_.align(16);
  }

  void set_slice(std::uint64_t word, std::uint64_t address, std::uint64_t length) {
    set_address(word, address);
    writer_.set(module_ + (word + 1) * 8, length);
    writer_.set(module_ + (word + 2) * 8, length);
  }
  void set_address(std::uint64_t word, std::uint64_t address) {
    writer_.set_pointer(module_ + word * 8, address);
  }

  void write_module() {
    constexpr std::uint64_t kWords = 56;
    module_ = writer_.skip(kWords * 8);
    set_address(0, written_.table);
    set_slice(1, written_.names, written_.names_bytes);
    set_slice(13, written_.functions, written_.functions_bytes);
    set_slice(16, written_.functions, plan_.functions.size() + 1);
    set_address(20, code_.text);
    set_address(21, code_.end);
    set_address(22, code_.text);
    set_address(23, code_.end);
    const std::uint64_t types = plan_.minor < 20 ? 35 : 37;
    set_address(types, types_.begin);
    set_address(types + 1, types_.end);
    const std::uint64_t links = plan_.minor < 18   ? 40
                                : plan_.minor < 20 ? 42
                                : plan_.minor < 26 ? 44
                                                   : 45;
    set_slice(links - 3, code_.text, plan_.text_sections);
    set_slice(links, types_.links, types_.link_count);
  }

  void write_relocations() {
    dynamic_ = writer_.here();
    if (!plan_.position_independent) return;
    const std::uint64_t values = writer_.skip(4 * sizeof(Elf64_Dyn));
    const std::uint64_t table = writer_.here();
    // Go's own linker does not sort them; this order is not sorted either.
    for (const auto& [at, value] : writer_.relocations()) {
      writer_.put(at);
      writer_.put(std::uint64_t{R_X86_64_RELATIVE});
      writer_.put(value);
    }
    const std::array<std::uint64_t, 6> dynamic = {
        DT_RELA, table, DT_RELASZ, writer_.here() - table, DT_RELAENT, sizeof(Elf64_Rela)};
    for (std::size_t i = 0; i < dynamic.size(); ++i) writer_.set(values + i * 8, dynamic[i]);
  }

  void write_headers() {
    Elf64_Ehdr header{};
    std::memcpy(header.e_ident, ELFMAG, SELFMAG);
    header.e_ident[EI_CLASS] = ELFCLASS64;
    header.e_ident[EI_DATA] = ELFDATA2LSB;
    header.e_machine = EM_X86_64;
    header.e_type = plan_.position_independent ? ET_DYN : ET_EXEC;
    header.e_phoff = writer_.offset_of(program_headers_);
    header.e_phentsize = sizeof(Elf64_Phdr);
    header.e_phnum = kSegments;
    put_segment(0, PT_LOAD, PF_R | PF_X, {code_.begin, code_.end});
    put_segment(1, PT_LOAD, PF_R, read_only_);
    put_segment(2, PT_LOAD, PF_R | PF_W, data_);
    put_segment(3, PT_DYNAMIC, PF_R | PF_W, {dynamic_, data_.end});
    if (plan_.with_sections) write_sections(header);
    writer_.set(header_, header);
  }

  void put_segment(std::uint64_t index, std::uint32_t kind, std::uint32_t flags, Part part) {
    Elf64_Phdr header{};
    header.p_type = kind;
    header.p_flags = flags;
    header.p_offset = writer_.offset_of(part.begin);
    header.p_vaddr = part.begin;
    header.p_filesz = header.p_memsz = part.end - part.begin;
    writer_.set(program_headers_ + index * sizeof(header), header);
  }

  void write_sections(Elf64_Ehdr& header) {
    constexpr std::string_view kNames{"\0.gopclntab\0.go.buildinfo\0.go.module\0.shstrtab\0", 46};
    const std::uint64_t names = writer_.put_text(kNames);
    writer_.align(8);
    header.e_shoff = writer_.offset_of(writer_.here());
    header.e_shentsize = sizeof(Elf64_Shdr);
    header.e_shnum = 5;
    header.e_shstrndx = 4;
    const auto name_at = [&](std::string_view name) {
      return static_cast<std::uint32_t>(kNames.find(name));
    };
    writer_.put(Elf64_Shdr{});
    put_section(name_at(".gopclntab"), {written_.table, read_only_.end});
    put_section(name_at(".go.buildinfo"), {build_info_, module_});
    put_section(plan_.minor >= 26 ? name_at(".go.module") : 0, {module_, data_.end});
    put_section(name_at(".shstrtab"), {names, names + kNames.size()});
  }

  void put_section(std::uint32_t name, Part part) {
    Elf64_Shdr header{};
    header.sh_name = name;
    header.sh_type = SHT_PROGBITS;
    header.sh_addr = part.begin;
    header.sh_offset = writer_.offset_of(part.begin);
    header.sh_size = part.end - part.begin;
    writer_.put(header);
  }

  const ImagePlan& plan_;
  ImageWriter writer_;
  std::uint64_t header_ = 0;
  std::uint64_t program_headers_ = 0;
  Code code_;
  Part read_only_;
  Part data_;
  WrittenFunctions written_;
  WrittenTypes types_;
  std::uint64_t build_info_ = 0;
  std::uint64_t module_ = 0;
  std::uint64_t dynamic_ = 0;
};

}  // namespace

std::vector<std::byte> build_image(const ImagePlan& plan) { return ImageBuilder(plan).build(); }

}  // namespace beyla::probes::go
