#include "agent/privileges/testing/child.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>

namespace beyla::agent::privileges::testing {
namespace {

constexpr unsigned kDeadlineSeconds = 20;

int wait_for(pid_t pid) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return status;
}

}  // namespace

bool ChildOutcome::ended_well() const {
  return WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == 0;
}
bool ChildOutcome::killed_by(int signal) const {
  return WIFSIGNALED(wait_status) && WTERMSIG(wait_status) == signal;
}

void Teller::say(std::string_view line) const {
  std::string text(line);
  text += '\n';
  if (::write(fd_, text.data(), text.size()) < 0) ::_exit(2);
}
void Teller::say_result(std::string_view name, long result) const {
  const int error = result < 0 ? errno : 0;
  say(std::string(name) + ": " + std::to_string(error));
}

void fail_child(const Teller& teller, std::string_view message) {
  teller.say(message);
  ::_exit(1);
}

ChildOutcome run_in_child(const std::function<void(const Teller&)>& body) {
  int ends[2] = {-1, -1};
  if (::pipe2(ends, O_CLOEXEC) != 0) std::abort();
  const pid_t pid = ::fork();
  if (pid < 0) std::abort();
  if (pid == 0) {
    ::alarm(kDeadlineSeconds);
    ::close(ends[0]);
    const base::Fd nothing(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    ::dup2(nothing.get(), STDIN_FILENO);
    body(Teller(ends[1]));
    ::_exit(0);
  }
  ::close(ends[1]);
  const base::Fd from_child(ends[0]);
  ChildOutcome outcome;
  std::array<char, 4096> chunk{};
  ssize_t got = 0;
  while ((got = ::read(from_child.get(), chunk.data(), chunk.size())) > 0 ||
         (got < 0 && errno == EINTR)) {
    if (got > 0) outcome.text.append(chunk.data(), static_cast<std::size_t>(got));
  }
  outcome.wait_status = wait_for(pid);
  return outcome;
}

Sleeper::Sleeper() : pid_(::fork()) {
  if (pid_ < 0) std::abort();
  if (pid_ != 0) return;
  ::alarm(10 * kDeadlineSeconds);
  while (true) ::pause();
}
Sleeper::~Sleeper() {
  ::kill(pid_, SIGKILL);
  wait_for(pid_);
}

LoopbackListener::LoopbackListener() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t bytes = sizeof(address);
  auto* generic = static_cast<sockaddr*>(static_cast<void*>(&address));
  if (::bind(fd_.get(), generic, bytes) != 0 || ::listen(fd_.get(), 8) != 0 ||
      ::getsockname(fd_.get(), generic, &bytes) != 0) {
    std::abort();
  }
  port_ = ntohs(address.sin_port);
}

}  // namespace beyla::agent::privileges::testing
