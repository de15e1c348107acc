#include "agent/run_command.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agent/broker/broker.h"
#include "agent/broker/connected_processor.h"
#include "agent/broker/spawned_elf_workers.h"
#include "agent/broker/spawned_processor.h"
#include "agent/broker/stop_signals.h"
#include "agent/broker/thread_processor.h"
#include "agent/config/handover/log_level.h"
#include "agent/config_loading.h"
#include "agent/logging.h"
#include "agent/privileges/capabilities.h"
#include "agent/roles.h"
#include "base/start_pages.h"
#include "capture/replay/recording_writer.h"
#include "export/prometheus/listen_socket.h"
#include "protocols/registry.h"

namespace beyla::agent {
namespace {

using capture::replay::RecordingFile;
using config::CommandLine;
using config::LoadedConfig;
using exporters::prometheus::ListenSocket;

// What is taken hold of with the powers of the caller, before they are given up.
struct Holdings {
  std::optional<ListenSocket> scrapes;
  std::optional<RecordingFile> recording;
};

base::Result<Holdings> take_hold(const CommandLine& command, const LoadedConfig& loaded) {
  Holdings held;
  if (const auto& scrape = loaded.policy.scrape) {
    const std::string& path = loaded.settings.prometheus_path;
    held.scrapes =
        TRY(exporters::prometheus::listen_for_scrapes(scrape->address, scrape->port, path));
    const bool everywhere = scrape->address.empty();
    spdlog::info("serving metrics on {}:{}{}{}", everywhere ? "*" : scrape->address,
                 held.scrapes->port, path,
                 everywhere ? " (all addresses; BEYLA_PROMETHEUS_ADDRESS narrows it)" : "");
  }
  if (!command.recording.empty()) {
    held.recording.emplace(TRY(RecordingFile::create(command.recording)));
    spdlog::info("recording to {}", command.recording);
  }
  return held;
}

bool wants_go(const config::Policy& policy) { return (policy.allowed_probes & abi::kAllowGo) != 0; }

probes::loader::ProbeOptions probe_options(const config::Policy& policy, bool may_probe) {
  probes::loader::ProbeOptions options;
  options.wanted_ports = policy.wanted_ports;
  options.watch_every_exec = policy.wanted_ports.none();
  if (const model::FrameWalk* walk = protocols::framing()) options.frame_walk = *walk;
  options.go_probes = may_probe && wants_go(policy);
  options.tls_probes = may_probe;
  return options;
}

// Which sets the configuration allows a processor to ask for.
broker::RequestPolicy request_policy(const config::Policy& policy) {
  const bool sockets = (policy.allowed_probes & abi::kAllowSockets) != 0;
  return sockets ? broker::RequestPolicy{} : broker::RequestPolicy{.allowed_probe_sets = 0};
}

broker::StartKit make_kit(const LoadedConfig& loaded, const Holdings& held, std::size_t cpus,
                          const std::string& recording_name) {
  const auto blob = config::encode_settings(loaded.settings);
  const auto bytes = std::as_bytes(std::span(&blob, 1));
  broker::StartKit kit({bytes.begin(), bytes.end()}, cpus, recording_name);
  if (held.scrapes) kit.lend(abi::kFdListeningSocket, held.scrapes->fd.get());
  if (held.recording) kit.lend(abi::kFdRecording, held.recording->fd());
  return kit;
}

// What is missing is said once; it ends the start where nothing is left, or where that was asked.
base::Result<std::uint64_t> check_capabilities(bool enforce) {
  const auto own = TRY(privileges::own_capabilities());
  const auto report =
      privileges::missing_capabilities(privileges::kBrokerCapabilities, own.effective);
  std::uint64_t missing = 0;
  std::string lost;
  bool fatal = enforce && !report.complete();
  for (const auto& row : report.rows) {
    if (row.held) continue;
    missing |= privileges::bit_of(row.capability);
    lost += fmt::format("{}{}: {}", lost.empty() ? "" : "; ", row.name, row.without);
    fatal = fatal || row.loss == privileges::Loss::everything;
  }
  if (fatal) {
    return base::fail(
        base::ErrorCode::permission,
        fmt::format("run as root (sudo -E beyla), or grant {} ({})", report.missing_names(), lost));
  }
  if (missing != 0) {
    spdlog::warn("not everything can be seen; grant {} ({})", report.missing_names(), lost);
  }
  return missing;
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

// The processes beside the broker; by whom they are started.
struct Helpers {
  std::optional<spawn::Spawner> spawner;  // none: --single-process
};

std::unique_ptr<broker::ProcessorSource> make_source(const CommandLine& command, Helpers& helpers,
                                                     const Holdings& held,
                                                     probes::loader::KernelProbes& probes) {
  const int scrapes = held.scrapes ? held.scrapes->fd.get() : -1;
  const auto prepare_for = [&probes, scrapes](pid_t pid) {
    // The first one is older than the programs that see forks, by which others follow the spawner.
    probes.exclude(static_cast<std::uint32_t>(pid));
    // Whatever the last one did to the socket that all of them share.
    if (scrapes >= 0) exporters::prometheus::listen_again(scrapes);
  };
  if (command.processor_socket) {
    return std::make_unique<broker::ConnectedProcessor>(*command.processor_socket, prepare_for);
  }
  if (helpers.spawner) {
    return std::make_unique<broker::SpawnedProcessor>(*helpers.spawner, prepare_for);
  }
  return std::make_unique<broker::ThreadProcessor>(
      [](base::Fd channel) { return run_processor_role(std::move(channel), {}); });
}

base::Result<int> run_loaded(const CommandLine& command, const LoadedConfig& loaded,
                             Helpers& helpers) {
  const auto signals = TRY(broker::take_over_signals());
  const std::uint64_t missing = TRY(check_capabilities(loaded.policy.enforce_sys_caps));
  Holdings held = TRY(take_hold(command, loaded));
  const bool alone = !helpers.spawner;
  if (!alone) TRY_VOID(give_up_other_powers());

  // Without a spawner nobody reads the executables: not even for a debugger do we.
  auto options = probe_options(loaded.policy, !alone);
  if (alone && wants_go(loaded.policy)) {
    spdlog::warn(
        "no Go probes with --single-process: Go programs are seen by their sockets only, without "
        "TLS, HTTP/2, gRPC and routes");
  }
  if (helpers.spawner) {
    options.own_pids.push_back(static_cast<std::uint32_t>(helpers.spawner->pid()));
  }
  const auto probes = TRY(probes::loader::KernelProbes::load(options));
  auto kit = make_kit(loaded, held, probes->handles().possible_cpus, command.recording);
  if (helpers.spawner) {
    kit.give(abi::kFdSpawnerStat, broker::open_stat_of(helpers.spawner->pid()));
  }
  const auto source = make_source(command, helpers, held, *probes);
  std::optional<broker::SpawnedElfWorkers> elf_workers;
  if (helpers.spawner) elf_workers.emplace(*helpers.spawner, command.processor_socket.has_value());
  const auto after_start = [&]() -> base::Result<void> {
    warn_of_pid_namespace();
    if (held.recording) held.recording->keep();
    if (!alone) {
      base::forget_pages_of_start();  // a debugger's breakpoints would go, too
      TRY_VOID(forbid_what_only_the_start_needed());
    }
    spdlog::info("instrumentation ready");
    return {};
  };
  return broker::run_broker({.probes = *probes,
                             .source = *source,
                             .kit = kit,
                             .rules = {loaded.policy.executable_name, loaded.policy.service_name},
                             .keeper = {.policy = request_policy(loaded.policy),
                                        .may_restart = !alone && !held.recording,
                                        .look_for_tls = {}},
                             .elf_workers = elf_workers ? &*elf_workers : nullptr,
                             .probe_wants = {.traces = loaded.settings.trace_printer !=
                                                           config::TracePrinterKind::disabled ||
                                                       held.recording.has_value()},
                             .capabilities_missing = missing,
                             .signals = signals.get(),
                             .after_start = after_start});
}

}  // namespace

base::Result<int> run(const CommandLine& command, config::Environment environment,
                      const RoleMains& mains) {
  Helpers helpers;
  // Its memory is what every child begins with: nothing has been read or loaded yet.
  if (!command.single_process) helpers.spawner = TRY(start_spawner(mains));
  const auto loaded = TRY(helpers.spawner ? load_in_worker(*helpers.spawner, command)
                                          : load_here(command, environment));
  config::apply_log_level(loaded.policy.log_level);
  for (const auto& warning : loaded.warnings) spdlog::warn("{}", warning);
  return run_loaded(command, loaded, helpers);
}

}  // namespace beyla::agent
