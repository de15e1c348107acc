#include "agent/config/command_line.h"

#include <algorithm>
#include <array>
#include <span>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "agent/config/quoted.h"

namespace beyla::agent::config {

using base::ErrorCode;
using base::fail;
using base::Result;

namespace {

constexpr std::array<std::string_view, 2> kUnbuiltCommands = {"check-config", "config"};
constexpr std::array<std::string_view, 5> kCommands = {"config-reference", "doctor", "record",
                                                       "replay", "processor"};
constexpr std::string_view kSocketHook = "tp_btf";

using Arguments = std::span<const char* const>;  // what is left; never empty while one is parsed

// The value of an option with one or two dashes, "--name=VALUE" or "--name VALUE"; takes the
// second word off the arguments. Empty where the argument is another one.
Result<std::optional<std::string>> option_value(std::string_view name, Arguments& arguments) {
  std::string_view argument = arguments.front();
  if (!argument.starts_with('-')) return std::nullopt;
  argument.remove_prefix(argument.starts_with("--") ? 2 : 1);
  if (!argument.starts_with(name)) return std::nullopt;
  std::string_view rest = argument.substr(name.size());
  if (rest.empty() && arguments.size() > 1) {
    arguments = arguments.subspan(1);
    rest = arguments.front();
  } else if (rest.starts_with('=')) {
    rest.remove_prefix(1);
  } else if (!rest.empty()) {
    return std::nullopt;
  }
  if (rest.empty()) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("--{} needs a value: see beyla --help", name));
  }
  return std::string(rest);
}

Result<std::string> socket_hook_of(std::string_view hook) {
  constexpr std::string_view kPrefix = "socket=";
  if (!hook.starts_with(kPrefix)) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("--hook {}: expected socket=NAME, see beyla --help", quoted(hook)));
  }
  const std::string_view name = hook.substr(kPrefix.size());
  if (name != kSocketHook) {
    return fail(ErrorCode::unsupported, fmt::format("socket hook {} is not built yet (have: {})",
                                                    quoted(name), kSocketHook));
  }
  return std::string(name);
}

// Sets what may be given once, or again with the same value.
Result<void> set_once(std::string_view option, const std::string& value,
                      std::optional<std::string>& field) {
  if (field && *field != value) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("--{} given twice: {} and {}", option, quoted(*field), quoted(value)));
  }
  field = value;
  return {};
}

// The word after `record` or `replay`.
Result<void> take_recording(Arguments& arguments, CommandLine& line) {
  const std::string_view command = arguments.front();
  if (arguments.size() < 2 || std::string_view(arguments[1]).starts_with('-')) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("`beyla {}` needs a file: see beyla --help", command));
  }
  line.action = command == "record" ? CommandLine::Action::record : CommandLine::Action::replay;
  arguments = arguments.subspan(1);
  line.recording = arguments.front();
  return {};
}

bool is_command(CommandLine::Action action) {
  using enum CommandLine::Action;
  return action != run && action != help && action != version;
}

// True where the argument is a command or a switch; changes the action.
Result<bool> take_action(Arguments& arguments, CommandLine& line) {
  using enum CommandLine::Action;
  const std::string_view argument = arguments.front();
  if (std::ranges::find(kUnbuiltCommands, argument) != kUnbuiltCommands.end()) {
    return fail(ErrorCode::unsupported, fmt::format("`beyla {}` is not built yet", argument));
  }
  if (is_command(line.action) && std::ranges::find(kCommands, argument) != kCommands.end()) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("`{}` is a second command: see beyla --help", argument));
  }
  if (argument == "--help" || argument == "-h" || argument == "-help") {
    line.action = help;
  } else if (argument == "--version" || argument == "-version") {
    line.action = version;
  } else if (argument == "config-reference") {
    line.action = print_reference;
  } else if (argument == "doctor") {
    line.action = doctor;
  } else if (argument == "processor") {
    line.action = processor;
  } else if (argument == "record" || argument == "replay") {
    TRY_VOID(take_recording(arguments, line));
  } else if (argument == "--metrics" && line.action == replay) {
    line.print_metrics = true;
  } else if (argument == "--single-process" || argument == "-single-process") {
    line.single_process = true;
  } else {
    return false;
  }
  return true;
}

// Parses the first argument and takes it, with its value, off the rest.
Result<void> take_argument(Arguments& arguments, CommandLine& line) {
  const std::string_view argument = arguments.front();
  const bool is_action = TRY(take_action(arguments, line));
  if (is_action) {
    // Nothing follows it, or what did is taken.
  } else if (const auto file = TRY(option_value("config", arguments))) {
    TRY_VOID(set_once("config", *file, line.config_file));
  } else if (const auto hook = TRY(option_value("hook", arguments))) {
    line.socket_hook = TRY(socket_hook_of(*hook));
  } else if (const auto socket = TRY(option_value("processor-socket", arguments))) {
    TRY_VOID(set_once("processor-socket", *socket, line.processor_socket));
  } else {
    return fail(ErrorCode::invalid_argument,
                fmt::format("unknown argument {}: see beyla --help", quoted(argument)));
  }
  arguments = arguments.subspan(1);
  return {};
}

// What is fine alone, but not with the rest of the line.
Result<void> check_together(const CommandLine& line) {
  using enum CommandLine::Action;
  const auto refuse = [](std::string why) {
    return fail(ErrorCode::invalid_argument, std::move(why));
  };
  if (line.processor_socket && line.processor_socket->size() > kMaxSocketPathBytes) {
    return refuse(fmt::format("--processor-socket {} is longer than {} bytes",
                              quoted(*line.processor_socket), kMaxSocketPathBytes));
  }
  if (line.single_process && line.processor_socket) {
    return refuse("--single-process contradicts --processor-socket: keep one of them");
  }
  if (line.action == processor && (line.config_file || !line.socket_hook.empty())) {
    return refuse("`beyla processor` takes no option: its settings come with its work");
  }
  if (is_command(line.action) && line.action != record) {
    if (line.single_process) return refuse("--single-process is for a run or a record only");
    if (line.processor_socket) return refuse("--processor-socket is for a run or a record only");
  }
  return {};
}

Result<std::optional<std::string>> config_file_of(Environment environment) {
  constexpr std::string_view kFirst = "BEYLA_CONFIG_PATH";
  constexpr std::string_view kSecond = "OTEL_EBPF_CONFIG_PATH";
  const auto first = find_variable(environment, kFirst);
  const auto second = find_variable(environment, kSecond);
  if (first && second && *first != *second) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("{}={} contradicts {}={}: keep one of them", kSecond, quoted(*second),
                            kFirst, quoted(*first)));
  }
  const auto chosen = first ? first : second;
  return chosen ? std::optional<std::string>(*chosen) : std::nullopt;
}

}  // namespace

Result<CommandLine> parse_command_line(int argc, const char* const* argv, Environment environment) {
  CommandLine line;
  Arguments arguments(argv, argc > 0 ? static_cast<std::size_t>(argc) : 0);
  if (!arguments.empty()) arguments = arguments.subspan(1);
  while (!arguments.empty()) TRY_VOID(take_argument(arguments, line));
  TRY_VOID(check_together(line));
  using enum CommandLine::Action;
  const bool is_configured = line.action == run || line.action == doctor || line.action == record;
  if (is_configured && !line.config_file) {
    line.config_file = TRY(config_file_of(environment));
  }
  return line;
}

std::string help_text() {
  return "Usage: beyla [--config FILE] [--hook socket=NAME]\n"
         "             [--single-process | --processor-socket PATH]\n"
         "       beyla record FILE [the same options]\n"
         "       beyla replay FILE [--metrics]\n"
         "       beyla doctor [--config FILE]\n"
         "       beyla processor\n"
         "       beyla config-reference | --version | --help\n"
         "\n"
         "Observes HTTP services from outside, through eBPF.\n"
         "\n"
         "  --config FILE       read settings from a YAML file; the environment overrides it\n"
         "                      (also BEYLA_CONFIG_PATH, OTEL_EBPF_CONFIG_PATH)\n"
         "  --hook socket=NAME  force the hook on sockets; NAME is tp_btf\n"
         "  --single-process    everything in one process with all its privileges and no "
         "protection:\n"
         "                      for debugging\n"
         "  --processor-socket PATH\n"
         "                      hand what is captured to the `beyla processor` behind this unix\n"
         "                      socket, in place of a child; both of the same version\n"
         "  record FILE         run, and write what the kernel reports to FILE, payload masked;\n"
         "                      FILE must not exist\n"
         "  replay FILE         trace lines of a recording; needs no privilege\n"
         "  --metrics           replay: the metrics page in place of the trace lines\n"
         "  doctor              what this kernel and these privileges allow, and who is selected\n"
         "  processor           parse and report for the beyla that connects to the socket handed "
         "over\n"
         "                      as descriptor 3; started by beyla-processor.socket\n"
         "  config-reference    print every setting, as a Markdown page\n"
         "  --version           print the version\n"
         "  -h, --help          print this text\n"
         "\n"
         "SIGTERM or Ctrl-C ends it within a second. Exit code 2: settings or machine must change "
         "first,\n"
         "and a line on standard error says what.\n"
         "\n"
         "Try: OPEN_PORT=8080 PRINT_TRACES=true beyla\n";
}

}  // namespace beyla::agent::config
