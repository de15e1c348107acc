#include "agent/command.h"

int main(int argc, char** argv) {
  return beyla::agent::run_command_line(argc, argv, beyla::agent::role_mains());
}
