#include "base/result.h"

#include <cerrno>
#include <cstring>

namespace beyla::base {

std::string Error::message() const {
  if (os_errno == 0) return context;
  return context + ": " + std::strerror(os_errno);
}

Error Error::within(std::string_view what) && {
  context = std::string(what) + ": " + context;
  return std::move(*this);
}

std::unexpected<Error> fail(ErrorCode code, std::string context) {
  return std::unexpected(Error{code, 0, std::move(context)});
}

std::unexpected<Error> fail_errno(int errno_value, std::string context) {
  const bool denied = errno_value == EPERM || errno_value == EACCES;
  return std::unexpected(
      Error{denied ? ErrorCode::permission : ErrorCode::system, errno_value, std::move(context)});
}

std::unexpected<Error> fail_to_start(int errno_value, std::string context) {
  if (errno_value == EAGAIN) {
    context += " (its user has as many processes and threads as it may: ulimit -u, TasksMax)";
  }
  return fail_errno(errno_value, std::move(context));
}

}  // namespace beyla::base
