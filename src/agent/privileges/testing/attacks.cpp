#include "agent/privileges/testing/attacks.h"

#include <cerrno>

namespace beyla::agent::privileges::testing {

bool is_refusal(int os_errno) {
  return os_errno == EPERM || os_errno == EACCES || os_errno == ENOSYS;
}

void run_attacks(const AttackTargets& targets, const std::function<void(AttackResult)>& tell) {
  for (const auto attacks : {attacks_on_files(), attacks_on_the_network(), attacks_on_processes(),
                             attacks_on_the_kernel()}) {
    for (const auto& attack : attacks) {
      const int os_errno = attack.run(targets);
      tell({attack.name, is_refusal(os_errno), os_errno});
    }
  }
}

}  // namespace beyla::agent::privileges::testing
