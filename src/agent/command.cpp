#include "agent/command.h"

#include <fmt/format.h>

#include <cstddef>
#include <cstdio>
#include <exception>
#include <string_view>

#include "agent/config/command_line.h"
#include "agent/doctor/doctor.h"
#include "agent/logging.h"
#include "agent/replay_command.h"
#include "agent/run_command.h"
#include "base/terminal_text.h"
#include "base/version.h"

extern char** environ;

namespace beyla::agent {
namespace {

constexpr int kExitBadInput = 2;
constexpr std::size_t kMaxMessageBytes = 8192;  // as long as one about a configuration

// One line, whatever the names that it quotes are made of.
int fail_with(const base::Error& error) {
  fmt::print(stderr, "beyla: {}\n", base::to_terminal_text(error.message(), kMaxMessageBytes));
  return kExitBadInput;
}

int print(std::string_view text) {
  fmt::print("{}", text);
  return 0;
}

int exit_code(const base::Result<int>& done) { return done ? *done : fail_with(done.error()); }

int run_command(int argc, char** argv, const RoleMains& mains) {
  auto environment = config::process_environment(environ);
  const auto command = config::parse_command_line(argc, argv, environment);
  if (!command) return fail_with(command.error());
  using Action = config::CommandLine::Action;
  start_logging();
  switch (command->action) {
    case Action::version: return print(fmt::format("beyla {}\n", base::kVersion));
    case Action::help: return print(config::help_text());
    case Action::print_reference: return print(config::reference_page());
    case Action::doctor: return doctor::run(command->config_file, environment);
    case Action::processor: return exit_code(run_lone_processor(environment));
    case Action::run:
    case Action::record:
      if (!command->single_process) config::forget(environment);
      return exit_code(run(*command, environment, mains));
    case Action::replay: break;
  }
  const auto done = replay(command->recording, command->print_metrics);
  return done ? 0 : fail_with(done.error());
}

}  // namespace

int run_command_line(int argc, char** argv, const RoleMains& mains) {
  try {
    return run_command(argc, argv, mains);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "beyla: internal error: %s\n", error.what());
    return 1;
  }
}

}  // namespace beyla::agent
