#include "agent/spawn/spawner.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "agent/spawn/messages.h"
#include "agent/spawn/process_setup.h"
#include "agent/spawn/spawner_process.h"
#include "base/byte_reader.h"
#include "base/fd_message.h"
#include "base/wait_readable.h"

namespace beyla::agent::spawn {
namespace {

constexpr std::chrono::seconds kStartTime{5};
constexpr std::chrono::seconds kAnswerTime{2};
constexpr std::size_t kNameBytes = 15;  // TASK_COMM_LEN without its NUL

using Pair = std::pair<base::Fd, base::Fd>;

base::Result<Pair> make_pair_of_sockets() {
  int fds[2] = {-1, -1};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) != 0) {
    return base::fail_errno(errno, "cannot make a socket pair");
  }
  return Pair(base::Fd(fds[0]), base::Fd(fds[1]));
}

std::unexpected<base::Error> gone() { return base::fail_errno(EPIPE, "the spawner has ended"); }

bool means_gone(int error) { return error == EPIPE || error == ECONNRESET; }

abi::spawn_request make_request(abi::spawn_request_kind kind, std::uint64_t id) {
  abi::spawn_request request{};
  request.version = abi::kSpawnVersion;
  request.length = sizeof(request);
  request.kind = kind;
  request.child_id = id;
  return request;
}

int send_request(int socket, const abi::spawn_request& request, std::span<const int> fds) {
  return base::send_message(socket, std::as_bytes(std::span(&request, 1)), fds);
}

base::Result<void> check_roles(std::span<const RoleEntry> roles, const SpawnHooks& hooks) {
  bool complete = static_cast<bool>(hooks.secure_spawner);
  for (const RoleEntry& role : roles) {
    complete = complete && role.main != nullptr && role.secure != nullptr && role.name != nullptr &&
               std::strlen(role.name) <= kNameBytes;
  }
  if (complete) return {};
  return base::fail(base::ErrorCode::invalid_argument,
                    "a role of the spawner lacks its name, its function or how it is secured");
}

}  // namespace

base::Result<Spawner> Spawner::start(std::span<const RoleEntry> roles, const SpawnHooks& hooks) {
  TRY_VOID(check_roles(roles, hooks));
  TRY_VOID(fill_stdio());
  auto [control, spawner_control] = TRY(make_pair_of_sockets());
  auto [exits, spawner_exits] = TRY(make_pair_of_sockets());
  std::vector<RoleEntry> copied(roles.begin(), roles.end());
  const pid_t broker = ::getpid();
  std::fflush(nullptr);  // else each child would print what waits in there, too
  const pid_t pid = ::fork();
  if (pid < 0) return base::fail_to_start(errno, "cannot fork the spawner");
  if (pid == 0) {
    run_spawner({std::move(spawner_control), std::move(spawner_exits)}, std::move(copied), hooks,
                broker);
  }
  spawner_control.reset();
  spawner_exits.reset();
  Spawner spawner(OwnProcess(pid), std::move(control), std::move(exits));
  TRY_VOID(spawner.await_hello());
  return spawner;
}

base::Result<void> Spawner::await_hello() {
  if (base::wait_readable(control_.get(), std::chrono::steady_clock::now() + kStartTime) != 0) {
    process_.kill();
    return base::fail(base::ErrorCode::system, "the spawner was not ready within 5 s");
  }
  std::array<std::byte, sizeof(abi::spawn_hello)> buffer{};
  const auto message = base::receive_message(control_.get(), buffer);
  if (!message || message->bytes == 0) return gone();
  const auto hello = decode_hello(std::span(buffer).first(message->bytes));
  if (!hello || message->cut) {
    return base::fail(base::ErrorCode::system, "the spawner's hello is not understood");
  }
  if (hello->ready == 1) return {};
  const auto text = base::as_text(std::as_bytes(std::span(hello->problem)));
  const std::string problem(text.substr(0, text.find('\0')));
  const std::string context = "the spawner cannot be secured: " + problem;
  if (hello->os_errno != 0) return base::fail_errno(hello->os_errno, context);
  return base::fail(base::ErrorCode::system, context);
}

base::Result<Spawner::Child> Spawner::spawn(ChildRole role, std::span<const int> files) {
  if (files.size() > abi::kMaxSpawnFiles) {
    return base::fail(base::ErrorCode::invalid_argument, "a child gets 16 files at most");
  }
  auto [channel, child_end] = TRY(make_pair_of_sockets());
  std::array<int, abi::kMaxSpawnFiles + 1> fds{child_end.get()};
  static_assert(fds.size() <= base::kMaxMessageFds);
  std::ranges::copy(files, fds.begin() + 1);
  auto request = make_request(abi::kSpawnChild, next_id_++);
  request.role = static_cast<std::uint32_t>(role);
  request.file_count = static_cast<std::uint32_t>(files.size());
  if (const int error =
          send_request(control_.get(), request, std::span(fds).first(files.size() + 1));
      error != 0) {
    if (means_gone(error)) return gone();
    return base::fail_errno(error, "cannot ask the spawner for a child");
  }
  const pid_t pid = TRY(await_answer(request.child_id));
  return Child{request.child_id, pid, std::move(channel)};
}

base::Result<pid_t> Spawner::await_answer(std::uint64_t id) {
  const auto until = std::chrono::steady_clock::now() + kAnswerTime;
  std::array<std::byte, sizeof(abi::spawn_report)> buffer{};
  while (base::wait_readable(control_.get(), until) == 0) {
    const auto message = base::receive_message(control_.get(), buffer);
    if (!message || message->bytes == 0) return gone();
    const auto report = decode_report(std::span(buffer).first(message->bytes));
    if (!report || message->cut || report->child_id > id || report->kind == abi::kSpawnExited) {
      return base::fail(base::ErrorCode::system, "an answer of the spawner is not understood");
    }
    refused_ = report->refused_total;
    if (report->child_id != 0 && report->child_id < id) continue;  // of a call that gave up
    if (report->kind == abi::kSpawnStarted) return report->pid;
    const std::string context = std::string("the spawner refuses: ") +
                                refusal_text(static_cast<abi::spawn_refusal>(report->refusal));
    if (report->refusal == abi::kRefusedFork) {
      return base::fail_to_start(report->os_errno, context);
    }
    if (report->os_errno != 0) return base::fail_errno(report->os_errno, context);
    return base::fail(base::ErrorCode::system, context);
  }
  kill(id);
  return base::fail_errno(ETIMEDOUT, "the spawner did not answer within 2 s");
}

void Spawner::kill(std::uint64_t id) {
  // A spawner that is gone has taken the child along; read_exit() says so.
  static_cast<void>(send_request(control_.get(), make_request(abi::kSpawnKill, id), {}));
}

base::Result<std::optional<ChildExit>> Spawner::read_exit() {
  std::array<std::byte, sizeof(abi::spawn_report)> buffer{};
  const auto message = base::receive_message(exits_.get(), buffer);
  if (!message && message.error() == EAGAIN) return std::nullopt;
  if (!message || message->bytes == 0) return gone();
  const auto report = decode_report(std::span(buffer).first(message->bytes));
  if (!report || message->cut || report->kind != abi::kSpawnExited) {
    return base::fail(base::ErrorCode::system, "an exit report of the spawner is not understood");
  }
  refused_ = report->refused_total;
  return ChildExit{report->child_id, report->pid, report->exit_code, report->signal,
                   std::chrono::nanoseconds(report->cpu_ns)};
}

}  // namespace beyla::agent::spawn
