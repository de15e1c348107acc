#include "agent/pwned/hostile_processor.h"

#include <array>
#include <charconv>
#include <chrono>
#include <optional>
#include <string_view>
#include <utility>

#include "agent/processor/start.h"
#include "agent/pwned/hostile_memory.h"
#include "agent/pwned/hostile_requests.h"
#include "agent/pwned/orders.h"
#include "agent/roles.h"

namespace beyla::agent::pwned {
namespace {

using processor::Start;

constexpr int kExitUnknownOrder = 99;
constexpr std::chrono::seconds kPatience{5};

[[noreturn]] int spin(Start& /*start*/) {
  volatile unsigned turns = 0;
  while (true) turns = turns + 1;
}

[[noreturn]] int crash(Start& /*start*/) { __builtin_trap(); }

template <int (*Misuse)(int channel)>
int on_channel(const base::Fd& channel, Start& /*start*/) {
  return Misuse(channel.get());
}

template <int (*Misuse)(Start& start)>
int on_memory(const base::Fd& /*channel*/, Start& start) {
  return Misuse(start);
}

constexpr struct {
  std::string_view name;
  int (*run)(const base::Fd& channel, Start& start);
} kOrders[] = {
    {"flood", on_channel<flood>},
    {"flood_unheard", on_channel<flood_unheard>},
    {"garbage", on_channel<send_garbage>},
    {"empty", on_channel<send_empty>},
    {"oversized", on_channel<send_oversized>},
    {"descriptors", on_channel<send_descriptors>},
    {"others", on_channel<ask_for_others>},
    {"read_nothing", on_channel<read_nothing>},
    {"ledger", on_memory<fill_ledger>},
    {"ledger_content", on_memory<fill_ledgers_content>},
    {"ledger_file", on_memory<spoil_ledgers_file>},
    {"ring", on_memory<move_ring>},
    {"policies", on_memory<scribble_policies>},
    {"close", on_memory<close_everything>},
    {"spin", on_memory<spin>},
    {"crash", on_memory<crash>},
};

std::optional<int> exit_code_of(std::string_view order) {
  constexpr std::string_view kExit = "exit_";
  if (!order.starts_with(kExit)) return std::nullopt;
  int code = 0;
  std::from_chars(order.data() + kExit.size(), order.data() + order.size(), code);
  return code;
}

int follow(std::string_view order, const base::Fd& channel) {
  auto start = processor::receive_start(channel.get(), kPatience);
  if (!start) return kExitUnknownOrder;
  for (const auto& known : kOrders) {
    if (known.name == order) return known.run(channel, *start);
  }
  return kExitUnknownOrder;
}

}  // namespace

int hostile_processor_main(base::Fd channel, std::vector<base::Fd> files) {
  const std::string_view order = order_of_this_processor();
  if (order == "attack") attack_everything("processor");
  if (order.empty() || order == "attack") {
    return run_processor_role(std::move(channel), std::move(files));
  }
  if (const auto code = exit_code_of(order)) return *code;
  return follow(order, channel);
}

}  // namespace beyla::agent::pwned
