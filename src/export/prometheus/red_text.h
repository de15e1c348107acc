// The histograms of a snapshot in the Prometheus text format, piece by piece: the text of 10,000
// series has 35 MB. Any thread, one at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "export/aggregate/metric_names.h"
#include "export/aggregate/series.h"
#include "export/prometheus/text_pieces.h"

namespace beyla::exporters::prometheus {

class RedText {
 public:
  // Of one piece: some 100 KB, still in the CPU's cache when they are sent.
  static constexpr std::size_t kPieceSeries = 64;

  // REQUIRES: sorted, as RedMetrics::snapshot(); outlives this.
  explicit RedText(std::span<const aggregate::Series> series);

  // Appends one metric of the next kPieceSeries series, with its header where it begins; false:
  // there was nothing left.
  [[nodiscard]] bool append_next(std::string& out);

 private:
  enum class Metric : std::uint8_t { duration, request_size };
  struct Section {
    const aggregate::MetricNames* names = nullptr;
    Metric metric = Metric::duration;
    std::span<const aggregate::Series> series;
  };
  static void append(std::string& out, const Section& section,
                     std::span<const aggregate::Series> series);

  std::vector<Section> sections_;  // in the order of the text
  std::size_t section_ = 0;
  std::size_t next_series_ = 0;  // within the section
};

// The same, owning its series, with `tail` after the last piece.
[[nodiscard]] TextPieces red_text_pieces(std::vector<aggregate::Series> series, std::string tail);

// All at once.
void append_red_metrics(std::string& out, std::span<const aggregate::Series> series);

}  // namespace beyla::exporters::prometheus
