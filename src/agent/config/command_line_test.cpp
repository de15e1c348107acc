#include "agent/config/command_line.h"

#include <vector>

#include <gtest/gtest.h>

namespace beyla::agent::config {
namespace {

using Action = CommandLine::Action;
using Variables = std::vector<std::pair<std::string, std::string>>;

base::Result<CommandLine> parse(std::vector<const char*> arguments,
                                const Variables& variables = {}) {
  arguments.insert(arguments.begin(), "beyla");
  return parse_command_line(static_cast<int>(arguments.size()), arguments.data(), variables);
}

TEST(CommandLineTest, WithoutArgumentsItRuns) {
  const auto line = parse({});
  ASSERT_TRUE(line.has_value());
  EXPECT_EQ(line->action, Action::run);
  EXPECT_EQ(line->config_file, std::nullopt);
  EXPECT_EQ(line->socket_hook, "");
  EXPECT_TRUE(parse_command_line(0, nullptr, {}).has_value());
}

TEST(CommandLineTest, TakesTheConfigFileInEverySpelling) {
  const std::vector<const char*> cases[] = {
      {"--config", "a.yml"}, {"--config=a.yml"}, {"-config", "a.yml"}, {"-config=a.yml"}};
  for (const auto& arguments : cases) {
    const auto line = parse(arguments);
    ASSERT_TRUE(line.has_value()) << arguments.front();
    EXPECT_EQ(line->config_file, "a.yml");
  }
}

TEST(CommandLineTest, TakesTheConfigFileFromTheEnvironmentOnlyAsFallback) {
  const Variables beyla = {{"BEYLA_CONFIG_PATH", "b.yml"}};
  const Variables otel = {{"OTEL_EBPF_CONFIG_PATH", "o.yml"}, {"BEYLA_CONFIG_PATH", ""}};
  const Variables both = {{"OTEL_EBPF_CONFIG_PATH", "o.yml"}, {"BEYLA_CONFIG_PATH", "b.yml"}};
  EXPECT_EQ(parse({}, beyla)->config_file, "b.yml");
  EXPECT_EQ(parse({}, otel)->config_file, "o.yml");
  EXPECT_EQ(parse({"--config", "a.yml"}, both)->config_file, "a.yml");
  EXPECT_TRUE(parse({"--version"}, both).has_value());
  const auto conflict = parse({}, both);
  ASSERT_FALSE(conflict.has_value());
  EXPECT_EQ(conflict.error().message(),
            "OTEL_EBPF_CONFIG_PATH=`o.yml` contradicts BEYLA_CONFIG_PATH=`b.yml`: keep one of "
            "them");
}

TEST(CommandLineTest, TakesActions) {
  EXPECT_EQ(parse({"--version"})->action, Action::version);
  EXPECT_EQ(parse({"--help"})->action, Action::help);
  EXPECT_EQ(parse({"-h"})->action, Action::help);
  EXPECT_EQ(parse({"config-reference"})->action, Action::print_reference);
}

TEST(CommandLineTest, TakesTheSocketHook) {
  EXPECT_EQ(parse({"--hook", "socket=tp_btf"})->socket_hook, "tp_btf");
  EXPECT_EQ(parse({"--hook=socket=tp_btf", "--config=a"})->socket_hook, "tp_btf");
}

TEST(CommandLineTest, TakesCommandsWithTheirFile) {
  const auto record = parse({"record", "file", "--config=a"});
  EXPECT_EQ(record->action, CommandLine::Action::record);
  EXPECT_EQ(record->recording, "file");
  EXPECT_EQ(record->config_file, "a");
  const auto replay = parse({"replay", "file", "--metrics"});
  EXPECT_EQ(replay->action, CommandLine::Action::replay);
  EXPECT_TRUE(replay->print_metrics);
  EXPECT_EQ(parse({"doctor"})->action, CommandLine::Action::doctor);
}

TEST(CommandLineTest, TakesWhoDoesTheProcessorsWork) {
  for (const char* option : {"--single-process", "-single-process"}) {
    EXPECT_TRUE(parse({option})->single_process) << option;
    EXPECT_EQ(parse({option})->action, Action::run);
  }
  EXPECT_TRUE(parse({"record", "file", "--single-process"})->single_process);
  EXPECT_FALSE(parse({})->single_process);
  EXPECT_EQ(parse({})->processor_socket, std::nullopt);
  EXPECT_EQ(parse({"--processor-socket", "/run/p"})->processor_socket, "/run/p");
  EXPECT_EQ(parse({"record", "f", "--processor-socket=/run/p"})->processor_socket, "/run/p");
  const std::string longest(kMaxSocketPathBytes, 'p');
  EXPECT_EQ(parse({"--processor-socket", longest.c_str()})->processor_socket, longest);
}

TEST(CommandLineTest, TheProcessorTakesNoSettings) {
  const auto line = parse({"processor"}, {{"BEYLA_CONFIG_PATH", "b.yml"}});
  ASSERT_TRUE(line.has_value());
  EXPECT_EQ(line->action, Action::processor);
  EXPECT_EQ(line->config_file, std::nullopt);
}

TEST(CommandLineTest, RefusesAndSaysWhy) {
  using enum base::ErrorCode;
  const std::string too_long(kMaxSocketPathBytes + 1, 'p');
  const char* const too_long_path = too_long.c_str();
  struct Case {
    std::vector<const char*> arguments;
    base::ErrorCode code;
    std::string message;
  };
  const Case cases[] = {
      {{"check-config"}, unsupported, "`beyla check-config` is not built yet"},
      {{"config"}, unsupported, "`beyla config` is not built yet"},
      {{"record"}, invalid_argument, "`beyla record` needs a file: see beyla --help"},
      {{"replay", "--metrics"}, invalid_argument, "`beyla replay` needs a file: see beyla --help"},
      {{"--metrics"}, invalid_argument, "unknown argument `--metrics`: see beyla --help"},
      {{"--hook", "socket=kprobe"},
       unsupported,
       "socket hook `kprobe` is not built yet (have: tp_btf)"},
      {{"--hook", "tls=x"},
       invalid_argument,
       "--hook `tls=x`: expected socket=NAME, see beyla --help"},
      {{"--config"}, invalid_argument, "--config needs a value: see beyla --help"},
      {{"--config="}, invalid_argument, "--config needs a value: see beyla --help"},
      {{"--config", ""}, invalid_argument, "--config needs a value: see beyla --help"},
      {{"--config=a", "-config=b"}, invalid_argument, "--config given twice: `a` and `b`"},
      {{"--configs=a"}, invalid_argument, "unknown argument `--configs=a`: see beyla --help"},
      {{"--single-process", "--processor-socket=/run/p"},
       invalid_argument,
       "--single-process contradicts --processor-socket: keep one of them"},
      {{"--single-process=1"},
       invalid_argument,
       "unknown argument `--single-process=1`: see beyla --help"},
      {{"--processor-socket"},
       invalid_argument,
       "--processor-socket needs a value: see beyla --help"},
      {{"--processor-socket=a", "--processor-socket=b"},
       invalid_argument,
       "--processor-socket given twice: `a` and `b`"},
      {{"--processor-socket", too_long_path},
       invalid_argument,
       "--processor-socket `" + std::string(too_long_path) + "` is longer than 107 bytes"},
      {{"doctor", "--single-process"},
       invalid_argument,
       "--single-process is for a run or a record only"},
      {{"replay", "f", "--processor-socket", "p"},
       invalid_argument,
       "--processor-socket is for a run or a record only"},
      {{"processor", "--single-process"},
       invalid_argument,
       "--single-process is for a run or a record only"},
      {{"processor", "--config", "c"},
       invalid_argument,
       "`beyla processor` takes no option: its settings come with its work"},
      {{"--hook=socket=tp_btf", "processor"},
       invalid_argument,
       "`beyla processor` takes no option: its settings come with its work"},
      {{"record", "f", "processor"},
       invalid_argument,
       "`processor` is a second command: see beyla --help"},
      {{"doctor", "doctor"}, invalid_argument, "`doctor` is a second command: see beyla --help"},
      {{"--\x1b[2J\n"}, invalid_argument, "unknown argument `--\\x1B[2J\\x0A`: see beyla --help"},
      {{"--verbose"}, invalid_argument, "unknown argument `--verbose`: see beyla --help"},
      {{"run"}, invalid_argument, "unknown argument `run`: see beyla --help"},
      {{""}, invalid_argument, "unknown argument ``: see beyla --help"},
  };
  for (const Case& c : cases) {
    const auto line = parse(c.arguments);
    ASSERT_FALSE(line.has_value()) << c.message;
    EXPECT_EQ(line.error().code, c.code) << c.message;
    EXPECT_EQ(line.error().message(), c.message);
  }
}

TEST(CommandLineTest, HelpNamesEveryOption) {
  const std::string help = help_text();
  for (const char* word : {"--config", "--hook", "--version", "--help", "config-reference",
                           "record", "replay", "doctor", "--metrics", "--single-process",
                           "--processor-socket", "beyla processor", "beyla-processor.socket"}) {
    EXPECT_NE(help.find(word), std::string::npos) << word;
  }
}

}  // namespace
}  // namespace beyla::agent::config
