#include "agent/pwned/orders.h"

#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <string>

#include "agent/privileges/testing/attacks.h"

namespace beyla::agent::pwned {
namespace {

using privileges::testing::AttackResult;
using privileges::testing::AttackTargets;

// A page of all processes that were forked from this one.
unsigned long* lives_so_far = nullptr;

// A processor forgets its environment before it follows an order.
std::map<std::string, std::string, std::less<>>& orders() {
  static std::map<std::string, std::string, std::less<>> by_variable;
  return by_variable;
}

std::string_view text_of(std::string_view variable) {
  const auto order = orders().find(variable);
  return order != orders().end() ? std::string_view(order->second) : std::string_view();
}

unsigned long number_of(std::string_view variable, unsigned long otherwise) {
  const std::string text(text_of(variable));
  return text.empty() ? otherwise : std::strtoul(text.c_str(), nullptr, 10);
}

}  // namespace

void take_orders() {
  for (const char* const variable : {"PWNED_PROCESSOR", "PWNED_CONFIG_WORKER", "PWNED_SPARED",
                                     "PWNED_LIVES", "PWNED_VICTIM", "PWNED_TCP_PORT"}) {
    if (const char* const text = std::getenv(variable)) orders().emplace(variable, text);
  }
  void* const page = ::mmap(nullptr, sizeof(*lives_so_far), PROT_READ | PROT_WRITE,
                            MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (page != MAP_FAILED) lives_so_far = static_cast<unsigned long*>(page);
}

std::string_view order_of_this_processor() {
  if (lives_so_far == nullptr) return {};
  const unsigned long life = std::atomic_ref(*lives_so_far).fetch_add(1);
  const unsigned long spared = number_of("PWNED_SPARED", 0);
  const bool is_hostile = life >= spared && life - spared < number_of("PWNED_LIVES", 1);
  return is_hostile ? text_of("PWNED_PROCESSOR") : std::string_view();
}

std::string_view order_of_config_worker() { return text_of("PWNED_CONFIG_WORKER"); }

void attack_everything(const char* who) {
  const AttackTargets targets{
      .parent = ::getppid(),
      .victim = static_cast<pid_t>(number_of("PWNED_VICTIM", 0)),
      .tcp_port = static_cast<std::uint16_t>(number_of("PWNED_TCP_PORT", 0))};
  privileges::testing::run_attacks(targets, [who](const AttackResult& result) {
    std::fprintf(stderr, "pwned %s: %s %s %d\n", who, std::string(result.name).c_str(),
                 result.refused ? "refused" : "done", result.os_errno);
  });
}

}  // namespace beyla::agent::pwned
