#include "export/prometheus/text_format.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <unordered_map>
#include <vector>

#include "base/utf8.h"

namespace beyla::exporters::prometheus {
namespace {

constexpr std::string_view kReplacement = "\ufffd";
void append_help(std::string& out, std::string_view help) {
  for (const char c : help) {
    if (c == '\\') {
      out += "\\\\";
    } else if (c == '\n') {
      out += "\\n";
    } else {
      out.push_back(c);
    }
  }
}

void append_sample(std::string& out, const Sample& sample) {
  out += sample.name;
  if (!sample.labels.empty()) {
    std::string labels;
    for (const auto& [name, value] : sample.labels) append_label(labels, name, value);
    out.push_back('{');
    out += labels;
    out.push_back('}');
  }
  out.push_back(' ');
  if (const auto* integer = std::get_if<std::uint64_t>(&sample.value)) {
    append_integer(out, *integer);
  } else {
    append_number(out, std::get<double>(sample.value));
  }
  out.push_back('\n');
}

}  // namespace

void append_integer(std::string& out, std::uint64_t value) {
  const fmt::format_int text(value);
  out.append(text.data(), text.size());
}

void append_label(std::string& out, std::string_view name, std::string_view value) {
  if (!out.empty() && out.back() == '"') out.push_back(',');
  out += name;
  out += "=\"";
  append_label_value(out, value);
  out.push_back('"');
}

void append_header(std::string& out, std::string_view name, std::string_view help,
                   std::string_view type) {
  out += "# HELP ";
  out += name;
  out.push_back(' ');
  append_help(out, help);
  out += "\n# TYPE ";
  out += name;
  out.push_back(' ');
  out += type;
  out.push_back('\n');
}

void append_label_value(std::string& out, std::string_view value) {
  while (!value.empty()) {
    const std::size_t length = base::utf8_length(value);
    if (length == 0) {
      out += kReplacement;
    } else if (value.front() == '\\') {
      out += "\\\\";
    } else if (value.front() == '"') {
      out += "\\\"";
    } else if (value.front() == '\n') {
      out += "\\n";
    } else {
      out += value.substr(0, length);
    }
    value.remove_prefix(std::max<std::size_t>(length, 1));
  }
}

void append_number(std::string& out, double value) {
  if (std::isnan(value)) {
    out += "NaN";
  } else if (std::isinf(value)) {
    out += value > 0 ? "+Inf" : "-Inf";
  } else {
    fmt::format_to(std::back_inserter(out), "{}", value);
  }
}

void append_samples(std::string& out, std::span<const Sample> samples) {
  std::unordered_map<std::string_view, std::size_t> group_of_name;
  std::vector<std::vector<const Sample*>> groups;
  for (const Sample& sample : samples) {
    const auto [group, is_new] = group_of_name.try_emplace(sample.name, groups.size());
    if (is_new) groups.emplace_back();
    groups[group->second].push_back(&sample);
  }
  for (const auto& group : groups) {
    const Sample& first = *group.front();
    append_header(out, first.name, first.help,
                  first.type == Sample::Type::counter ? "counter" : "gauge");
    for (const Sample* sample : group) append_sample(out, *sample);
  }
}

}  // namespace beyla::exporters::prometheus
