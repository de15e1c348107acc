#include "export/prometheus/text_format.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <unordered_map>

#include "export/aggregate/metric_names.h"
#include "export/text/utf8.h"

namespace beyla::exporters::prometheus {
namespace {

constexpr std::string_view kReplacement = "\ufffd";
constexpr std::uint64_t kNsPerSecond = 1'000'000'000;
constexpr std::size_t kBucketPunctuation = std::string_view("_bucket{,le=\"").size();
// Of one series with short labels; asked for at once, so that a long text is not copied as it
// grows.
constexpr std::size_t kSeriesTextBytes = 4096;

enum class Unit { nanoseconds, bytes };

// A histogram without its type.
struct HistogramView {
  std::span<const std::uint64_t> counts;  // per bucket, not cumulative
  std::uint64_t sum = 0;
  Unit unit = Unit::bytes;
};

template <const auto& kBounds>
HistogramView view_of(const aggregate::Histogram<kBounds>& histogram, Unit unit) {
  return {histogram.counts, histogram.sum, unit};
}

// All labels but le, as they stand between the braces, and the name in front of them.
struct SeriesText {
  std::string_view name;
  std::string_view labels;
};

void append_integer(std::string& out, std::uint64_t value) {
  const fmt::format_int text(value);
  out.append(text.data(), text.size());
}

// Nanoseconds print as seconds by their digits: no rounding of a long sum to a double.
void append_in_unit(std::string& out, std::uint64_t value, Unit unit) {
  if (unit == Unit::bytes) {
    append_integer(out, value);
    return;
  }
  append_integer(out, value / kNsPerSecond);
  if (value % kNsPerSecond == 0) return;
  fmt::format_to(std::back_inserter(out), ".{:09}", value % kNsPerSecond);
  out.erase(out.find_last_not_of('0') + 1);
}

void append_label(std::string& out, std::string_view name, std::string_view value) {
  if (!out.empty() && out.back() == '"') out.push_back(',');
  out += name;
  out += "=\"";
  append_label_value(out, value);
  out.push_back('"');
}

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

// The text of each bound, of +Inf at last, ready to follow `le="`.
std::vector<std::string> bound_texts(std::span<const std::uint64_t> bounds, Unit unit) {
  std::vector<std::string> texts;
  for (const std::uint64_t bound : bounds) {
    append_in_unit(texts.emplace_back(), bound, unit);
    texts.back() += "\"} ";
  }
  texts.emplace_back("+Inf\"} ");
  return texts;
}

void append_total_name(std::string& out, const SeriesText& series, std::string_view suffix) {
  out += series.name;
  out += suffix;
  out.push_back('{');
  out += series.labels;
  out += "} ";
}

// Most of a scrape is spent here: a line is three appends.
void append_histogram(std::string& out, const SeriesText& series, const HistogramView& histogram,
                      std::span<const std::string> bounds) {
  std::string prefix;
  prefix.reserve(series.name.size() + series.labels.size() + kBucketPunctuation);
  prefix += series.name;
  prefix += "_bucket{";
  prefix += series.labels;
  prefix += ",le=\"";
  std::uint64_t cumulative = 0;
  for (std::size_t i = 0; i < histogram.counts.size(); ++i) {
    cumulative += histogram.counts[i];
    out += prefix;
    out += bounds[i];
    append_integer(out, cumulative);
    out.push_back('\n');
  }
  append_total_name(out, series, "_sum");
  append_in_unit(out, histogram.sum, histogram.unit);
  out.push_back('\n');
  append_total_name(out, series, "_count");
  append_integer(out, cumulative);
  out.push_back('\n');
}

std::string labels_of(const aggregate::MetricNames& names, const aggregate::SeriesKey& key) {
  std::string labels;
  if (key.is_overflow) {
    append_label(labels, aggregate::kOverflowLabel, "true");
    return labels;
  }
  append_label(labels, names.operation_label, key.operation);
  append_label(labels, names.outcome_label, key.outcome);
  append_label(labels, names.service_label, key.service);
  return labels;
}

template <const auto& kBounds>
void append_histograms(std::string& out, const aggregate::MetricNames& names,
                       const aggregate::HistogramName& metric, Unit unit,
                       aggregate::Histogram<kBounds> aggregate::SeriesValue::* histogram,
                       std::span<const aggregate::Series> series) {
  const std::vector<std::string> bounds = bound_texts(kBounds, unit);
  append_header(out, metric.name, metric.help, "histogram");
  for (const auto& [key, value] : series) {
    append_histogram(out, {metric.name, labels_of(names, *key)}, view_of(value.*histogram, unit),
                     bounds);
  }
}

// REQUIRES: all series have the family and role of names.
void append_family(std::string& out, const aggregate::MetricNames& names,
                   std::span<const aggregate::Series> series) {
  append_histograms(out, names, names.duration, Unit::nanoseconds,
                    &aggregate::SeriesValue::duration, series);
  append_histograms(out, names, names.request_size, Unit::bytes,
                    &aggregate::SeriesValue::request_size, series);
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

void append_label_value(std::string& out, std::string_view value) {
  while (!value.empty()) {
    const std::size_t length = text::utf8_length(value);
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

void append_red_metrics(std::string& out, std::span<const aggregate::Series> series) {
  out.reserve(out.size() + series.size() * kSeriesTextBytes);
  for (const aggregate::MetricNames& names : aggregate::metric_names()) {
    const auto is_of_row = [&](const aggregate::Series& one) {
      return one.key->family == names.family && one.key->role == names.role;
    };
    const auto first = std::ranges::find_if(series, is_of_row);
    const auto last = std::find_if_not(first, series.end(), is_of_row);
    if (first != last) append_family(out, names, {first, last});
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
