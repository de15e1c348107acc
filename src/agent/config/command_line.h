// What the command line asks for. In: argv and the environment. Out: a CommandLine. Main thread.
// Errors: invalid_argument for what is not understood, unsupported for what is not built yet.
#pragma once

#include <optional>
#include <string>

#include "agent/config/environment.h"
#include "agent/config/reference_page.h"  // IWYU pragma: export
#include "base/result.h"

namespace beyla::agent::config {

struct CommandLine {
  enum class Action { run, version, help, print_reference, doctor, record, replay };

  Action action = Action::run;
  std::optional<std::string> config_file;  // --config, else BEYLA_/OTEL_EBPF_CONFIG_PATH
  std::string recording;                   // of record and replay: the file
  bool print_metrics = false;              // replay: the metrics page in place of trace lines
  std::string socket_hook;                 // empty: not forced; otherwise "tp_btf"
};

[[nodiscard]] base::Result<CommandLine> parse_command_line(int argc, const char* const* argv,
                                                           Environment environment);

[[nodiscard]] std::string help_text();

}  // namespace beyla::agent::config
