#include "agent/config/reference_page.h"

#include <span>
#include <string_view>

#include <fmt/format.h>

#include "agent/config/setting_table.h"

namespace beyla::agent::config {

namespace {

constexpr std::string_view kIntroduction =
    "# Configuration\n"
    "\n"
    "<!-- Made by `beyla config-reference` from src/agent/config/setting_table.cpp: do not edit. "
    "-->\n"
    "\n"
    "Settings come from three places; a later one wins: the defaults, the YAML file (`--config "
    "FILE`, or the path\n"
    "in `BEYLA_CONFIG_PATH` or `OTEL_EBPF_CONFIG_PATH`), the environment.\n"
    "\n"
    "- An empty variable, or an empty value in the file, counts as unset.\n"
    "- All spellings of a setting are equal. Two that say different things in the same place are "
    "an error.\n"
    "- A dot in a YAML key stands for nesting: `prometheus_export.port` is `port` below "
    "`prometheus_export`.\n"
    "- An unknown YAML key is an error; an unknown variable that starts with `BEYLA_` or "
    "`OTEL_EBPF_` is a warning.\n"
    "- At least one of `open_port` and `executable_name`, and one of `print_traces`,\n"
    "  `trace_printer` and `prometheus_export.port`, must be set.\n"
    "\n"
    "| YAML key | Environment | Default | Meaning |\n"
    "| --- | --- | --- | --- |\n";

std::string code_list(std::span<const std::string_view> words) {
  std::string list;
  for (const std::string_view word : words) {
    list += fmt::format("{}`{}`", list.empty() ? "" : ", ", word);
  }
  return list;
}

std::string default_cell(std::string_view text) {
  return text.empty() ? "unset" : fmt::format("`{}`", text);
}

}  // namespace

std::string reference_page() {
  std::string page(kIntroduction);
  for (const Setting& setting : setting_table()) {
    page +=
        fmt::format("| {} | {} | {} | {} |\n", code_list(setting.yaml_paths),
                    code_list(setting.env_names), default_cell(setting.default_text), setting.help);
  }
  return page;
}

}  // namespace beyla::agent::config
