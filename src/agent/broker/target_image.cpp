#include "agent/broker/target_image.h"

#include <fcntl.h>
#include <sys/stat.h>

namespace beyla::broker {
namespace {

base::Fd open_for_reading(const std::string& path) {
  return base::Fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
}

}  // namespace

std::expected<TargetImage, NoImage> open_image(
    const model::ProcessKey& process, const discover::inspect::ProcessInspector& inspector) {
  if (inspector.is_bare_fork(process.pid)) return std::unexpected(NoImage::bare_fork);
  TargetImage image;
  image.exe = open_for_reading(inspector.file(process.pid, "exe"));
  image.maps = open_for_reading(inspector.file(process.pid, "maps"));
  const bool is_complete = image.exe.valid() && image.maps.valid();
  if (!is_complete || !inspector.is_same_process(process)) return std::unexpected(NoImage::gone);
  struct stat status{};
  if (::fstat(image.exe.get(), &status) != 0 || !S_ISREG(status.st_mode)) {
    return std::unexpected(NoImage::no_file);
  }
  image.file = probes::loader::identity_of(status);
  return image;
}

}  // namespace beyla::broker
