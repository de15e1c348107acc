#include "agent/broker/target_image.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <iterator>
#include <string>
#include <utility>

#include "probes/proof/executable_maps.h"

namespace beyla::broker {
namespace {

using discover::inspect::ProcessInspector;
using probes::proof::MappedCode;

std::expected<base::Fd, NoImage> open_for_reading(const std::string& path) {
  base::Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.valid()) return file;
  const bool is_denied = errno == EACCES || errno == EPERM;
  return std::unexpected(is_denied ? NoImage::not_permitted : NoImage::gone);
}

template <std::size_t kParts>
bool names_one_of(std::string_view name, const std::array<std::string_view, kParts>& parts) {
  return std::ranges::any_of(parts, [&](std::string_view part) { return name.contains(part); });
}

bool is_named_for_tls(const MappedCode& code) {
  constexpr std::array<std::string_view, 2> kParts = {"ssl", "tls"};
  return names_one_of(code.name, kParts);
}

// Python's greenlet (gevent, eventlet), C++'s Boost, PHP's Swoole.
bool is_named_for_switching(const MappedCode& code) {
  constexpr std::array<std::string_view, 5> kParts = {"greenlet", "boost_context", "boost_fiber",
                                                      "boost_coroutine", "swoole"};
  return names_one_of(code.name, kParts);
}

// Those named for TLS come first, each kind in the order of the map.
std::vector<MappedCode> likely_libraries(std::vector<MappedCode> mapped) {
  std::vector<MappedCode> named;
  std::vector<MappedCode> large;
  for (auto& code : mapped) {
    if (is_named_for_tls(code)) {
      named.push_back(std::move(code));
    } else if (code.code_bytes >= kLargeCodeBytes) {
      large.push_back(std::move(code));
    }
  }
  std::ranges::move(large, std::back_inserter(named));
  named.resize(std::min(named.size(), kMaxLibraries));
  return named;
}

// Of a distribution's library directories; the first that has it counts.
constexpr std::array kUsualFolders = {
    "usr/lib/x86_64-linux-gnu", "usr/lib64",    "usr/lib", "lib64", "lib",
    "usr/local/lib64",          "usr/local/lib"};
constexpr std::array kUsualNames = {"libssl.so.3", "libssl.so.1.1", "libgnutls.so.30"};

std::expected<TargetImage, NoImage> open_regular(const std::string& path) {
  auto file = open_for_reading(path);
  if (!file) return std::unexpected(file.error());
  struct stat status{};
  if (::fstat(file->get(), &status) != 0 || !S_ISREG(status.st_mode)) {
    return std::unexpected(NoImage::no_file);
  }
  return TargetImage{std::move(*file), {}, probes::loader::identity_of(status)};
}

std::expected<TargetImage, NoImage> open_usual(std::uint32_t pid, const ProcessInspector& inspector,
                                               const char* name) {
  for (const char* folder : kUsualFolders) {
    auto image = open_regular(inspector.file(pid, fmt::format("root/{}/{}", folder, name).c_str()));
    if (image) return image;
  }
  return std::unexpected(NoImage::no_file);
}

void add_library(TargetFiles& files, std::expected<TargetImage, NoImage> library) {
  if (!library || library->identity == files.executable.identity) return;
  const auto same = std::ranges::find(files.libraries, library->identity, &TargetImage::identity);
  if (same == files.libraries.end()) files.libraries.push_back(std::move(*library));
}

std::expected<TargetImage, NoImage> open_file(const model::ProcessKey& process,
                                              const ProcessInspector& inspector,
                                              const std::string& name) {
  auto image = open_regular(inspector.file(process.pid, name.c_str()));
  if (!image) return image;
  auto maps = open_for_reading(inspector.file(process.pid, "maps"));
  if (!maps) return std::unexpected(maps.error());
  if (!inspector.is_same_process(process)) return std::unexpected(NoImage::gone);
  image->maps = std::move(*maps);
  return image;
}

}  // namespace

std::expected<TargetImage, NoImage> open_image(const model::ProcessKey& process,
                                               const ProcessInspector& inspector) {
  return open_file(process, inspector, "exe");
}

std::vector<TargetImage> open_usual_libraries(std::uint32_t pid,
                                              const ProcessInspector& inspector) {
  std::vector<TargetImage> libraries;
  for (const char* name : kUsualNames) {
    if (auto library = open_usual(pid, inspector, name)) libraries.push_back(std::move(*library));
  }
  return libraries;
}

std::expected<TargetFiles, NoImage> open_files(const model::ProcessKey& process,
                                               const ProcessInspector& inspector) {
  auto executable = open_image(process, inspector);
  if (!executable) return std::unexpected(executable.error());
  TargetFiles files{.executable = std::move(*executable),
                    .libraries = {},
                    .is_bare_fork = inspector.is_bare_fork(process.pid)};
  const auto maps = open_for_reading(inspector.file(process.pid, "maps"));
  if (!maps) return std::unexpected(maps.error());
  auto mapped = probes::proof::mapped_code(maps->get());
  if (!mapped) return files;
  const bool is_static = mapped->size() < 2;  // it has no loader to load libraries with
  files.switches_stacks = std::ranges::any_of(*mapped, is_named_for_switching);
  for (const MappedCode& code : likely_libraries(std::move(*mapped))) {
    add_library(files,
                open_file(process, inspector,
                          fmt::format("map_files/{:x}-{:x}", code.address, code.address_end)));
  }
  if (is_static) return files;
  for (TargetImage& library : open_usual_libraries(process.pid, inspector)) {
    add_library(files, std::move(library));
  }
  if (!inspector.is_same_process(process)) return std::unexpected(NoImage::gone);
  return files;
}

}  // namespace beyla::broker
