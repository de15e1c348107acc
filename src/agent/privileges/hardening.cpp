#include "agent/privileges/hardening.h"

#include <dirent.h>
#include <fmt/format.h>
#include <linux/close_range.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstring>
#include <limits>
#include <memory>
#include <string_view>
#include <vector>

#include "base/wipe.h"

namespace beyla::agent::privileges {
namespace {

struct ResourceName {
  Resource resource;
  __rlimit_resource number;
  std::string_view name;
};
constexpr std::array kResources = {
    ResourceName{Resource::cpu_seconds, RLIMIT_CPU, "CPU seconds"},
    ResourceName{Resource::address_space_bytes, RLIMIT_AS, "address space"},
    ResourceName{Resource::processes, RLIMIT_NPROC, "processes"},
    ResourceName{Resource::open_files, RLIMIT_NOFILE, "open files"},
    ResourceName{Resource::file_size_bytes, RLIMIT_FSIZE, "file size"},
};

base::Result<void> lower(__rlimit_resource number, std::string_view name, rlim_t most) {
  rlimit now{};
  if (::getrlimit(number, &now) != 0) {
    return base::fail_errno(errno, fmt::format("cannot read the limit of {}", name));
  }
  const rlim_t wanted = std::min(most, now.rlim_max);
  const rlimit next{wanted, wanted};
  rlimit after{};
  if (::setrlimit(number, &next) != 0 || ::getrlimit(number, &after) != 0) {
    return base::fail_errno(errno, fmt::format("cannot limit {} to {}", name, wanted));
  }
  if (after.rlim_cur == wanted && after.rlim_max == wanted) return {};
  return base::fail(base::ErrorCode::permission,
                    fmt::format("the limit of {} is {}, not {}", name, after.rlim_max, wanted));
}

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};

base::Result<std::vector<int>> listed_fds() {
  const std::unique_ptr<DIR, CloseDirectory> directory(::opendir("/proc/self/fd"));
  if (directory == nullptr) return base::fail_errno(errno, "cannot list the open files");
  std::vector<int> fds;
  errno = 0;
  // One thread, one stream of its own.  NOLINTNEXTLINE(concurrency-mt-unsafe)
  while (const dirent* entry = ::readdir(directory.get())) {
    const std::string_view name = entry->d_name;
    int fd = -1;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), fd);
    const bool is_number = error == std::errc{} && end == name.data() + name.size();
    if (is_number && fd != ::dirfd(directory.get())) fds.push_back(fd);
  }
  if (errno != 0) return base::fail_errno(errno, "cannot list the open files");
  return fds;
}

base::Result<void> close_one_by_one(std::span<const int> kept) {
  for (const int fd : TRY(listed_fds())) {
    if (std::ranges::find(kept, fd) == kept.end()) ::close(fd);
  }
  return {};
}

}  // namespace

base::Result<void> harden_process() {
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) {
    return base::fail_errno(errno, "cannot harden the process");
  }
  TRY_VOID(lower(RLIMIT_CORE, "core files", 0));
  if (::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 && ::prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0) {
    return {};
  }
  return base::fail(base::ErrorCode::permission, "the process is not hardened after all");
}

base::Result<void> die_with_parent(pid_t expected_parent) {
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) {
    return base::fail_errno(errno, "cannot ask for an end along with the parent");
  }
  // Who ended before the call sends no signal.
  if (::getppid() == expected_parent) return {};
  return base::fail(base::ErrorCode::system, "the parent has ended already");
}

base::Result<void> close_all_fds_but(std::span<const int> kept) {
  std::vector<int> sorted(kept.begin(), kept.end());
  std::erase_if(sorted, [](int fd) { return fd < 0; });
  std::ranges::sort(sorted);
  unsigned first = 0;
  const auto close_up_to = [&first](unsigned last) {
    return first > last || ::syscall(SYS_close_range, first, last, 0) == 0;
  };
  bool closed = true;
  for (const int fd : sorted) {
    const auto number = static_cast<unsigned>(fd);
    closed = closed && (number == 0 || close_up_to(number - 1));
    first = number + 1;
  }
  closed = closed && close_up_to(std::numeric_limits<unsigned>::max());
  if (closed) return {};
  if (errno == ENOSYS) return close_one_by_one(sorted);
  return base::fail_errno(errno, "cannot close the files of others");
}

void forget_environment() {
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    if (!text.starts_with("TZ="))
      base::wipe(std::as_writable_bytes(std::span(*entry, text.size())));
  }
}

base::Result<void> limit(Resource resource, std::uint64_t most) {
  const auto found = std::ranges::find(kResources, resource, &ResourceName::resource);
  if (found == kResources.end()) {
    return base::fail(base::ErrorCode::invalid_argument, "no such resource");
  }
  return lower(found->number, found->name, most);
}

}  // namespace beyla::agent::privileges
