// For developers: what would be probed in a file. print_report FILE...
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <chrono>

#include "base/fd.h"
#include "probes/go/report/binary_report.h"
#include "probes/go/report/report_text.h"

#include "probes/go/report/file_view.h"

using namespace beyla;

int main(int argc, char** argv) {
  for (int index = 1; index < argc; ++index) {
    const base::Fd file(::open(argv[index], O_RDONLY | O_CLOEXEC));
    const auto view = probes::go::FileView::make(file.get());
    if (!view) {
      fmt::print(stderr, "{}: {}\n", argv[index], view.error().message());
      return 1;
    }
    const auto begin = std::chrono::steady_clock::now();
    const auto report = probes::go::make_binary_report(view->bytes());
    const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - begin;
    fmt::print("{}: {:.1f} ms\n{}", argv[index], took.count(), probes::go::text_of(report));
  }
  return 0;
}
