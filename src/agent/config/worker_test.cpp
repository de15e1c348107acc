#include "agent/config/worker.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>

#include <gtest/gtest.h>

#include "agent/config/handover/config_channel.h"
#include "agent/config/loader.h"
#include "agent/config/settings_split.h"

namespace beyla::agent::config {
namespace {

using Variables = std::vector<std::pair<std::string, std::string>>;

const Variables kMinimal = {{"OPEN_PORT", "8080"}, {"PRINT_TRACES", "true"}};

base::Fd file_with(std::string_view text) {
  base::Fd file(::memfd_create("config", MFD_CLOEXEC));
  EXPECT_EQ(::write(file.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
  EXPECT_EQ(::lseek(file.get(), 0, SEEK_SET), 0);
  return file;
}

std::vector<base::Fd> files_with(std::string_view text) {
  std::vector<base::Fd> files;
  files.push_back(file_with(text));
  return files;
}

class ConfigWorkerTest : public testing::Test {
 protected:
  void SetUp() override {
    std::array<int, 2> ends{};
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()), 0);
    broker_ = base::Fd(ends[0]);
    worker_ = base::Fd(ends[1]);
  }

  base::Result<LoadedConfig> answer() {
    return receive_config(broker_.get(),
                          std::chrono::steady_clock::now() + std::chrono::seconds(20));
  }

  base::Result<LoadedConfig> ask(std::optional<std::string_view> path,
                                 const std::vector<base::Fd>& files, const Variables& variables) {
    EXPECT_TRUE(send_config_request(broker_.get(), path));
    EXPECT_EQ(run_config_worker(worker_, files, variables), 0);
    return answer();
  }

  base::Fd broker_;
  base::Fd worker_;
};

TEST_F(ConfigWorkerTest, SplitsWhatItLoads) {
  const auto loaded = ask("c.yml",
                          files_with("open_port: [80, 8000-8001]\nexecutable_name: shop\n"
                                     "service_name: Shop\nenforce_sys_caps: true\nlog_level: warn\n"
                                     "print_traces: true\nmetrics: {cardinality_limit: 7}\n"
                                     "discovery: {skip_go_specific_tracers: true}\n"
                                     "prometheus_export: {port: 9090, address: '::1', path: /m, "
                                     "ttl: 3s}\n"),
                          {{"BEYLA_NO_SUCH", "1"}, {"BEYLA_NOR_THIS", "1"}});
  ASSERT_TRUE(loaded.has_value()) << loaded.error().message();
  LoadedConfig expected;
  for (const std::size_t port : {80UL, 8000UL, 8001UL}) expected.policy.wanted_ports.set(port);
  expected.policy.executable_name = "shop";
  expected.policy.service_name = "Shop";
  expected.policy.allowed_probes = abi::kAllowSockets;
  expected.policy.enforce_sys_caps = true;
  expected.policy.log_level = LogLevel::warn;
  expected.policy.scrape = {9090, "::1"};
  expected.settings = {TracePrinterKind::text,  true, LogLevel::warn, "/m",
                       std::chrono::seconds(3), 7};
  expected.warnings = {"ignoring unknown variable BEYLA_NO_SUCH",
                       "ignoring unknown variable BEYLA_NOR_THIS"};
  EXPECT_EQ(*loaded, expected);
}

TEST_F(ConfigWorkerTest, TheEnvironmentAloneIsEnough) {
  const auto loaded = ask(std::nullopt, {}, kMinimal);
  ASSERT_TRUE(loaded.has_value()) << loaded.error().message();
  EXPECT_TRUE(loaded->policy.wanted_ports[8080]);
  EXPECT_EQ(loaded->policy.wanted_ports.count(), 1U);
  EXPECT_EQ(loaded->policy.allowed_probes, std::uint32_t{abi::kAllowAll});
  EXPECT_EQ(loaded->policy.scrape, std::nullopt);
  EXPECT_FALSE(loaded->settings.serve_metrics);
}

TEST_F(ConfigWorkerTest, AnAddressWithoutAPortIsNoEndpoint) {
  const auto loaded = ask("c.yml", files_with("prometheus_export: {address: '::1'}\n"), kMinimal);
  ASSERT_TRUE(loaded.has_value()) << loaded.error().message();
  EXPECT_EQ(loaded->policy.scrape, std::nullopt);
}

TEST_F(ConfigWorkerTest, RefusesInTheWordsOfTheLoader) {
  const auto refused = ask("c.yml", files_with("log_level: loud\n"), kMinimal);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, base::ErrorCode::invalid_argument);
  EXPECT_EQ(refused.error().message(),
            "c.yml:1:1: log_level: `loud` is not a log level (DEBUG, INFO, WARN, ERROR)");
}

TEST_F(ConfigWorkerTest, AHostilePathIsShownHarmlessly) {
  const auto refused = ask("../\n\x1b[2J%n", files_with("x: 1\n"), kMinimal);
  EXPECT_EQ(refused.error().message(), "../\\x0A\\x1B[2J%n:1:1: unknown key `x`");
}

TEST_F(ConfigWorkerTest, AFileThatCannotBeReadIsARefusal) {
  std::vector<base::Fd> files;
  files.push_back(base::Fd(::open("/", O_RDONLY | O_CLOEXEC)));
  EXPECT_EQ(ask("/", files, kMinimal).error().message(),
            "cannot read config file /: Is a directory");
}

TEST_F(ConfigWorkerTest, EndsUnansweredWhereFilesAndRequestDisagree) {
  ASSERT_TRUE(send_config_request(broker_.get(), "c.yml"));
  EXPECT_EQ(run_config_worker(worker_, {}, kMinimal), 2);
  ASSERT_TRUE(send_config_request(broker_.get(), std::nullopt));
  EXPECT_EQ(run_config_worker(worker_, files_with(""), kMinimal), 2);
  auto two = files_with("");
  two.push_back(file_with(""));
  ASSERT_TRUE(send_config_request(broker_.get(), "c.yml"));
  EXPECT_EQ(run_config_worker(worker_, two, kMinimal), 2);
  ASSERT_EQ(::send(broker_.get(), "garbage", 7, 0), 7);
  EXPECT_EQ(run_config_worker(worker_, {}, kMinimal), 2);
  worker_.reset();
  EXPECT_EQ(answer().error().os_errno, ECONNRESET);
}

TEST_F(ConfigWorkerTest, EndsWhenTheBrokerIsGone) {
  broker_.reset();
  EXPECT_EQ(run_config_worker(worker_, {}, kMinimal), 1);
}

// As it is used: a forked child with the environment it inherited.
TEST_F(ConfigWorkerTest, RunsInAChild) {
  ASSERT_EQ(::setenv("BEYLA_PRINT_TRACES", "true", 1), 0);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    broker_.reset();
    ::_exit(config_worker_main(std::move(worker_), files_with("executable_name: shop\n")));
  }
  worker_.reset();
  ASSERT_EQ(::unsetenv("BEYLA_PRINT_TRACES"), 0);
  ASSERT_TRUE(send_config_request(broker_.get(), "c.yml"));
  const auto loaded = answer();
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
  ASSERT_TRUE(loaded.has_value()) << loaded.error().message();
  EXPECT_EQ(loaded->policy.executable_name, "shop");
  EXPECT_EQ(loaded->settings.trace_printer, TracePrinterKind::text);
}

// A file that never answers: the child is still there at the deadline, and can be ended.
TEST_F(ConfigWorkerTest, AFileThatNeverAnswersCostsTheDeadlineOnly) {
  std::array<int, 2> silent{};
  ASSERT_EQ(::pipe2(silent.data(), O_CLOEXEC), 0);
  const base::Fd writing(silent[1]);
  std::vector<base::Fd> files;
  files.push_back(base::Fd(silent[0]));
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) ::_exit(config_worker_main(std::move(worker_), std::move(files)));
  worker_.reset();
  ASSERT_TRUE(send_config_request(broker_.get(), "c.yml"));
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(50);
  EXPECT_EQ(receive_config(broker_.get(), deadline).error().os_errno, ETIMEDOUT);
  ASSERT_EQ(::kill(child, SIGKILL), 0);
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  EXPECT_EQ(answer().error().os_errno, ECONNRESET);
}

TEST(SettingsSplit, WhatTheLoaderAcceptsTheDecodersAccept) {
  const Variables extremes[] = {
      {{"OPEN_PORT", "1-65535"}, {"BEYLA_PROMETHEUS_PORT", "65535"}},
      {{"EXECUTABLE_NAME", std::string(4095, '\n')}, {"PRINT_TRACES", "1"}},
      {{"OPEN_PORT", "1"},
       {"OTEL_SERVICE_NAME", std::string(255, 'x')},
       {"BEYLA_PROMETHEUS_PORT", "1"},
       {"BEYLA_PROMETHEUS_ADDRESS", "0000:0000:0000:0000:0000:ffff:255.255.255.255"},
       {"BEYLA_PROMETHEUS_PATH", "/" + std::string(1022, '/')},
       {"BEYLA_PROMETHEUS_TTL", "8760h"},
       {"BEYLA_METRICS_CARDINALITY_LIMIT", "100000"}}};
  for (const Variables& variables : extremes) {
    const auto settings = load(std::nullopt, variables, nullptr);
    ASSERT_TRUE(settings.has_value()) << settings.error().message();
    const LoadedConfig loaded{policy_of(*settings), processor_settings_of(*settings), {}};
    const auto answer = encode_config_answer(loaded);
    const auto decoded = decode_config_answer(std::as_bytes(std::span(&answer, 1)));
    ASSERT_TRUE(decoded.has_value()) << decoded.error().message();
    EXPECT_EQ(*decoded, loaded);
  }
}

}  // namespace
}  // namespace beyla::agent::config
