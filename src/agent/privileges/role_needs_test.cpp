// What each role must still be able to do once it is confined as in earnest.
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <vector>

#include "agent/privileges/capabilities.h"
#include "agent/privileges/hardening.h"
#include "agent/privileges/identity.h"
#include "agent/privileges/landlock.h"
#include "agent/privileges/syscalls.h"
#include "agent/privileges/testing/child.h"

namespace beyla::agent::privileges {
namespace {

using testing::ChildOutcome;
using ::testing::HasSubstr;
using testing::LoopbackListener;
using testing::run_in_child;
using testing::Teller;

LandlockRules processor_files() {
  return {.readable_paths = {"/proc/self", "/proc/stat", "/sys/devices/system/cpu", "/etc"},
          .connectable_tcp_ports = {},
          .bindable_tcp_ports = {}};
}

void become_spawner(const Teller& teller) {
  ::tzset();
  require(teller, become_nobody({}));
  require(teller, harden_process());
  require(teller, restrict_syscalls(Role::spawner));
}

// In a child of a spawner, under both filters.
ChildOutcome run_as(Role role, const SyscallOptions& options, const LandlockRules& landlock,
                    const std::function<void(const Teller&)>& body) {
  return run_in_child([&](const Teller& teller) {
    become_spawner(teller);
    const pid_t child = ::fork();
    if (child < 0) fail_child(teller, "fork");
    if (child > 0) {
      int status = 0;
      ::waitpid(child, &status, 0);
      ::_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
    }
    ::alarm(20);  // not inherited
    require(teller, harden_process());
    static_cast<void>(restrict_with_landlock(landlock));
    require(teller, restrict_syscalls(role, options));
    body(teller);
    ::_exit(0);
  });
}

ChildOutcome run_as_processor(const std::function<void(const Teller&)>& body) {
  return run_as(Role::processor, {}, processor_files(), body);
}

TEST(ProcessorNeeds, ThreadsLocksNamesAndExceptions) {
  const auto outcome = run_as_processor([](const Teller& teller) {
    std::mutex mutex;
    int sum = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < 8; ++i) {
      threads.emplace_back([&, i] {
        ::pthread_setname_np(::pthread_self(), "beyla-shard");
        try {
          throw std::runtime_error("x");
        } catch (const std::runtime_error&) {
          const std::lock_guard lock(mutex);
          sum += i;
        }
      });
    }
    for (auto& thread : threads) thread.join();
    char name[16] = {};
    ::pthread_setname_np(::pthread_self(), "beyla-main");
    ::pthread_getname_np(::pthread_self(), name, sizeof(name));
    teller.say(fmt::format("{} {} {}", sum, name, std::thread::hardware_concurrency() > 0));
  });
  EXPECT_TRUE(outcome.ended_well());
  EXPECT_EQ(outcome.text, "28 beyla-main true\n");
}

TEST(ProcessorNeeds, MemoryAndRandomness) {
  const auto outcome = run_as_processor([](const Teller& teller) {
    std::vector<std::vector<char>> blocks;
    for (std::size_t bytes : {1UL << 10U, 1UL << 20U, 64UL << 20U}) blocks.emplace_back(bytes, 'x');
    void* grown = std::realloc(std::malloc(4U << 20U), 64U << 20U);
    std::memset(grown, 1, 64U << 20U);
    std::free(grown);
    void* mapped =
        ::mmap(nullptr, 1U << 20U, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (mapped == MAP_FAILED || ::munmap(mapped, 1U << 20U) != 0) fail_child(teller, "mmap");
    std::uint64_t word = 0;
    teller.say_result("getrandom", ::getrandom(&word, sizeof(word), 0));
    const auto before = std::chrono::steady_clock::now();
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    if (std::chrono::steady_clock::now() <= before) fail_child(teller, "clock");
  });
  EXPECT_TRUE(outcome.ended_well());
  EXPECT_EQ(outcome.text, "getrandom: 0\n");
}

TEST(ProcessorNeeds, WaitingForDescriptors) {
  const auto outcome = run_as_processor([](const Teller& teller) {
    const base::Fd epoll(::epoll_create1(EPOLL_CLOEXEC));
    const base::Fd event(::eventfd(1, EFD_CLOEXEC));
    const base::Fd timer(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC));
    itimerspec soon{};
    soon.it_value.tv_nsec = 1;
    teller.say_result("timer", ::timerfd_settime(timer.get(), 0, &soon, nullptr));
    for (const int fd : {event.get(), timer.get()}) {
      epoll_event wanted{};
      wanted.events = EPOLLIN;
      teller.say_result("add", ::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, fd, &wanted));
    }
    pollfd wait{timer.get(), POLLIN, 0};
    teller.say_result("poll", ::poll(&wait, 1, 10'000));
    epoll_event got[2];
    teller.say(std::to_string(::epoll_wait(epoll.get(), got, 2, 10'000)));
  });
  EXPECT_EQ(outcome.text, "timer: 0\nadd: 0\nadd: 0\npoll: 0\n2\n");
}

// The client connects before the child is confined; it waits in the backlog.
TEST(ProcessorNeeds, AcceptingOnASocketThatArrived) {
  const LoopbackListener listener;
  const base::Fd client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(listener.port());
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(::connect(client.get(), static_cast<sockaddr*>(static_cast<void*>(&address)),
                      sizeof(address)),
            0);
  ASSERT_EQ(::send(client.get(), "GET", 3, 0), 3);
  const timeval patience{.tv_sec = 20, .tv_usec = 0};
  ::setsockopt(client.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
  const auto outcome = run_as_processor([&](const Teller& teller) {
    const base::Fd peer(::accept4(listener.fd(), nullptr, nullptr, SOCK_CLOEXEC));
    const int on = 1;
    teller.say_result("nodelay",
                      ::setsockopt(peer.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)));
    sockaddr_storage name{};
    socklen_t bytes = sizeof(name);
    teller.say_result(
        "peer",
        ::getpeername(peer.get(), static_cast<sockaddr*>(static_cast<void*>(&name)), &bytes));
    char text[4] = {};
    teller.say_result("recv", ::recv(peer.get(), text, 3, 0));
    teller.say_result("send", ::send(peer.get(), "200", 3, MSG_NOSIGNAL));
    teller.say(text);
  });
  EXPECT_EQ(outcome.text, "nodelay: 0\npeer: 0\nrecv: 0\nsend: 0\nGET\n");
  char answer[4] = {};
  EXPECT_EQ(::recv(client.get(), answer, 3, 0), 3);
  EXPECT_STREQ(answer, "200");
}

TEST(ProcessorNeeds, ItsOwnFiguresFromProc) {
  const auto outcome = run_as_processor([](const Teller& teller) {
    std::ifstream stat("/proc/self/stat");
    std::string pid;
    stat >> pid;
    std::ifstream cpus("/sys/devices/system/cpu/possible");
    std::string possible;
    cpus >> possible;
    int fds = 0;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
      if (entry.exists()) ++fds;
    }
    teller.say(
        fmt::format("{} {} {}", pid == std::to_string(::getpid()), !possible.empty(), fds > 3));
  });
  EXPECT_EQ(outcome.text, "true true true\n");
}

TEST(ProcessorNeeds, ValuesOfAMapThatArrived) {
  const base::Fd map(::bpf_map_create(BPF_MAP_TYPE_ARRAY, "privileges_test", 4, 8, 1, nullptr));
  if (!map.valid()) GTEST_SKIP() << "needs CAP_BPF to make a map: " << std::strerror(errno);
  const std::uint32_t zero = 0;
  const std::uint64_t first = 7;
  ASSERT_EQ(::bpf_map_update_elem(map.get(), &zero, &first, BPF_ANY), 0);
  const auto outcome = run_as_processor([&](const Teller& teller) {
    std::uint64_t value = 0;
    if (::bpf_map_lookup_elem(map.get(), &zero, &value) != 0)
      fail_child(teller, std::strerror(errno));
    ++value;
    if (::bpf_map_update_elem(map.get(), &zero, &value, BPF_ANY) != 0) fail_child(teller, "update");
    teller.say(std::to_string(value));
  });
  EXPECT_EQ(outcome.text, "8\n");
}

TEST(ProcessorNeeds, ConnectingToThePortThatIsConfiguredAndNames) {
  const LoopbackListener collector;
  LandlockRules files = processor_files();
  files.connectable_tcp_ports = {collector.port()};
  const auto outcome =
      run_as(Role::processor, {.outgoing_connections = true}, files, [&](const Teller& teller) {
        addrinfo hints{};
        hints.ai_socktype = SOCK_STREAM;
        hints.ai_family = AF_INET;
        addrinfo* found = nullptr;
        const std::string port = std::to_string(collector.port());
        const int error = ::getaddrinfo("localhost", port.c_str(), &hints, &found);
        if (error != 0) fail_child(teller, ::gai_strerror(error));
        const base::Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP));
        teller.say_result("connect", ::connect(fd.get(), found->ai_addr, found->ai_addrlen));
        // Nobody answers there; the question must get out of the resolver, not into EPERM.
        const base::Fd udp(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
        const int on = 1;
        teller.say_result("icmp", ::setsockopt(udp.get(), IPPROTO_IP, IP_RECVERR, &on, sizeof(on)));
      });
  EXPECT_EQ(outcome.text, "connect: 0\nicmp: 0\n");
}

TEST(ConfigWorkerNeeds, ReadingItsFileAndAnsweringOnItsChannel) {
  const base::Fd file(::open("/etc/passwd", O_RDONLY | O_CLOEXEC));
  int ends[2] = {-1, -1};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
  const base::Fd ours(ends[0]);
  const base::Fd theirs(ends[1]);
  const auto outcome = run_as(Role::config_worker, {}, {}, [&](const Teller& teller) {
    struct stat status{};
    teller.say_result("fstat", ::fstat(file.get(), &status));
    std::vector<char> text(static_cast<std::size_t>(status.st_size));
    teller.say_result("read", ::read(file.get(), text.data(), text.size()));
    teller.say_result("seek", ::lseek(file.get(), 0, SEEK_SET));
    teller.say_result("send", ::send(theirs.get(), text.data(), 4, MSG_NOSIGNAL));
    try {
      static_cast<void>(std::vector<int>().at(1));
    } catch (const std::out_of_range&) {
      teller.say("caught");
    }
  });
  EXPECT_EQ(outcome.text, "fstat: 0\nread: 0\nseek: 0\nsend: 0\ncaught\n");
  char got[8] = {};
  EXPECT_EQ(::recv(ours.get(), got, sizeof(got), MSG_DONTWAIT), 4);
}

TEST(ElfWorkerNeeds, MappingItsFileAndAnsweringOnItsChannel) {
  const base::Fd file(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
  int ends[2] = {-1, -1};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
  const base::Fd ours(ends[0]);
  const base::Fd theirs(ends[1]);
  const auto outcome = run_as(Role::elf_worker, {}, {}, [&](const Teller& teller) {
    struct stat status{};
    teller.say_result("fstat", ::fstat(file.get(), &status));
    const auto bytes = static_cast<std::size_t>(status.st_size);
    void* mapped = ::mmap(nullptr, bytes, PROT_READ, MAP_SHARED, file.get(), 0);
    if (mapped == MAP_FAILED) fail_child(teller, "mmap");
    const std::vector<std::vector<char>> memory(64, std::vector<char>(1U << 20U, 'x'));
    teller.say_result("send", ::send(theirs.get(), mapped, 4, MSG_NOSIGNAL));
    teller.say_result("unmap", ::munmap(mapped, bytes));
    try {
      static_cast<void>(std::vector<int>().at(1));
    } catch (const std::out_of_range&) {
      teller.say("caught");
    }
  });
  EXPECT_TRUE(outcome.ended_well());
  EXPECT_EQ(outcome.text, "fstat: 0\nsend: 0\nunmap: 0\ncaught\n");
  char got[8] = {};
  EXPECT_EQ(::recv(ours.get(), got, sizeof(got), MSG_DONTWAIT), 4);
  EXPECT_EQ(std::string(got, 4),
            "\x7f"
            "ELF");
}

// The time zone was read by tzset(), before.
TEST(EveryRoleNeeds, LinesOfTheLogWithLocalTime) {
  for (const Role role : {Role::processor, Role::config_worker}) {
    std::time_t now = std::time(nullptr);
    char offset[8] = {};
    std::tm local{};
    std::strftime(offset, sizeof(offset), "%z", ::localtime_r(&now, &local));
    const std::string expected = fmt::format("{:.3}:{} told", offset, offset + 3);
    const auto outcome = run_as(role, {}, {}, [&](const Teller& teller) {
      ::dup2(teller.fd(), STDERR_FILENO);
      spdlog::logger logger("test", std::make_shared<spdlog::sinks::stderr_sink_mt>());
      logger.set_pattern("time=%Y-%m-%dT%H:%M:%S.%e%z %v");
      logger.error("told");
      logger.flush();
    });
    EXPECT_TRUE(outcome.ended_well());
    EXPECT_THAT(outcome.text, HasSubstr(expected));
  }
}

TEST(BrokerNeeds, ReadingProcSignalsChannelsAndMemfds) {
  const LoopbackListener scrapes;
  const auto outcome = run_in_child([&scrapes](const Teller& teller) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
    const pid_t parent = ::getppid();
    require(teller, become_nobody(held_for(kBrokerCapabilities, ~CapabilityMask{0})));
    require(teller, harden_process());
    require(teller, restrict_syscalls(Role::broker));
    const base::Fd signals(::signalfd(-1, &set, SFD_CLOEXEC));
    teller.say_result("signalfd", signals.get());
    char path[4096] = {};
    const std::string exe = fmt::format("/proc/{}/exe", parent);
    teller.say_result("readlink", ::readlink(exe.c_str(), path, sizeof(path)));
    int fds = 0;
    for (const auto& entry :
         std::filesystem::directory_iterator(fmt::format("/proc/{}/fd", parent))) {
      if (entry.is_symlink()) ++fds;
    }
    teller.say(fds > 2 ? "listed" : "not listed");
    teller.say_result("open", ::open(fmt::format("/proc/{}/environ", parent).c_str(), O_RDONLY));
    teller.say_result("listen again", ::listen(scrapes.fd(), 8));
    const base::Fd memory(::memfd_create("ledger", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    teller.say_result("size", ::ftruncate(memory.get(), 4096));
    teller.say_result("seal", ::fcntl(memory.get(), F_ADD_SEALS, F_SEAL_SHRINK));
    int ends[2] = {-1, -1};
    teller.say_result("pair", ::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends));
    const base::Fd local(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
    teller.say_result("unix", local.get());
    const int on = 1;
    teller.say_result("credentials",
                      ::setsockopt(local.get(), SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)));
  });
  EXPECT_EQ(
      outcome.text,
      "signalfd: 0\nreadlink: 0\nlisted\nopen: 0\nlisten again: 0\nsize: 0\nseal: 0\npair: 0\n"
      "unix: 0\ncredentials: 0\n");
}

// What the proof of a probe point does, and the thread that closes links.
TEST(BrokerNeeds, ReadingAndMappingAnExecutableBesideAThread) {
  const auto outcome = run_in_child([](const Teller& teller) {
    const pid_t parent = ::getppid();
    const base::Fd event(::eventfd(0, EFD_CLOEXEC));
    require(teller, become_nobody(held_for(kBrokerCapabilities, ~CapabilityMask{0})));
    require(teller, harden_process());
    std::thread closer([&event] {
      eventfd_t asked = 0;
      ::eventfd_read(event.get(), &asked);
    });
    require(teller, restrict_syscalls(Role::broker));
    const base::Fd exe(
        ::open(fmt::format("/proc/{}/exe", parent).c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    const base::Fd maps(
        ::open(fmt::format("/proc/{}/maps", parent).c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    char bytes[16] = {};
    teller.say_result("pread", ::pread(exe.get(), bytes, sizeof(bytes), 0));
    teller.say_result("read", ::read(maps.get(), bytes, sizeof(bytes)));
    void* const page = ::mmap(nullptr, 1, PROT_READ, MAP_PRIVATE, exe.get(), 0);
    teller.say(page != MAP_FAILED && ::munmap(page, 1) == 0 ? "mapped" : "not mapped");
    teller.say_result("own maps", ::open("/proc/self/maps", O_RDONLY | O_CLOEXEC));
    ::eventfd_write(event.get(), 1);
    closer.join();
    teller.say("joined");
  });
  EXPECT_EQ(outcome.text, "pread: 0\nread: 0\nmapped\nown maps: 0\njoined\n");
}

TEST(SpawnerNeeds, ForkingEndingAndWaiting) {
  const auto outcome = run_in_child([](const Teller& teller) {
    become_spawner(teller);
    const pid_t child = ::fork();
    if (child == 0) {
      while (true) ::poll(nullptr, 0, -1);
    }
    teller.say_result("kill", ::kill(child, SIGKILL));
    int status = 0;
    teller.say_result("wait", ::waitpid(child, &status, 0));
    teller.say(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL ? "killed" : "not killed");
  });
  EXPECT_EQ(outcome.text, "kill: 0\nwait: 0\nkilled\n");
}

TEST(SpawnerNeeds, ChildrenThatConfineThemselvesFurther) {
  const auto outcome = run_in_child([](const Teller& teller) {
    become_spawner(teller);
    const pid_t spawner = ::getpid();
    const pid_t child = ::fork();
    if (child > 0) {
      int status = 0;
      ::waitpid(child, &status, 0);
      ::_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
    }
    ::alarm(20);
    if (::syscall(SYS_close_range, teller.fd() + 1, ~0U, 0) != 0) fail_child(teller, "close_range");
    if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) fail_child(teller, "prctl");
    if (::getppid() != spawner) fail_child(teller, "getppid");
    require(teller, become_nobody({}));
    require(teller, harden_process());
    for (const auto resource : {Resource::cpu_seconds, Resource::open_files, Resource::processes}) {
      require(teller, limit(resource, 50));
    }
    const auto report = restrict_with_landlock(
        {.readable_paths = {"/etc"}, .connectable_tcp_ports = {}, .bindable_tcp_ports = {}});
    for (const auto& path : report.skipped) teller.say("skipped " + path);
    require(teller, restrict_syscalls(Role::processor));
    teller.say("confined");
    ::_exit(0);
  });
  EXPECT_TRUE(outcome.ended_well());
  EXPECT_EQ(outcome.text, "confined\n");
}

}  // namespace
}  // namespace beyla::agent::privileges
