#include "agent/pwned/hostile_memory.h"

#include <fcntl.h>
#include <linux/falloc.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <random>

#include "abi/maps.h"
#include "base/ledger_layout.h"
#include "base/memory_map.h"

namespace beyla::agent::pwned {
namespace {

using base::MemoryMap;
using processor::Start;

constexpr int kExitWithoutMemory = 3;
constexpr std::size_t kMostFilled = 16UL << 20U;
constexpr std::size_t kPage = 4096;

std::mt19937_64 randomness() { return std::mt19937_64(static_cast<std::uint64_t>(::getpid())); }

std::size_t size_of(int file) {
  struct stat status{};
  return ::fstat(file, &status) == 0 ? static_cast<std::size_t>(status.st_size) : 0;
}

int fill(int ledger, std::size_t from) {
  if (size_of(ledger) < kMostFilled) {
    static_cast<void>(::ftruncate(ledger, static_cast<off_t>(kMostFilled)));
  }
  const auto memory = MemoryMap::make_shared(ledger, std::min(size_of(ledger), kMostFilled));
  if (!memory) return kExitWithoutMemory;
  auto random = randomness();
  const auto words = memory->bytes().subspan(from);
  for (std::size_t at = 0; at + sizeof(std::uint64_t) <= words.size();
       at += sizeof(std::uint64_t)) {
    const std::uint64_t word = random();
    std::memcpy(words.data() + at, &word, sizeof(word));
  }
  return 1;
}

void tell(const char* what, int result) {
  std::fprintf(stderr, "pwned processor: %s %s %d\n", what, result == 0 ? "done" : "refused",
               result == 0 ? 0 : errno);
}

}  // namespace

int fill_ledger(Start& start) { return fill(start.fd(abi::kFdLedger), 0); }

int fill_ledgers_content(Start& start) {
  return fill(start.fd(abi::kFdLedger), base::kLedgerPageBytes);
}

int spoil_ledgers_file(Start& start) {
  const int ledger = start.fd(abi::kFdLedger);
  const int books = start.fd(abi::kFdBrokerBooks);
  tell("ledger_seal_write", ::fcntl(ledger, F_ADD_SEALS, F_SEAL_WRITE));
  tell("ledger_seal_grow", ::fcntl(ledger, F_ADD_SEALS, F_SEAL_GROW));
  tell("books_truncate", ::ftruncate(books, 0));
  tell("books_seal", ::fcntl(books, F_ADD_SEALS, F_SEAL_WRITE));
  tell("books_map", MemoryMap::make_shared(books, kPage) ? 0 : -1);
  constexpr off_t kHuge = off_t{1} << 45U;
  if (::ftruncate(ledger, kHuge) != 0) tell("ledger_grow", -1);
  tell("ledger_truncate", ::ftruncate(ledger, 0));
  return 1;
}

int move_ring(Start& start) {
  const auto page = MemoryMap::make_shared(start.fd(abi::kFdDataRing), kPage);
  if (!page) return kExitWithoutMemory;
  auto random = randomness();
  auto& position = *static_cast<std::uint64_t*>(static_cast<void*>(page->bytes().data()));
  constexpr int kTimes = 100'000;
  for (int i = 0; i < kTimes; ++i) std::atomic_ref(position).store(random());
  return 1;
}

int scribble_policies(Start& start) {
  const auto policies = MemoryMap::make_shared(start.fd(abi::kFdPolicyBySlot),
                                               sizeof(abi::policy) * abi::kPolicySlots);
  if (!policies) return kExitWithoutMemory;
  auto random = randomness();
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(1);
  while (std::chrono::steady_clock::now() < end) {
    for (std::size_t slot = 0; slot < abi::kPolicySlots; ++slot) {
      // Generations that are in use are small.
      const std::uint64_t any = random();
      const abi::policy policy{static_cast<std::uint32_t>(any % 4),
                               static_cast<std::uint16_t>(any >> 8U),
                               static_cast<std::uint16_t>(any >> 24U)};
      std::memcpy(policies->bytes().data() + slot * sizeof(policy), &policy, sizeof(policy));
    }
  }
  return 1;
}

int close_everything(Start& start) {
  for (auto& fd : start.fds) fd.reset();
  ::close(STDIN_FILENO);
  ::close(STDOUT_FILENO);
  return 1;
}

}  // namespace beyla::agent::pwned
