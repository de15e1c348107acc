#include "agent/doctor/trial.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <span>
#include <string_view>

#include "base/fd.h"
#include "base/result.h"
#include "capture/ring/kernel_capture.h"
#include "probes/loader/kernel_probes.h"

namespace beyla::agent::doctor {
namespace {

constexpr std::string_view kQuestion = "beyla doctor asks";
constexpr std::string_view kAnswer = "beyla doctor answers";
constexpr timeval kPatience{2, 0};  // loopback takes microseconds
constexpr unsigned kChildSeconds = 5;

struct IgnoreProcesses final : probes::loader::ProcessEventSink {
  void on_started(const model::ProcessStarted&) override {}
  void on_exited(const model::ProcessKey&, base::BootTime) override {}
  void on_tls_strangers(std::uint32_t /*library*/, base::BootTime /*time*/) override {}
};

// Notes which of our own bytes were captured.
class Witness final : public model::EventSink {
 public:
  explicit Witness(TrialFacts& facts) : facts_(facts) {}
  void on_opened(const model::ConnectionOpened&) override {}
  void on_data(const model::StreamData& event) override {
    const bool received = event.direction == model::Direction::received;
    const std::string_view expected = received ? kQuestion : kAnswer;
    const auto bytes = std::as_bytes(std::span(expected));
    if (!std::ranges::equal(event.head, bytes)) return;
    (received ? facts_.received_seen : facts_.sent_seen) = true;
  }
  void on_send_closed(const model::SendClosed&) override {}
  void on_closed(const model::ConnectionClosed&) override {}

 private:
  TrialFacts& facts_;
};

sockaddr* generic(sockaddr_in& address) {
  return static_cast<sockaddr*>(static_cast<void*>(&address));
}

struct BoundSocket {
  base::Fd fd;
  sockaddr_in address{};
};

// A port of our own on 127.0.0.1, on which nobody listens yet.
base::Result<BoundSocket> bind_loopback() {
  BoundSocket bound;
  bound.fd = base::Fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  bound.address.sin_family = AF_INET;
  bound.address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(bound.address);
  if (!bound.fd.valid() || ::bind(bound.fd.get(), generic(bound.address), size) != 0 ||
      ::getsockname(bound.fd.get(), generic(bound.address), &size) != 0) {
    return base::fail_errno(errno, "cannot open a socket on 127.0.0.1");
  }
  return bound;
}

bool receive_exactly(int fd, std::string_view expected) {
  char buffer[64];
  static_assert(kQuestion.size() < sizeof(buffer) && kAnswer.size() < sizeof(buffer));
  const ssize_t got = ::recv(fd, buffer, expected.size(), MSG_WAITALL);
  return got == static_cast<ssize_t>(expected.size()) &&
         std::memcmp(buffer, expected.data(), expected.size()) == 0;
}

bool send_all(int fd, std::string_view text) {
  return ::send(fd, text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size());
}

// The child: its listen() is what selects it. Returns its exit code.
int serve_once(int listener, int ready) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::alarm(kChildSeconds);
  if (::listen(listener, 1) != 0) return 1;
  if (::write(ready, "r", 1) != 1) return 1;
  const base::Fd connection(::accept(listener, nullptr, nullptr));
  if (!connection.valid() || !receive_exactly(connection.get(), kQuestion)) return 1;
  return send_all(connection.get(), kAnswer) ? 0 : 1;
}

base::Result<void> ask(sockaddr_in address, int ready) {
  char byte = 0;
  if (::read(ready, &byte, 1) != 1) {
    return base::fail(base::ErrorCode::system, "the test process does not listen");
  }
  const base::Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof(kPatience));
  ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &kPatience, sizeof(kPatience));
  if (::connect(socket.get(), generic(address), sizeof(address)) != 0) {
    return base::fail_errno(errno, "cannot connect over loopback");
  }
  if (!send_all(socket.get(), kQuestion) || !receive_exactly(socket.get(), kAnswer)) {
    return base::fail(base::ErrorCode::system, "no answer over loopback");
  }
  return {};
}

base::Result<void> exchange_over_loopback(const BoundSocket& bound) {
  int pipe_fds[2];
  if (::pipe2(pipe_fds, O_CLOEXEC) != 0) return base::fail_errno(errno, "cannot make a pipe");
  const base::Fd read_end(pipe_fds[0]);
  base::Fd write_end(pipe_fds[1]);
  const pid_t child = ::fork();
  if (child < 0) return base::fail_errno(errno, "cannot fork");
  if (child == 0) ::_exit(serve_once(bound.fd.get(), write_end.get()));
  write_end.reset();
  auto done = ask(bound.address, read_end.get());
  if (!done) ::kill(child, SIGKILL);
  while (::waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
  }
  return done;
}

base::Result<void> run_trial(TrialFacts& facts) {
  const BoundSocket bound = TRY(bind_loopback());
  probes::loader::ProbeOptions options;
  options.wanted_ports.set(ntohs(bound.address.sin_port));
  const auto probes = TRY(probes::loader::KernelProbes::load(options));
  facts.reached = TrialFacts::Reached::loaded;
  IgnoreProcesses nobody;
  TRY_VOID(probes->attach(nobody));
  facts.reached = TrialFacts::Reached::attached;
  const auto handles = probes->handles();
  const auto capture = TRY(capture::ring::KernelCapture::make(
      {handles.data_ring, handles.policy_by_slot, handles.reader_by_zero, handles.lost_closes}));
  TRY_VOID(exchange_over_loopback(bound));
  // Records are submitted before the calls return, so all of them are there.
  Witness witness(facts);
  while (capture->drain(witness) > 0) {
  }
  return {};
}

}  // namespace

TrialFacts try_programs() {
  TrialFacts facts;
  facts.reached = TrialFacts::Reached::nothing;
  if (const auto done = run_trial(facts); !done) facts.problem = done.error().message();
  return facts;
}

}  // namespace beyla::agent::doctor
