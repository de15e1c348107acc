// Reads whatever files it is given, and asks Go executables for everything.
// Usage: read_images FILE...      Prints a line a file: `FILE: read` or `FILE: REASON`.
#include <utility>

#include "asked_image.h"
#include "mapped_file.h"

int main(int count, char** arguments) {
  for (int i = 1; i < count; ++i) {
    const auto file = MappedFile::open(arguments[i]);
    if (!file) {
      fmt::print(stderr, "{}: cannot be opened\n", arguments[i]);
      return EXIT_FAILURE;
    }
    const auto image = beyla::probes::go::GoImage::read(file->bytes());
    if (image) ask_for_everything(*image);
    fmt::print("{}: {}\n", arguments[i],
               image ? "read" : beyla::probes::go::refusal_name(image.error()));
  }
  return EXIT_SUCCESS;
}
