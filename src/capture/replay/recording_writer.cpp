#include "capture/replay/recording_writer.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cassert>
#include <cerrno>
#include <utility>

namespace beyla::capture::replay {
namespace {

constexpr std::size_t kBufferBytes = 256 * 1024;  // ours: some 60 full records per write
constexpr mode_t kOwnerOnly = S_IRUSR | S_IWUSR;  // paths and peers stay in a recording

}  // namespace

base::Result<RecordingFile> RecordingFile::create(const std::string& path) {
  base::Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, kOwnerOnly));
  if (file.valid()) return RecordingFile(std::move(file), path);
  if (errno == EEXIST) {
    return base::fail(base::ErrorCode::invalid_argument,
                      path + " exists: a recording never replaces a file, choose another name");
  }
  return base::fail_errno(errno, "cannot create " + path);
}

RecordingFile::~RecordingFile() {
  if (fd_.valid()) ::unlink(path_.c_str());
}

RecordingWriter::RecordingWriter(base::Fd file, std::string name,
                                 std::chrono::nanoseconds wall_offset)
    : file_(std::move(file)), name_(std::move(name)) {
  buffer_.reserve(kBufferBytes);
  const recording_header header{kMagic, kFormatVersion, abi::kAbiVersion, wall_offset.count()};
  put(std::as_bytes(std::span(&header, 1)));
  flush();
}

void RecordingWriter::append(EntryKind kind, std::span<const std::byte> payload) {
  assert(payload.size() <= kMaxPayloadBytes);
  if (error_) return;
  if (buffer_.size() + sizeof(entry_header) + payload.size() > kBufferBytes) flush();
  const entry_header header{static_cast<std::uint32_t>(kind),
                            static_cast<std::uint32_t>(payload.size())};
  put(std::as_bytes(std::span(&header, 1)));
  put(payload);
}

void RecordingWriter::put(std::span<const std::byte> bytes) {
  buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
}

void RecordingWriter::flush() {
  std::span<const std::byte> rest = buffer_;
  while (!rest.empty() && !error_) {
    const ssize_t written = ::write(file_.get(), rest.data(), rest.size());
    if (written < 0) {
      if (errno != EINTR) fail(errno);
      continue;
    }
    rest = rest.subspan(static_cast<std::size_t>(written));
  }
  buffer_.clear();
}

void RecordingWriter::finish() {
  flush();
  // Some file systems report a full disk only here.
  const int fd = file_.release();
  if (fd >= 0 && ::close(fd) != 0 && !error_) fail(errno);
}

void RecordingWriter::fail(int os_errno) {
  error_ = base::Error{base::ErrorCode::system, os_errno,
                       "cannot write " + name_ + ", the recording ends here"};
}

}  // namespace beyla::capture::replay
