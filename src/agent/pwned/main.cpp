// beyla_pwned: the agent, with a processor and a configuration worker that an attacker has taken
// over. It proves the sandbox from inside; for tests only.
#include "agent/command.h"
#include "agent/pwned/hostile_config_worker.h"
#include "agent/pwned/hostile_processor.h"
#include "agent/pwned/orders.h"
#include "agent/roles.h"

int main(int argc, char** argv) {
  using namespace beyla::agent;
  pwned::take_orders();
  return run_command_line(
      argc, argv,
      {pwned::hostile_config_worker_main, pwned::hostile_processor_main, role_mains().elf_worker});
}
