// Reads a Go executable while it becomes shorter: the reader is refused, or ends by SIGBUS, which
// is why it is a process of its own. Usage: truncated_while_read COUNT FILE
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <random>
#include <utility>

#include "asked_image.h"
#include "mapped_file.h"

namespace {

constexpr int kReadings = 100;
constexpr unsigned kMostSeconds = 60;

// Never returns. Says through the pipe that it has begun.
[[noreturn]] void read_over_and_over(int file, std::size_t bytes, int begun) {
  ::alarm(kMostSeconds);
  void* memory = ::mmap(nullptr, bytes, PROT_READ, MAP_SHARED, file, 0);
  if (memory == MAP_FAILED) ::_exit(EXIT_FAILURE);
  const std::span content(static_cast<const std::byte*>(memory), bytes);
  for (int i = 0; i < kReadings; ++i) {
    if (i == 1 && ::write(begun, "", 1) != 1) ::_exit(EXIT_FAILURE);
    const auto image = beyla::probes::go::GoImage::read(content);
    if (image) ask_for_everything(*image);
  }
  ::_exit(EXIT_SUCCESS);
}

// The wait status of a reader of a copy that is cut to `left` bytes meanwhile.
int outcome(std::span<const std::byte> content, std::size_t left) {
  const beyla::base::Fd copy(::memfd_create("copy", MFD_CLOEXEC));
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) std::abort();
  const beyla::base::Fd begun(ends[0]);
  beyla::base::Fd begin(ends[1]);
  for (std::size_t at = 0; at < content.size();) {
    const ssize_t written = ::write(copy.get(), content.data() + at, content.size() - at);
    if (written <= 0) std::abort();
    at += static_cast<std::size_t>(written);
  }
  const pid_t reader = ::fork();
  if (reader == 0) read_over_and_over(copy.get(), content.size(), begin.get());
  begin = {};
  char byte = 0;
  std::ignore = ::read(begun.get(), &byte, 1);
  std::ignore = ::ftruncate(copy.get(), static_cast<off_t>(left));
  int status = 0;
  ::waitpid(reader, &status, 0);
  return status;
}

}  // namespace

int main(int count, char** arguments) {
  const auto file = count == 3 ? MappedFile::open(arguments[2]) : std::nullopt;
  if (!file || file->bytes().empty()) return EXIT_FAILURE;
  std::mt19937_64 random(1);
  int ended = 0;
  int killed = 0;
  const int rounds = std::atoi(arguments[1]);
  for (int i = 0; i < rounds; ++i) {
    const int status = outcome(file->bytes(), random() % file->bytes().size());
    ended += WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS;
    killed += WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS;
  }
  fmt::print("{} readers ended, {} by SIGBUS, of {}\n", ended, killed, rounds);
  return ended + killed == rounds && killed > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
