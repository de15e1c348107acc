#include <gtest/gtest.h>
#include <sys/mman.h>

#include <csignal>

#include "agent/spawn/spawn_test_support.h"

namespace beyla::agent::spawn::testing {
namespace {

// As in a read that is never answered: SIGALRM is all that comes.
int wait_for_ever(base::Fd channel, std::vector<base::Fd>) {
  while (true) static_cast<void>(receive_text(channel.get()));
}

int compute_for_ever(base::Fd, std::vector<base::Fd>) {
  volatile unsigned sum = 0;
  while (true) sum = sum + 1;
}

ChildExit run(ChildMain main, const ChildLimits& limits, std::string& said) {
  const RoleEntry roles[] = {
      {ChildRole::config_worker, "beyla-conf", main, limits, nothing_to_secure}};
  auto spawner = Spawner::start(roles, kOpenHooks).value();
  const auto child = spawner.spawn(ChildRole::config_worker, {}).value();
  const auto exit = wait_exit(spawner);
  said = receive_text(child.channel.get());
  return exit.value_or(ChildExit{});
}

TEST(ChildLimits, AChildThatWaitsEndsAtItsWallLimit) {
  std::string said;
  const auto before = std::chrono::steady_clock::now();
  EXPECT_EQ(run(wait_for_ever, {.wall = std::chrono::seconds(1)}, said).signal, SIGALRM);
  EXPECT_GE(std::chrono::steady_clock::now() - before, std::chrono::milliseconds(900));
}

TEST(ChildLimits, AChildThatComputesEndsAtItsCpuLimit) {
  std::string said;
  const auto exit = run(compute_for_ever, {.cpu = std::chrono::seconds(1)}, said);
  EXPECT_EQ(exit.signal, SIGXCPU);
  EXPECT_GE(exit.cpu_time, std::chrono::milliseconds(500));
  EXPECT_LT(exit.cpu_time, std::chrono::seconds(3));
}

// A sanitizer's shadow is larger than any limit.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
int ask_for_memory(base::Fd channel, std::vector<base::Fd>) {
  constexpr std::size_t kMuch = std::size_t{1} << 30;
  void* const memory =
      ::mmap(nullptr, kMuch, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  send_text(channel.get(), memory == MAP_FAILED ? "refused" : "given");
  return 0;
}

TEST(ChildLimits, MemoryBeyondTheAddressSpaceIsRefused) {
  std::string said;
  run(ask_for_memory, {.address_space = std::size_t{512} << 20}, said);
  EXPECT_EQ(said, "refused");
  run(ask_for_memory, {}, said);
  EXPECT_EQ(said, "given");
}
#endif

}  // namespace
}  // namespace beyla::agent::spawn::testing
