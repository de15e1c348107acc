#include "agent/spawn/spawner_process.h"

#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <optional>
#include <span>

#include "agent/spawn/child_process.h"
#include "agent/spawn/child_table.h"
#include "agent/spawn/messages.h"
#include "agent/spawn/process_setup.h"
#include "base/fd_message.h"

namespace beyla::agent::spawn {
namespace {

constexpr std::uint64_t kNsPerSecond = 1'000'000'000;
constexpr std::uint64_t kNsPerMicrosecond = 1'000;

std::uint64_t to_ns(const timeval& time) {
  return static_cast<std::uint64_t>(time.tv_sec) * kNsPerSecond +
         static_cast<std::uint64_t>(time.tv_usec) * kNsPerMicrosecond;
}

template <typename T>
std::span<const std::byte> bytes_of(const T& value) {
  return std::as_bytes(std::span(&value, 1));
}

class SpawnerProcess {
 public:
  SpawnerProcess(SpawnerEnds ends, base::Fd child_signals, std::vector<RoleEntry> roles)
      : ends_(std::move(ends)),
        child_signals_(std::move(child_signals)),
        roles_(std::move(roles)) {}

  // Until the broker is gone.
  void run();

 private:
  enum class Sent { yes, later, nobody_listens };

  void take_request();
  abi::spawn_report start_child(const abi::spawn_request& request, base::ReceivedMessage& message);
  void kill_child(std::uint64_t id);
  void refuse(abi::spawn_report& report, abi::spawn_refusal reason, int os_errno = 0);
  void reap();
  Sent send_answer();
  Sent send_exits();
  static Sent send(int socket, const abi::spawn_report& report);

  SpawnerEnds ends_;
  base::Fd child_signals_;
  std::vector<RoleEntry> roles_;
  ChildTable children_;
  std::optional<abi::spawn_report> answer_;  // while it waits for room, no request is read
  std::uint64_t refused_ = 0;
};

abi::spawn_report empty_report(abi::spawn_report_kind kind) {
  abi::spawn_report report{};
  report.version = abi::kSpawnVersion;
  report.length = sizeof(report);
  report.kind = kind;
  return report;
}

void SpawnerProcess::run() {
  constexpr short kGone = POLLHUP | POLLRDHUP | POLLERR | POLLNVAL;
  while (true) {
    const short control = answer_ ? POLLOUT : POLLIN;
    const short exits = children_.find_ended() != nullptr ? POLLOUT : 0;
    std::array<pollfd, 3> waits{{{ends_.control.get(), static_cast<short>(control | POLLRDHUP), 0},
                                 {ends_.exits.get(), static_cast<short>(exits | POLLRDHUP), 0},
                                 {child_signals_.get(), POLLIN, 0}}};
    if (::poll(waits.data(), waits.size(), -1) < 0) continue;
    if (((waits[0].revents | waits[1].revents) & kGone) != 0) return;
    if ((waits[2].revents & POLLIN) != 0) reap();
    if ((waits[0].revents & POLLIN) != 0) take_request();
    if (send_answer() == Sent::nobody_listens || send_exits() == Sent::nobody_listens) return;
  }
}

void SpawnerProcess::take_request() {
  std::array<std::byte, sizeof(abi::spawn_request)> buffer{};
  auto message = base::receive_message(ends_.control.get(), buffer);
  if (!message) return;
  const auto request =
      decode_request(std::span(buffer).first(message->bytes), {message->fd_count, message->cut});
  if (!request) {
    refuse(answer_.emplace(empty_report(abi::kSpawnRefused)), request.error());
  } else if (request->kind == abi::kSpawnKill) {
    kill_child(request->child_id);
  } else {
    answer_ = start_child(*request, *message);
  }
}

abi::spawn_report SpawnerProcess::start_child(const abi::spawn_request& request,
                                              base::ReceivedMessage& message) {
  auto report = empty_report(abi::kSpawnStarted);
  report.child_id = request.child_id;
  report.refused_total = refused_;
  const auto role =
      std::ranges::find(roles_, static_cast<ChildRole>(request.role), &RoleEntry::role);
  ChildSlot* const slot = children_.find_free();
  if (role == roles_.end()) {
    refuse(report, abi::kRefusedRole);
  } else if (children_.find(request.child_id) != nullptr) {
    refuse(report, abi::kRefusedIdInUse);
  } else if (slot == nullptr) {
    refuse(report, abi::kRefusedTooMany);
  } else {
    const pid_t spawner = ::getpid();
    const pid_t pid = ::fork();
    if (pid == 0) {
      const auto files = std::span(message.fds).subspan(1, request.file_count);
      run_child(*role, spawner, std::move(message.fds[0]),
                {std::make_move_iterator(files.begin()), std::make_move_iterator(files.end())});
    }
    if (pid < 0) {
      refuse(report, abi::kRefusedFork, errno);
    } else {
      *slot = {request.child_id, pid, false, 0, 0};
      report.pid = pid;
    }
  }
  return report;
}

void SpawnerProcess::kill_child(std::uint64_t id) {
  const ChildSlot* const slot = children_.find(id);
  // Until it is reaped, its pid is nobody else's.
  if (slot != nullptr && !slot->ended) ::kill(slot->pid, SIGKILL);
}

void SpawnerProcess::refuse(abi::spawn_report& report, abi::spawn_refusal reason, int os_errno) {
  report.kind = abi::kSpawnRefused;
  report.refusal = reason;
  report.os_errno = os_errno;
  report.refused_total = ++refused_;
}

void SpawnerProcess::reap() {
  signalfd_siginfo info{};
  while (::read(child_signals_.get(), &info, sizeof(info)) > 0) {
  }
  int status = 0;
  rusage usage{};
  pid_t pid = 0;
  while ((pid = ::wait4(-1, &status, WNOHANG, &usage)) > 0) {
    ChildSlot* const slot = children_.find_running(pid);
    if (slot == nullptr) continue;
    slot->ended = true;
    slot->status = status;
    slot->cpu_ns = to_ns(usage.ru_utime) + to_ns(usage.ru_stime);
  }
}

SpawnerProcess::Sent SpawnerProcess::send_answer() {
  if (!answer_) return Sent::yes;
  const Sent sent = send(ends_.control.get(), *answer_);
  if (sent == Sent::yes) answer_.reset();
  return sent;
}

SpawnerProcess::Sent SpawnerProcess::send_exits() {
  while (ChildSlot* const slot = children_.find_ended()) {
    auto report = empty_report(abi::kSpawnExited);
    report.child_id = slot->id;
    report.pid = slot->pid;
    report.exit_code = WIFEXITED(slot->status) ? WEXITSTATUS(slot->status) : 0;
    report.signal = WIFSIGNALED(slot->status) ? WTERMSIG(slot->status) : 0;
    report.cpu_ns = slot->cpu_ns;
    report.refused_total = refused_;
    const Sent sent = send(ends_.exits.get(), report);
    if (sent != Sent::yes) return sent;
    *slot = {};
  }
  return Sent::yes;
}

SpawnerProcess::Sent SpawnerProcess::send(int socket, const abi::spawn_report& report) {
  const int error = base::send_message(socket, bytes_of(report), {});
  if (error == 0) return Sent::yes;
  // Short of memory, too: the next wake-up tries again.
  return error == EPIPE || error == ECONNRESET ? Sent::nobody_listens : Sent::later;
}

base::Result<base::Fd> prepare(const SpawnerEnds& ends, const SpawnHooks& hooks, pid_t broker) {
  TRY_VOID(die_with(broker));
  ::prctl(PR_SET_NAME, "beyla-spawn");
  reset_signals(StopSignals::ignored);
  TRY_VOID(empty_stdin());
  TRY_VOID(close_fds_but(std::array{ends.control.get(), ends.exits.get()}));
  sigset_t child_ended;
  ::sigemptyset(&child_ended);
  ::sigaddset(&child_ended, SIGCHLD);
  ::sigprocmask(SIG_BLOCK, &child_ended, nullptr);
  base::Fd signals(::signalfd(-1, &child_ended, SFD_NONBLOCK | SFD_CLOEXEC));
  if (!signals.valid()) return base::fail_errno(errno, "cannot make a signalfd");
  TRY_VOID(hooks.secure_spawner());
  TRY_VOID(die_with(broker));  // a change of credentials has cleared it
  return signals;
}

void say_hello(int control, const base::Error* error) {
  abi::spawn_hello hello{};
  hello.version = abi::kSpawnVersion;
  hello.length = sizeof(hello);
  hello.ready = error == nullptr ? 1 : 0;
  if (error != nullptr) {
    hello.os_errno = error->os_errno;
    const std::size_t length =
        std::min<std::size_t>(error->context.size(), abi::kSpawnProblemBytes - 1);
    std::memcpy(hello.problem, error->context.data(), length);
  }
  // Nobody is there to be told when this fails; the next step notices.
  static_cast<void>(base::send_message(control, bytes_of(hello), {}));
}

}  // namespace

void run_spawner(SpawnerEnds ends, std::vector<RoleEntry> roles, const SpawnHooks& hooks,
                 pid_t broker) noexcept {
  auto signals = prepare(ends, hooks, broker);
  say_hello(ends.control.get(), signals ? nullptr : &signals.error());
  if (!signals) ::_exit(1);
  SpawnerProcess(std::move(ends), std::move(*signals), std::move(roles)).run();
  ::_exit(0);
}

}  // namespace beyla::agent::spawn
