#include "probes/go/image/synthetic/function_writer.h"

#include <span>
#include <vector>

namespace beyla::probes::go {
namespace {

class FunctionWriter {
 public:
  FunctionWriter(ImageWriter& writer, const ImagePlan& plan, std::uint64_t text)
      : writer_(writer), plan_(plan), text_(text), is_wide_(plan.minor < 18) {}

  WrittenFunctions write() {
    written_.table = writer_.here();
    writer_.put(is_wide_ ? 0xfffffffa : plan_.minor < 20 ? 0xfffffff0 : 0xfffffff1);
    writer_.put(std::uint32_t{0x08010000});
    writer_.put(std::uint64_t{plan_.functions.size()});
    writer_.put(std::uint64_t{0});
    if (!is_wide_) writer_.put(std::uint64_t{0});
    const std::uint64_t offsets = writer_.skip(5 * sizeof(std::uint64_t));
    written_.names = writer_.here();
    std::vector<std::uint32_t> names;
    for (const auto& function : plan_.functions) {
      names.push_back(static_cast<std::uint32_t>(writer_.here() - written_.names));
      writer_.put_text(function.name);
      writer_.put('\0');
    }
    written_.names_bytes = writer_.here() - written_.names;
    writer_.align(8);
    written_.functions = writer_.here();
    writer_.set(offsets, written_.names - written_.table);
    writer_.set(offsets + 4 * sizeof(std::uint64_t), written_.functions - written_.table);
    write_entries(names);
    written_.functions_bytes = writer_.here() - written_.functions;
    return written_;
  }

 private:
  void write_entries(std::span<const std::uint32_t> names) {
    const std::uint64_t entry_bytes = is_wide_ ? 16 : 8;
    const std::uint64_t entries = writer_.skip((names.size() + 1) * entry_bytes);
    std::uint64_t pc = text_;
    for (std::size_t i = 0; i <= names.size(); ++i) {
      const std::uint64_t at = entries + i * entry_bytes;
      const std::uint64_t description = writer_.here() - written_.functions;
      if (is_wide_) {
        writer_.set_pointer(at, pc);
        writer_.set(at + 8, description);
        if (i < names.size()) writer_.put_pointer(pc);
      } else {
        writer_.set(at, static_cast<std::uint32_t>(pc - text_));
        writer_.set(at + 4, static_cast<std::uint32_t>(description));
        if (i < names.size()) writer_.put(static_cast<std::uint32_t>(pc - text_));
      }
      if (i == names.size()) break;
      writer_.put(names[i]);
      writer_.skip(is_wide_ ? 4 : 8);
      pc += plan_.functions[i].bytes;
    }
  }

  ImageWriter& writer_;
  const ImagePlan& plan_;
  std::uint64_t text_;
  bool is_wide_;
  WrittenFunctions written_;
};

}  // namespace

WrittenFunctions write_functions(ImageWriter& writer, const ImagePlan& plan, std::uint64_t text) {
  return FunctionWriter(writer, plan, text).write();
}

}  // namespace beyla::probes::go
