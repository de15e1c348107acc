// How one row of the allow-lists is written. Private to this room.
// The kernel reads an `int` argument from the low 32 bits of its register, so that is_int() looks
// at these only: what lies above is up to the compiler of the caller.
#pragma once

#include <seccomp.h>

#include <array>
#include <cstdint>
#include <span>

namespace beyla::agent::privileges {

// Argument number `index`, counted from 0: (argument & mask) == value.
struct ArgumentTest {
  unsigned index = 0;
  std::uint64_t mask = 0;
  std::uint64_t value = 0;
  bool operator==(const ArgumentTest&) const = default;
};

// A system call that is allowed when all tests hold; without tests always.
struct Rule {
  int number = 0;
  unsigned test_count = 0;
  std::array<ArgumentTest, 3> tests{};

  [[nodiscard]] std::span<const ArgumentTest> all_tests() const {
    return std::span(tests).first(test_count);
  }
  bool operator==(const Rule&) const = default;
};

[[nodiscard]] constexpr ArgumentTest is_int(unsigned index, std::uint64_t value) {
  return {index, 0xFFFFFFFFU, value & 0xFFFFFFFFU};
}
[[nodiscard]] constexpr ArgumentTest is_null(unsigned index) { return {index, ~0ULL, 0}; }
[[nodiscard]] constexpr ArgumentTest lacks(unsigned index, std::uint64_t bits) {
  return {index, bits, 0};
}
[[nodiscard]] constexpr ArgumentTest has(unsigned index, std::uint64_t bits) {
  return {index, bits, bits};
}

[[nodiscard]] constexpr Rule allow(int number) { return {number, 0, {}}; }
[[nodiscard]] constexpr Rule allow(int number, ArgumentTest a) { return {number, 1, {a}}; }
[[nodiscard]] constexpr Rule allow(int number, ArgumentTest a, ArgumentTest b) {
  return {number, 2, {a, b}};
}
[[nodiscard]] constexpr Rule allow(int number, ArgumentTest a, ArgumentTest b, ArgumentTest c) {
  return {number, 3, {a, b, c}};
}

using RuleTable = std::span<const Rule>;

// Tables by purpose: what every role needs (syscalls_of_every_role.cpp) ...
[[nodiscard]] RuleTable memory_rules();
[[nodiscard]] RuleTable descriptor_rules();
[[nodiscard]] RuleTable time_rules();
[[nodiscard]] RuleTable thread_support_rules();
[[nodiscard]] RuleTable self_rules();
[[nodiscard]] RuleTable channel_rules();
// ... what some do (syscalls_by_feature.cpp) ...
[[nodiscard]] RuleTable waiting_rules();
[[nodiscard]] RuleTable file_reading_rules();
[[nodiscard]] RuleTable thread_rules();
[[nodiscard]] RuleTable serving_rules();
[[nodiscard]] RuleTable outgoing_rules();
[[nodiscard]] RuleTable map_rules();
[[nodiscard]] RuleTable ledger_rules();
// ... and what one does (syscalls_of_one_role.cpp).
[[nodiscard]] RuleTable broker_rules();
[[nodiscard]] RuleTable spawner_rules();
[[nodiscard]] RuleTable elf_worker_rules();

// Answered with "no such call", so that the C library takes the older call, whose arguments can be
// looked at: those of these stand in memory, or would need rules twice.
inline constexpr std::array kAbsentCalls = {SCMP_SYS(clone3), SCMP_SYS(openat2), SCMP_SYS(statx),
                                            SCMP_SYS(faccessat2), SCMP_SYS(epoll_pwait2)};

}  // namespace beyla::agent::privileges
