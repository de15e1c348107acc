// beyla: reads its settings, loads the kernel half, wires both sides together, waits for a signal.
#include <fmt/format.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/config/command_line.h"
#include "agent/config/loader.h"
#include "agent/broker/control_loop.h"
#include "agent/doctor/doctor.h"
#include "agent/processor/pipeline.h"
#include "agent/replay_command.h"
#include "agent/processor/self_metrics.h"
#include "agent/broker/target_channel.h"
#include "agent/version.h"
#include "base/clock.h"
#include "export/prometheus/process_metrics.h"
#include "export/prometheus/red_text.h"
#include "export/prometheus/scrape_server.h"
#include "export/prometheus/text_format.h"
#include "probes/loader/kernel_probes.h"

extern char** environ;

namespace beyla::agent {
namespace {

constexpr int kExitBadInput = 2;
constexpr std::chrono::milliseconds kStopGrace{800};  // SIGTERM ends us within a second

void start_logging() {
  auto logger =
      std::make_shared<spdlog::logger>("beyla", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  logger->set_pattern("time=%Y-%m-%dT%H:%M:%S.%e%z level=%l msg=\"%v\"");
  spdlog::set_default_logger(std::move(logger));
}

spdlog::level::level_enum to_spdlog(config::LogLevel level) {
  switch (level) {
    case config::LogLevel::debug: return spdlog::level::debug;
    case config::LogLevel::warn: return spdlog::level::warn;
    case config::LogLevel::error: return spdlog::level::err;
    case config::LogLevel::info: break;
  }
  return spdlog::level::info;
}

probes::loader::ProbeOptions probe_options(const config::Settings& settings) {
  probes::loader::ProbeOptions options;
  options.watch_every_exec = !settings.open_port;
  if (settings.open_port) {
    for (const auto& range : settings.open_port->ranges()) {
      for (std::uint32_t port = range.first; port <= range.last; ++port) {
        options.wanted_ports.set(port);
      }
    }
  }
  return options;
}

// The kernel half speaks in pids of the initial namespace; /proc must, too.
void warn_of_pid_namespace() {
  constexpr std::string_view kInitial = "pid:[4026531836]";  // PROC_PID_INIT_INO, proc_ns.h
  std::array<char, 64> name{};
  const ssize_t length = ::readlink("/proc/self/ns/pid", name.data(), name.size());
  if (length > 0 && std::string_view(name.data(), static_cast<std::size_t>(length)) != kInitial) {
    spdlog::warn(
        "not in the host's pid namespace: services are named by executable only (run the "
        "container with --pid=host)");
  }
}

// Everything that lives while the agent runs, in the order it is built.
class Agent {
 public:
  // `recording`: the file to record to; empty: none.
  static base::Result<void> run(const config::Settings& settings, const std::string& recording);

 private:
  [[nodiscard]] exporters::prometheus::TextPieces render() const;
  base::Result<void> serve_metrics(const config::Settings& settings);

  std::unique_ptr<probes::loader::KernelProbes> probes_;
  std::unique_ptr<Pipeline> pipeline_;
  discover::DiscoveryCounts discovery_counts_;
  std::unique_ptr<exporters::prometheus::ScrapeServer> scrape_server_;
};

base::Result<std::unique_ptr<Recorder>> make_recorder(const std::string& recording) {
  if (recording.empty()) return nullptr;
  auto writer = TRY(capture::replay::RecordingWriter::create(recording, base::wall_clock_offset()));
  spdlog::info("recording to {}", recording);
  return std::make_unique<Recorder>(std::move(writer));
}

base::Result<void> Agent::run(const config::Settings& settings, const std::string& recording) {
  const auto signals = TRY(take_over_signals());
  Agent agent;
  agent.probes_ = TRY(probes::loader::KernelProbes::load(probe_options(settings)));
  auto recorder = TRY(make_recorder(recording));
  auto [control_end, pipeline_end] = TRY(make_target_channel());
  const auto handles = agent.probes_->handles();
  agent.pipeline_ = TRY(Pipeline::make(
      settings,
      {handles.data_ring, handles.policy_by_slot, handles.reader_by_zero, handles.lost_closes},
      std::move(pipeline_end), std::move(recorder)));
  TRY_VOID(agent.serve_metrics(settings));

  TargetSender sender(std::move(control_end));
  discover::Discovery discovery({settings.executable_name, settings.service_name},
                                discover::inspect::ProcessInspector(), *agent.probes_, sender,
                                agent.discovery_counts_);
  ProcessFeed feed(discovery);
  agent.pipeline_->start();
  TRY_VOID(agent.probes_->attach(feed));
  discovery.finish_batch();
  warn_of_pid_namespace();
  spdlog::info("instrumentation ready");
  TRY_VOID(run_control_loop(*agent.probes_, discovery, signals.get(),
                            agent.pipeline_->recording_failed_fd()));
  give_signals_back();
  agent.pipeline_->stop(kStopGrace);
  if (auto error = agent.pipeline_->recording_error()) return std::unexpected(std::move(*error));
  return {};
}

exporters::prometheus::TextPieces Agent::render() const {
  std::vector<exporters::prometheus::Sample> samples;
  const auto handles = probes_->handles();
  collect_books(capture::ring::read_kernel_books(handles.counts_by_kind, handles.notes_by_kind),
                pipeline_->decoder_counts(), probes_->process_events_read(), samples);
  pipeline_->collect(samples);
  collect_discovery(discovery_counts_, samples);
  samples.push_back(counter_sample("beyla_program_runs_skipped_total",
                                   "runs of a kernel program skipped because it was running", {},
                                   probes_->skipped_runs()));
  collect_build_info(samples);
  exporters::prometheus::collect_process_metrics("/proc", samples);
  std::string text;
  exporters::prometheus::append_samples(text, samples);
  return exporters::prometheus::red_text_pieces(pipeline_->series(), std::move(text));
}

base::Result<void> Agent::serve_metrics(const config::Settings& settings) {
  if (!settings.prometheus_port) return {};
  scrape_server_ = TRY(exporters::prometheus::ScrapeServer::make(
      {settings.prometheus_address, *settings.prometheus_port, settings.prometheus_path},
      [this] { return render(); }));
  const bool everywhere = settings.prometheus_address.empty();
  spdlog::info("serving metrics on {}:{}{}{}", everywhere ? "*" : settings.prometheus_address,
               scrape_server_->port(), settings.prometheus_path,
               everywhere ? " (all addresses; BEYLA_PROMETHEUS_ADDRESS narrows it)" : "");
  return {};
}

int fail_with(const base::Error& error) {
  fmt::print(stderr, "beyla: {}\n", error.message());
  return kExitBadInput;
}

int run_command(int argc, char** argv) {
  const auto environment = config::process_environment(environ);
  const auto command = config::parse_command_line(argc, argv, environment);
  if (!command) return fail_with(command.error());
  using Action = config::CommandLine::Action;
  if (command->action == Action::version) {
    fmt::print("beyla {}\n", kVersion);
    return 0;
  }
  if (command->action == Action::help) {
    fmt::print("{}", config::help_text());
    return 0;
  }
  if (command->action == Action::print_reference) {
    fmt::print("{}", config::reference_page());
    return 0;
  }
  if (command->action == Action::replay) {
    const auto done = replay(command->recording, command->print_metrics);
    return done ? 0 : fail_with(done.error());
  }
  start_logging();
  if (command->action == Action::doctor) return doctor::run(command->config_file, environment);
  std::vector<std::string> warnings;
  const auto settings = config::load(command->config_file, environment, &warnings);
  if (!settings) return fail_with(settings.error());
  spdlog::set_level(to_spdlog(settings->log_level));
  for (const auto& warning : warnings) spdlog::warn("{}", warning);
  const auto done = Agent::run(*settings, command->recording);
  return done ? 0 : fail_with(done.error());
}

}  // namespace
}  // namespace beyla::agent

int main(int argc, char** argv) {
  try {
    return beyla::agent::run_command(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "beyla: internal error: %s\n", error.what());
    return 1;
  }
}
