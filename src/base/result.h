// Result<T>: a value, or an Error with what was being done. Any thread; no global state.
// Error::message() is the one line an operator reads: it says what, where and what to do.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace beyla::base {

enum class ErrorCode {
  invalid_argument,  // the operator's input is wrong: exit code 2
  unsupported,       // the kernel, or this version of beyla, cannot do it: exit code 2
  permission,        // a privilege is missing: exit code 2
  system,            // a system call failed
};

struct Error {
  ErrorCode code = ErrorCode::system;
  int os_errno = 0;  // 0 where no system call is behind it
  std::string context;

  [[nodiscard]] std::string message() const;
  // Puts "what: " in front of the context.
  [[nodiscard]] Error within(std::string_view what) &&;
};

template <typename T>
using Result = std::expected<T, Error>;

[[nodiscard]] std::unexpected<Error> fail(ErrorCode code, std::string context);
// Takes errno_value as the cause; EPERM and EACCES become ErrorCode::permission.
[[nodiscard]] std::unexpected<Error> fail_errno(int errno_value, std::string context);
// Of a process or thread that could not be started: names the limit that EAGAIN stands for,
// fork(2).
[[nodiscard]] std::unexpected<Error> fail_to_start(int errno_value, std::string context);

}  // namespace beyla::base

// Evaluates to the value, or returns the error from the calling function.
#define TRY(expression)                                                       \
  __extension__({                                                             \
    auto try_result_ = (expression);                                          \
    if (!try_result_) return std::unexpected(std::move(try_result_).error()); \
    std::move(try_result_).value();                                           \
  })
// The same for Result<void>.
#define TRY_VOID(expression)                                                  \
  do {                                                                        \
    auto try_result_ = (expression);                                          \
    if (!try_result_) return std::unexpected(std::move(try_result_).error()); \
  } while (false)
