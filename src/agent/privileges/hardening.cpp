#include "agent/privileges/hardening.h"

#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <span>
#include <string_view>

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

void forget_environment() {
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    if (!text.starts_with("TZ=")) {
      base::wipe(std::as_writable_bytes(std::span(*entry, text.size())));
    }
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
