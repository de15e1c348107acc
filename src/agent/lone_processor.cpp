#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "agent/config/environment.h"
#include "agent/roles.h"
#include "agent/run_command.h"

namespace beyla::agent {
namespace {

constexpr int kFirstHandedFd = 3;  // SD_LISTEN_FDS_START, sd-daemon.h

template <typename Number>
bool names(std::optional<std::string_view> text, Number wanted) {
  return text && *text == std::to_string(wanted);
}

}  // namespace

base::Result<int> run_lone_processor(config::Environment environment) {
  if (!names(config::find_variable(environment, "LISTEN_PID"), ::getpid()) ||
      !names(config::find_variable(environment, "LISTEN_FDS"), 1)) {
    return base::fail(base::ErrorCode::invalid_argument,
                      "no socket was handed over: `beyla processor` is started by "
                      "beyla-processor.socket");
  }
  base::Fd listening(kFirstHandedFd);
  base::Fd channel(::accept4(listening.get(), nullptr, nullptr, SOCK_CLOEXEC));
  if (!channel.valid()) return base::fail_errno(errno, "cannot accept the broker");
  listening.reset();  // the next connection is for a successor
  TRY_VOID(secure_lone_processor(channel.get()));
  // The kernel tells the broker who says it.
  const char hello = 'h';
  if (::send(channel.get(), &hello, sizeof(hello), MSG_NOSIGNAL) != sizeof(hello)) {
    return base::fail_errno(errno, "cannot greet the broker");
  }
  return run_processor_role(std::move(channel), {});
}

}  // namespace beyla::agent
