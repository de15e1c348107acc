// Prints the functions of a TLS library that are found in a file without its symbols, one a line:
// name, address in hexadecimal, bytes; or why there are none; and the milliseconds that it took.
#include <fcntl.h>
#include <fmt/format.h>

#include <chrono>
#include <cstdlib>

#include "base/fd.h"
#include "probes/go/report/file_view.h"
#include "probes/tls/report/hidden_library.h"

int main(int count, char** arguments) {
  using namespace beyla;
  if (count != 2) return EXIT_FAILURE;
  const base::Fd file(::open(arguments[1], O_RDONLY | O_CLOEXEC));
  const auto view = probes::go::FileView::make(file.get());
  if (!view) return EXIT_FAILURE;
  const auto elf = probes::elf::ElfFile::read(view->bytes());
  if (!elf) return EXIT_FAILURE;
  const auto begin = std::chrono::steady_clock::now();
  const auto found = probes::tls::find_hidden_library(*elf);
  const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - begin;
  if (!found) {
    fmt::print("none\n");
  } else if (!*found) {
    fmt::print("refused {}\n", found->error());
  } else {
    for (const auto& [name, function] : **found) {
      fmt::print("{} {:x} {}\n", name, function.address, function.bytes);
    }
  }
  fmt::print("milliseconds {:.1f}\n", took.count());
  return EXIT_SUCCESS;
}
