// What a ledger's file holds when its writer is killed: at random moments, and at each instruction.
#include <sys/ptrace.h>
#include <sys/wait.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <functional>
#include <random>

#include "base/ledger_test_file.h"

namespace beyla::base {
namespace {

constexpr std::size_t kCells = 40;
constexpr std::size_t kRegions[] = {kCells * sizeof(std::uint64_t), 8 * kLedgerPageBytes};
constexpr std::size_t kFarCell = 4000;  // in region 1
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr int kKills = 200;
constexpr bool kIsInstrumented = true;  // fifty times the instructions, and none of them ours
#else
constexpr int kKills = 3000;
constexpr bool kIsInstrumented = false;
#endif

void stage_all(Ledger& ledger, std::uint64_t value) {
  for (std::size_t i = 0; i < kCells; ++i) stage_cell(ledger, 0, i, value);
  stage_cell(ledger, 1, kFarCell, value);
}

// The one value that all cells have.
std::uint64_t value_of_all(const Ledger& ledger) {
  const std::uint64_t value = cell(ledger, 1, kFarCell);
  for (std::size_t i = 0; i < kCells; ++i) EXPECT_EQ(cell(ledger, 0, i), value) << "cell " << i;
  return value;
}

// Shared with the child: what it has committed for sure.
class Progress {
 public:
  Progress() {
    void* const page = ::mmap(nullptr, sizeof(std::uint64_t), PROT_READ | PROT_WRITE,
                              MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (page != MAP_FAILED) word_ = static_cast<std::uint64_t*>(page);
  }
  ~Progress() { ::munmap(word_, sizeof(std::uint64_t)); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  void store(std::uint64_t value) { std::atomic_ref(*word_).store(value); }
  [[nodiscard]] std::uint64_t load() const { return std::atomic_ref(*word_).load(); }

 private:
  std::uint64_t* word_ = nullptr;
};

[[noreturn]] void commit_for_ever(int fd, Progress& progress) {
  auto ledger = Ledger::open(fd, kRegions);
  if (!ledger) ::_exit(1);
  for (std::uint64_t value = cell(**ledger, 0, 0) + 1;; ++value) {
    stage_all(**ledger, value);
    (*ledger)->commit();
    progress.store(value);
  }
}

void wait_for_progress(const Progress& progress, std::uint64_t last,
                       std::chrono::nanoseconds more) {
  while (progress.load() <= last) ::usleep(10);
  const auto end = std::chrono::steady_clock::now() + more;
  while (std::chrono::steady_clock::now() < end) {
  }
}

TEST(LedgerCrash, KilledAtRandomItHoldsTheLastCommitOrTheNext) {
  const Fd file = test_file();
  Progress progress;
  std::mt19937 random(20'230'419);
  std::uint64_t last = 0;
  for (int round = 0; round < kKills; ++round) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) commit_for_ever(file.get(), progress);
    wait_for_progress(progress, last, std::chrono::nanoseconds(random() % 50'000));
    ::kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status));
    const auto ledger = must_open(file.get(), kRegions);
    ASSERT_TRUE(ledger->resumed());
    const std::uint64_t value = value_of_all(*ledger);
    ASSERT_GE(value, progress.load());
    ASSERT_LE(value, progress.load() + 1);
    progress.store(value);  // the child may have missed to say so
    last = value;
  }
}

// Runs `work` in a child, one instruction at a time, and gives `look` a copy of the file's content
// whenever it has changed. False: that cannot be done here.
bool at_each_instruction(int fd, const std::function<void()>& work,
                         const std::function<void(std::span<const std::byte>)>& look) {
  if (kIsInstrumented) return false;
  Progress done;
  const pid_t child = ::fork();
  if (child == 0) {
    if (::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) ::_exit(1);
    ::raise(SIGSTOP);
    work();
    done.store(1);
    ::raise(SIGKILL);
  }
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  if (!WIFSTOPPED(status)) return false;
  auto before = content_of(fd);
  const auto map = MemoryMap::make_shared(fd, before.size());
  EXPECT_TRUE(map.has_value());
  look(before);
  while (WIFSTOPPED(status) && done.load() == 0) {
    const int signal = WSTOPSIG(status) == SIGTRAP || WSTOPSIG(status) == SIGSTOP ? 0 : SIGKILL;
    EXPECT_EQ(signal, 0) << WSTOPSIG(status);
    ::ptrace(PTRACE_SINGLESTEP, child, nullptr, signal);
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    // In place: there are a hundred thousand instructions.
    if (std::memcmp(map->bytes().data(), before.data(), before.size()) == 0) continue;
    before = content_of(fd);
    look(before);
  }
  if (WIFSTOPPED(status)) {
    ::kill(child, SIGKILL);
    ::waitpid(child, &status, 0);
  }
  EXPECT_EQ(done.load(), 1U);
  return true;
}

bool has_log(std::span<const std::byte> content) {
  LedgerFrame frame;
  std::memcpy(&frame, content.data(), sizeof(frame));
  return frame.log_bytes != 0;
}

// The content with a commit in which all cells are 1, and what commit() of 2 leaves when it has
// just published its log.
std::vector<std::byte> content_with_log() {
  const Fd file = test_file();
  const auto ledger = must_open(file.get(), kRegions);
  stage_all(*ledger, 1);
  ledger->commit();
  std::vector<std::byte> found;
  at_each_instruction(
      file.get(),
      [&] {
        stage_all(*ledger, 2);
        ledger->commit();
      },
      [&](std::span<const std::byte> content) {
        if (found.empty() && has_log(content)) found.assign(content.begin(), content.end());
      });
  return found;
}

TEST(LedgerCrash, AtEachInstructionOfACommit) {
  const Fd file = test_file();
  const auto ledger = must_open(file.get(), kRegions);
  stage_all(*ledger, 1);
  ledger->commit();
  std::size_t states = 0;
  std::uint64_t last = 1;
  const bool traced = at_each_instruction(
      file.get(),
      [&] {
        stage_all(*ledger, 2);
        ledger->commit();
      },
      [&](std::span<const std::byte> content) {
        const Fd copy = file_of(content);
        const auto successor = must_open(copy.get(), kRegions);
        ASSERT_TRUE(successor->resumed());
        const std::uint64_t value = value_of_all(*successor);
        ASSERT_TRUE(value == last || value == 2) << value;
        ASSERT_EQ(value == 2, has_log(content) || last == 2);
        last = value;
        ++states;
      });
  if (!traced) GTEST_SKIP() << "no ptrace here, or instrumented";
  EXPECT_EQ(last, 2U);
  EXPECT_GT(states, 2 * kCells);  // each cell at least in the log and at home
}

TEST(LedgerCrash, AtEachInstructionOfARecovery) {
  const auto content = content_with_log();
  if (content.empty()) GTEST_SKIP() << "no ptrace here, or instrumented";
  const Fd file = file_of(content);
  std::size_t states = 0;
  at_each_instruction(
      file.get(), [&] { static_cast<void>(Ledger::open(file.get(), kRegions)); },
      [&](std::span<const std::byte> now) {
        const Fd copy = file_of(now);
        const auto successor = must_open(copy.get(), kRegions);
        ASSERT_TRUE(successor->resumed());
        ASSERT_EQ(value_of_all(*successor), 2U);
        ++states;
      });
  EXPECT_GT(states, kCells);
}

TEST(LedgerCrash, AtEachInstructionOfWipingAStrangersFile) {
  auto content = content_with_log();
  if (content.empty()) GTEST_SKIP() << "no ptrace here, or instrumented";
  LedgerFrame frame;
  std::memcpy(&frame, content.data(), sizeof(frame));
  ++frame.shape.version;
  std::memcpy(content.data(), &frame, sizeof(frame));
  const Fd file = file_of(content);
  std::size_t states = 0;
  at_each_instruction(
      file.get(), [&] { static_cast<void>(Ledger::open(file.get(), kRegions)); },
      [&](std::span<const std::byte> now) {
        const Fd copy = file_of(now);
        const auto successor = must_open(copy.get(), kRegions);
        ASSERT_FALSE(successor->resumed());
        ASSERT_EQ(value_of_all(*successor), 0U);
        ++states;
      });
  EXPECT_GT(states, 3U);
}

}  // namespace
}  // namespace beyla::base
