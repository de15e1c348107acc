// A forked child that does what cannot be undone, and tells its parent, the test. For tests with
// one thread.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/fd.h"

namespace beyla::agent::privileges::testing {

struct ChildOutcome {
  std::string text;  // all that it said, until its last end of the pipe closed
  int wait_status = 0;

  [[nodiscard]] bool ended_well() const;  // exit status 0
  [[nodiscard]] bool killed_by(int signal) const;
};

// Says one line to the parent; one write(2), fit for any filter.
class Teller {
 public:
  explicit Teller(int fd) : fd_(fd) {}
  void say(std::string_view line) const;
  // Says "name: 0", or "name: " and errno, where `result` < 0.
  void say_result(std::string_view name, long result) const;
  [[nodiscard]] int fd() const { return fd_; }

 private:
  int fd_;
};

// Runs `body` in a child, which exits with 0 after it; SIGALRM ends it after 20 s. Its stdin is
// /dev/null, its descriptors are inherited.
[[nodiscard]] ChildOutcome run_in_child(const std::function<void(const Teller&)>& body);

// Says the message; exit status 1.
[[noreturn]] void fail_child(const Teller& teller, std::string_view message);

// `result`: a base::Result.
template <typename Result>
void require(const Teller& teller, const Result& result) {
  if (!result) fail_child(teller, result.error().message());
}

// A child that does nothing until it is killed; killed and waited for at the end.
class Sleeper {
 public:
  Sleeper();
  ~Sleeper();
  Sleeper(const Sleeper&) = delete;
  Sleeper& operator=(const Sleeper&) = delete;
  [[nodiscard]] pid_t pid() const { return pid_; }

 private:
  pid_t pid_;
};

// A socket that listens on 127.0.0.1, at a port of the kernel's choice.
class LoopbackListener {
 public:
  LoopbackListener();
  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] int fd() const { return fd_.get(); }

 private:
  base::Fd fd_;
  std::uint16_t port_ = 0;
};

}  // namespace beyla::agent::privileges::testing
