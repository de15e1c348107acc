// What the command line asks for. In: argv and the environment. Out: a CommandLine. Main thread.
// Errors: invalid_argument for what is not understood, unsupported for what is not built yet.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "agent/config/environment.h"
#include "agent/config/reference_page.h"  // IWYU pragma: export
#include "base/result.h"

namespace beyla::agent::config {

struct CommandLine {
  // processor: the processor's work alone, for a broker that connects to the socket that the
  // service manager hands over (sd_listen_fds(3)).
  enum class Action { run, version, help, print_reference, doctor, record, replay, processor };

  Action action = Action::run;
  std::optional<std::string> config_file;  // --config, else BEYLA_/OTEL_EBPF_CONFIG_PATH
  std::string recording;                   // of record and replay: the file
  bool print_metrics = false;              // replay: the metrics page in place of trace lines
  std::string socket_hook;                 // empty: not forced; otherwise "tp_btf"
  bool single_process = false;             // run and record: without the split, for debugging
  // run and record: the socket of the process that does the processor's work; none: a child does.
  // Never together with single_process.
  std::optional<std::string> processor_socket;
};

// Longest path of a socket: sun_path, unix(7), with its NUL.
inline constexpr std::size_t kMaxSocketPathBytes = 107;

[[nodiscard]] base::Result<CommandLine> parse_command_line(int argc, const char* const* argv,
                                                           Environment environment);

[[nodiscard]] std::string help_text();

}  // namespace beyla::agent::config
