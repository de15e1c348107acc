// Prints the functions of a TLS library that are found in a file without its symbols, one a line:
// name, address in hexadecimal, bytes; or why there are none; and the milliseconds of CPU time that
// it took.
#include <fcntl.h>
#include <fmt/format.h>

#include <cstdlib>
#include <ctime>

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
  const std::clock_t begin = std::clock();
  const auto found = probes::tls::find_hidden_library(*elf);
  const double took = 1000.0 * static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
  if (!found) {
    fmt::print("none\n");
  } else if (!*found) {
    fmt::print("refused {}\n", found->error());
  } else {
    for (const auto& [name, function] : **found) {
      fmt::print("{} {:x} {}\n", name, function.address, function.bytes);
    }
  }
  fmt::print("milliseconds {:.1f}\n", took);
  return EXIT_SUCCESS;
}
