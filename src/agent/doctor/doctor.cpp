#include "agent/doctor/doctor.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "agent/config/loader.h"
#include "agent/doctor/bpf_facts.h"
#include "agent/doctor/capabilities.h"
#include "agent/doctor/host_facts.h"
#include "agent/doctor/report.h"
#include "agent/doctor/trial.h"
#include "discover/scan/process_scan.h"
#include "export/prometheus/listen_socket.h"

namespace beyla::agent::doctor {
namespace {

constexpr int kExitMissing = 2;

// Who listens on the port that the agent cannot have, in our own network namespace.
std::vector<discover::scan::ScannedProcess> holders_of(const discover::scan::ProcessScan& scan,
                                                       std::uint16_t port) {
  std::vector<discover::scan::ScannedProcess> holders;
  for (const auto& process : scan.processes) {
    const bool holds = std::ranges::any_of(process.listeners, [&](const auto& listener) {
      return listener.port == port && listener.netns_inode == scan.own_netns_inode;
    });
    if (holds) holders.push_back(process);
  }
  return holders;
}

ScrapePortFacts try_scrape_port(const config::Settings& settings,
                                const discover::scan::ProcessScan& scan) {
  ScrapePortFacts facts;
  const auto socket = exporters::prometheus::listen_for_scrapes(
      settings.prometheus_address, *settings.prometheus_port, settings.prometheus_path);
  facts.is_free = socket.has_value();
  if (!socket) {
    facts.problem = socket.error().message();
    facts.holders = holders_of(scan, *settings.prometheus_port);
  }
  return facts;
}

// Settings that lack only an exporter still say what they would select.
std::optional<config::Settings> selectors_alone(const std::optional<std::string>& config_file,
                                                config::Environment environment) {
  std::vector<std::pair<std::string, std::string>> with_exporter{{"BEYLA_TRACE_PRINTER", "text"}};
  with_exporter.insert(with_exporter.end(), environment.begin(), environment.end());
  const auto settings = config::load(config_file, with_exporter, nullptr);
  return settings ? std::optional(*settings) : std::nullopt;
}

SettingsFacts read_settings(const std::optional<std::string>& config_file,
                            config::Environment environment,
                            const discover::scan::ProcessScan& scan) {
  SettingsFacts facts;
  auto settings = config::load(config_file, environment, &facts.warnings);
  if (!settings) {
    facts.problem = settings.error().message();
    facts.selectors = selectors_alone(config_file, environment);
    return facts;
  }
  if (settings->prometheus_port) facts.scrape_port = try_scrape_port(*settings, scan);
  facts.settings = *settings;
  facts.selectors = *std::move(settings);
  return facts;
}

Facts gather(const std::optional<std::string>& config_file, config::Environment environment) {
  const HostRoots roots;
  Facts facts;
  facts.kernel = read_kernel(roots);
  read_type_information(facts.kernel, roots.sys);
  facts.privileges = read_privileges(roots);
  facts.bpf = ask_bpf(facts.privileges);
  facts.scan = discover::scan::scan_processes(roots.proc);
  facts.settings = read_settings(config_file, environment, facts.scan);
  if (may_load_programs(facts.privileges)) facts.trial = try_programs();
  return facts;
}

}  // namespace

int run(const std::optional<std::string>& config_file, config::Environment environment) {
  const Facts facts = gather(config_file, environment);
  const auto sections = judge(facts);
  const auto own_pid = static_cast<std::uint32_t>(::getpid());
  const auto& selectors = facts.settings.selectors;
  const Selection selection = selectors ? select_processes(*selectors, facts.scan, own_pid)
                                        : list_listeners(facts.scan, own_pid);
  fmt::print("{}{}{}", render_table(sections, ::isatty(STDOUT_FILENO) == 1),
             render_selection(selection, selectors.has_value()), render_result(sections));
  return would_run(sections) ? 0 : kExitMissing;
}

}  // namespace beyla::agent::doctor
