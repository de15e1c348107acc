// Probes the TLS library of one process and says which plaintext came from which connection.
// tls_records PID LIBRARY named|inner [quiet]: until the standard input ends; "ready" says that the
// probes stand. A line for each record, but with quiet. At the end: how many records of plaintext
// said "port=N " with the port of the connection that they are said to belong to, and how many with
// another; the kernel's counts; what the programs cost. For tests and developers; needs root, no
// agent.
#include <bpf/bpf.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <string_view>

#include "base/byte_reader.h"
#include "capture/ring/kernel_books.h"
#include "capture/ring/kernel_capture.h"
#include "probes/loader/kernel_probes.h"
#include "tls_places.h"

namespace beyla::tests {
namespace {

constexpr int kReadEveryMs = 5;
constexpr std::chrono::seconds kPatience{5};  // a bound, only waited for what is missing
constexpr std::string_view kMark = "port=";

[[noreturn]] void fail(std::string_view what) {
  fmt::print(stderr, "{}\n", what);
  std::exit(1);
}

template <typename T>
T must(base::Result<T> result) {
  if (!result) fail(result.error().message());
  return std::move(*result);
}

class Judge final : public model::EventSink {
 public:
  explicit Judge(bool quiet) : quiet_(quiet) {}

  void on_opened(const model::ConnectionOpened& event) override {
    const auto& info = event.connection;
    if (!open_.emplace(info.id, info).second) ++wrong_opens_;
    if (quiet_) return;
    fmt::print("open id={:x} carrier={} pid={} role={} start={} local={} remote={}\n", info.id,
               info.carrier, event.process.pid, static_cast<int>(info.role), info.seen_from_start,
               info.local.port, info.remote.port);
  }
  void on_data(const model::StreamData& event) override {
    const auto known = open_.find(event.connection);
    const std::string_view text = base::as_text(event.head);
    if (known == open_.end()) {
      ++without_open_;
    } else if (known->second.encrypted()) {
      judge(known->second, event, text);
    } else {
      ++ciphertext_;
    }
    if (quiet_) return;
    const bool tls = known != open_.end() && known->second.encrypted();
    fmt::print("data id={:x} {} offset={} other={} total={} arrival={} head={}\n", event.connection,
               event.direction == model::Direction::received ? "recv" : "send", event.offset,
               event.other_offset, event.total_bytes,
               event.arrival ? (event.time - *event.arrival).count() : -1,
               tls ? text.substr(0, text.find_first_of("\r\n")).substr(0, 60) : "");
  }
  void on_send_closed(const model::SendClosed& event) override { tell("fin", event.connection); }
  void on_closed(const model::ConnectionClosed& event) override {
    tell("close", event.connection);
    if (open_.erase(event.connection) == 0) ++wrong_closes_;
    next_.erase(event.connection);
  }

  void print() const {
    fmt::print(
        "judged right={} wrong={} other={} gaps={} ciphertext={} without_open={} wrong_opens={} "
        "wrong_closes={} open={}\n",
        right_, wrong_, other_, gaps_, ciphertext_, without_open_, wrong_opens_, wrong_closes_,
        open_.size());
  }

  [[nodiscard]] std::size_t open() const { return open_.size(); }

 private:
  void tell(std::string_view what, model::ConnectionId id) const {
    if (!quiet_) fmt::print("{} id={:x}\n", what, id);
  }
  void judge(const model::ConnectionInfo& info, const model::StreamData& event,
             std::string_view text) {
    auto& next = next_[event.connection][event.direction == model::Direction::received ? 0 : 1];
    if (event.offset != next) ++gaps_;
    next = event.offset + event.total_bytes;
    const auto at = text.find(kMark);
    if (at == std::string_view::npos) {
      ++other_;
      return;
    }
    std::uint16_t port = 0;
    const std::string_view digits = text.substr(at + kMark.size());
    std::from_chars(digits.begin(), digits.end(), port);
    ++(port == info.local.port || port == info.remote.port ? right_ : wrong_);
  }

  bool quiet_;
  std::map<model::ConnectionId, model::ConnectionInfo> open_;
  std::map<model::ConnectionId, std::array<std::uint64_t, 2>> next_;
  std::size_t right_ = 0, wrong_ = 0, other_ = 0, gaps_ = 0, ciphertext_ = 0, without_open_ = 0,
              wrong_opens_ = 0, wrong_closes_ = 0;
};

// Every process is proposed; all but the one are left alone.
class Chooser final : public probes::loader::ProcessEventSink {
 public:
  explicit Chooser(std::uint32_t pid) : pid_(pid) {}
  void on_started(const model::ProcessStarted& process) override {
    if (process.key.pid == pid_) {
      wanted_ = process.key;
    } else if (kernel != nullptr) {
      kernel->reject(process.key);
    }
  }
  void on_exited(const model::ProcessKey& /*key*/, base::BootTime /*time*/) override {}
  void on_tls_strangers(std::uint32_t /*library*/, base::BootTime /*time*/) override {}

  [[nodiscard]] const model::ProcessKey& wanted() const {
    if (wanted_.pid == 0) fail("no such process");
    return wanted_;
  }
  probes::loader::KernelProbes* kernel = nullptr;

 private:
  std::uint32_t pid_;
  model::ProcessKey wanted_;
};

void print_costs() {
  std::uint32_t id = 0;
  while (bpf_prog_get_next_id(id, &id) == 0) {
    const base::Fd program(bpf_prog_get_fd_by_id(id));
    bpf_prog_info info{};
    std::uint32_t size = sizeof(info);
    if (bpf_obj_get_info_by_fd(program.get(), &info, &size) != 0 || info.run_cnt == 0) continue;
    if (info.run_time_ns == 0) continue;
    fmt::print("cost {} runs={} ns={:.0f}\n", static_cast<const char*>(info.name), info.run_cnt,
               static_cast<double>(info.run_time_ns) / static_cast<double>(info.run_cnt));
  }
}

void print_books(const probes::loader::CaptureHandles& handles) {
  const auto books = capture::ring::read_kernel_books(handles.counts_by_kind, handles.notes_by_kind,
                                                      handles.possible_cpus);
  const auto& data = books.by_kind[abi::kEventData];
  fmt::print("books data={} lost={} unreadable={} unbound={} misfit={} full={}\n", data.generated,
             data.lost[0], books.notes[abi::kNoteUnreadable], books.notes[abi::kNoteTlsUnbound],
             books.notes[abi::kNoteTlsMisfit], books.notes[abi::kNoteTlsFull]);
}

bool is_input_over() {
  pollfd input{STDIN_FILENO, POLLIN, 0};
  return ::poll(&input, 1, kReadEveryMs) > 0;
}

int run(std::uint32_t pid, const char* library, bool inner, bool quiet) {
  const base::Fd file(::open(library, O_RDONLY | O_CLOEXEC));
  if (!file.valid()) fail("no such library");
  const auto places = tls_places(file.get(), inner);
  probes::loader::ProbeOptions options;
  options.watch_every_exec = true;
  options.tls_probes = true;
  const auto kernel = must(probes::loader::KernelProbes::load(options));
  Chooser chooser(pid);
  chooser.kernel = kernel.get();
  if (auto attached = kernel->attach(chooser); !attached) fail(attached.error().message());
  if (kernel->tls() == nullptr) fail("no probes in programs here");
  kernel->select(chooser.wanted());
  const auto links = must(kernel->tls()->attach(pid, file.get(), places));
  kernel->let_tls_probes_speak(chooser.wanted());
  const auto handles = kernel->handles();
  const auto capture = must(capture::ring::KernelCapture::make(
      {handles.data_ring, handles.policy_by_slot, handles.reader_by_zero, handles.lost_closes}));
  const base::Fd statistics(bpf_enable_stats(BPF_STATS_RUN_TIME));
  Judge judge(quiet);
  const auto read_all = [&] {
    kernel->read_process_events();
    do {
      capture->drain(judge);
      capture->release();
    } while (capture->has_more());
    capture->read_lost_closes(judge);
    std::fflush(stdout);
  };
  fmt::print("ready points={}\n", links.points());
  do {
    read_all();
  } while (!is_input_over());
  // The last segments of a connection may be on their way when its process has ended already.
  const auto end = std::chrono::steady_clock::now() + kPatience;
  do {
    read_all();
  } while (judge.open() != 0 && std::chrono::steady_clock::now() < end);
  judge.print();
  print_books(handles);
  print_costs();
  return 0;
}

}  // namespace
}  // namespace beyla::tests

int main(int count, char** arguments) {
  if (count < 4) return 2;
  const auto pid = static_cast<std::uint32_t>(std::atoi(arguments[1]));
  return beyla::tests::run(pid, arguments[2], std::string_view(arguments[3]) == "inner", count > 4);
}
