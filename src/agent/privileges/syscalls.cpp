#include "agent/privileges/syscalls.h"

#include <fmt/format.h>
#include <seccomp.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <memory>
#include <string_view>
#include <type_traits>
#include <vector>

#include "agent/privileges/syscall_rules.h"

namespace beyla::agent::privileges {
namespace {

struct ReleaseFilter {
  void operator()(void* filter) const { seccomp_release(filter); }
};
using Filter = std::unique_ptr<std::remove_pointer_t<scmp_filter_ctx>, ReleaseFilter>;

class RuleList {
 public:
  void add(RuleTable table) { rules_.insert(rules_.end(), table.begin(), table.end()); }
  void add(const Rule& rule) { rules_.push_back(rule); }
  // Each once, and none with tests where the same call is allowed without any.
  [[nodiscard]] std::vector<Rule> without_repetition() const {
    std::vector<Rule> result;
    for (const auto& rule : rules_) {
      const bool repeated = std::ranges::find(result, rule) != result.end();
      const bool covered =
          rule.test_count > 0 && std::ranges::find(rules_, allow(rule.number)) != rules_.end();
      if (!repeated && !covered) result.push_back(rule);
    }
    return result;
  }

 private:
  std::vector<Rule> rules_;
};

void add_processor(RuleList& list, const SyscallOptions& options) {
  list.add(waiting_rules());
  list.add(thread_rules());
  list.add(serving_rules());
  list.add(map_rules());
  list.add(ledger_rules());
  if (options.read_files) list.add(file_reading_rules());
  if (options.outgoing_connections) list.add(outgoing_rules());
}

// abort() raises SIGABRT for its own thread. Children of the spawner have other pids than it.
Rule abort_rule(Role role) {
  const auto is_abort = is_int(2, SIGABRT);
  if (role == Role::spawner) return allow(SCMP_SYS(tgkill), is_abort);
  return allow(SCMP_SYS(tgkill), is_int(0, static_cast<std::uint64_t>(::getpid())), is_abort);
}

std::vector<Rule> rules_of(Role role, const SyscallOptions& options) {
  RuleList list;
  for (const auto table : {memory_rules(), thread_support_rules(), self_rules()}) list.add(table);
  list.add(abort_rule(role));
  if (role == Role::elf_worker) {
    list.add(elf_worker_rules());
    return list.without_repetition();
  }
  for (const auto table : {descriptor_rules(), time_rules(), channel_rules()}) list.add(table);
  switch (role) {
    case Role::broker:
      list.add(waiting_rules());
      list.add(file_reading_rules());
      list.add(map_rules());
      list.add(broker_rules());
      break;
    case Role::spawner:
      add_processor(list, {.outgoing_connections = true, .read_files = true});
      list.add(spawner_rules());
      break;
    case Role::processor: add_processor(list, options); break;
    case Role::config_worker:
    case Role::elf_worker: break;
  }
  return list.without_repetition();
}

// `result`: 0 or a negative errno, as libseccomp's functions return.
base::Result<void> expect_zero(int result, std::string_view what) {
  if (result == 0) return {};
  return base::fail_errno(-result, fmt::format("cannot restrict system calls: {}", what));
}

base::Result<void> add_rule(scmp_filter_ctx filter, std::uint32_t action, const Rule& rule) {
  std::vector<scmp_arg_cmp> comparisons;
  for (const auto& test : rule.all_tests()) {
    comparisons.push_back({test.index, SCMP_CMP_MASKED_EQ, test.mask, test.value});
  }
  return expect_zero(
      seccomp_rule_add_array(filter, action, rule.number, static_cast<unsigned>(comparisons.size()),
                             comparisons.data()),
      fmt::format("the rule for call {}", rule.number));
}

base::Result<Filter> make_filter(const std::vector<Rule>& rules) {
  Filter filter(seccomp_init(SCMP_ACT_ERRNO(EPERM)));
  if (filter == nullptr) return base::fail_errno(ENOMEM, "cannot restrict system calls");
  for (const auto& [attribute, value] :
       {std::pair(SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS),
        std::pair(SCMP_FLTATR_CTL_NNP, 1U), std::pair(SCMP_FLTATR_CTL_TSYNC, 1U)}) {
    TRY_VOID(expect_zero(seccomp_attr_set(filter.get(), attribute, value), "an attribute"));
  }
  for (const auto& rule : rules) TRY_VOID(add_rule(filter.get(), SCMP_ACT_ALLOW, rule));
  for (const int number : kAbsentCalls) {
    TRY_VOID(add_rule(filter.get(), SCMP_ACT_ERRNO(ENOSYS), allow(number)));
  }
  return filter;
}

}  // namespace

base::Result<void> restrict_syscalls(Role role, const SyscallOptions& options) {
  const Filter filter = TRY(make_filter(rules_of(role, options)));
  const int result = seccomp_load(filter.get());
  // seccomp_load(3): the cause stands in errno then.
  return expect_zero(result == -ECANCELED ? -errno : result, "the kernel refuses the filter");
}

}  // namespace beyla::agent::privileges
