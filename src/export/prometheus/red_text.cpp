#include "export/prometheus/red_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <string_view>
#include <type_traits>
#include <utility>

#include "export/prometheus/text_format.h"

namespace beyla::exporters::prometheus {
namespace {

constexpr std::uint64_t kNsPerSecond = 1'000'000'000;
constexpr std::size_t kBucketPunctuation = std::string_view("_bucket{,le=\"").size();

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
  for (const aggregate::LabelName& label : names.labels) {
    if (label.name.empty()) break;
    if (label.value == &aggregate::SeriesKey::route && key.route.empty()) continue;
    append_label(labels, label.name,
                 label.value == nullptr ? label.constant : std::string_view(key.*label.value));
  }
  return labels;
}

template <const auto& kBounds>
void append_histograms(std::string& out, const aggregate::MetricNames& names,
                       const aggregate::HistogramName& metric,
                       aggregate::Histogram<kBounds> aggregate::SeriesValue::* histogram,
                       std::span<const aggregate::Series> series) {
  constexpr Unit unit = std::is_same_v<aggregate::Histogram<kBounds>, aggregate::DurationHistogram>
                            ? Unit::nanoseconds
                            : Unit::bytes;
  const std::vector<std::string> bounds = bound_texts(kBounds, unit);
  for (const auto& [key, value] : series) {
    append_histogram(out, {metric.name, labels_of(names, *key)}, view_of(value.*histogram, unit),
                     bounds);
  }
}

}  // namespace

RedText::RedText(std::span<const aggregate::Series> series) {
  for (const aggregate::MetricNames& names : aggregate::metric_names()) {
    const auto is_of_row = [&](const aggregate::Series& one) {
      return one.key->family == names.family && one.key->role == names.role;
    };
    const auto first = std::ranges::find_if(series, is_of_row);
    const auto last = std::find_if_not(first, series.end(), is_of_row);
    if (first == last) continue;
    sections_.push_back({&names, Metric::duration, {first, last}});
    if (names.request_size) sections_.push_back({&names, Metric::request_size, {first, last}});
  }
}

bool RedText::append_next(std::string& out) {
  if (section_ == sections_.size()) return false;
  const Section& section = sections_[section_];
  if (next_series_ == 0) {
    const auto& metric =
        section.metric == Metric::duration ? section.names->duration : *section.names->request_size;
    append_header(out, metric.name, metric.help, "histogram");
  }
  const auto rest = section.series.subspan(next_series_);
  const auto piece = rest.first(std::min(rest.size(), kPieceSeries));
  append(out, section, piece);
  next_series_ += piece.size();
  if (piece.size() == rest.size()) {
    ++section_;
    next_series_ = 0;
  }
  return true;
}

void RedText::append(std::string& out, const Section& section,
                     std::span<const aggregate::Series> series) {
  const aggregate::MetricNames& names = *section.names;
  if (section.metric == Metric::duration) {
    append_histograms(out, names, names.duration, &aggregate::SeriesValue::duration, series);
  } else {
    append_histograms(out, names, *names.request_size, &aggregate::SeriesValue::request_size,
                      series);
  }
}

TextPieces red_text_pieces(std::vector<aggregate::Series> series, std::string tail) {
  // The text views the vector's elements, which stay where they are when the vector is moved.
  RedText text(series);
  return TextPieces([series = std::move(series), text = std::move(text), tail = std::move(tail),
                     tail_sent = false](std::string& out) mutable {
    if (text.append_next(out)) return true;
    if (std::exchange(tail_sent, true)) return false;
    out += tail;
    return true;
  });
}

void append_red_metrics(std::string& out, std::span<const aggregate::Series> series) {
  RedText text(series);
  while (text.append_next(out)) {
  }
}

}  // namespace beyla::exporters::prometheus
