#include "agent/broker/target_image.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <utility>

namespace beyla::broker {
namespace {

std::expected<base::Fd, NoImage> open_for_reading(const std::string& path) {
  base::Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.valid()) return file;
  const bool is_denied = errno == EACCES || errno == EPERM;
  return std::unexpected(is_denied ? NoImage::not_permitted : NoImage::gone);
}

}  // namespace

std::expected<TargetImage, NoImage> open_image(
    const model::ProcessKey& process, const discover::inspect::ProcessInspector& inspector) {
  if (inspector.is_bare_fork(process.pid)) return std::unexpected(NoImage::bare_fork);
  auto exe = open_for_reading(inspector.file(process.pid, "exe"));
  if (!exe) return std::unexpected(exe.error());
  auto maps = open_for_reading(inspector.file(process.pid, "maps"));
  if (!maps) return std::unexpected(maps.error());
  if (!inspector.is_same_process(process)) return std::unexpected(NoImage::gone);
  TargetImage image{std::move(*exe), std::move(*maps), {}};
  struct stat status{};
  if (::fstat(image.exe.get(), &status) != 0 || !S_ISREG(status.st_mode)) {
    return std::unexpected(NoImage::no_file);
  }
  image.file = probes::loader::identity_of(status);
  return image;
}

}  // namespace beyla::broker
