// A series: what it is called and what it counted. Plain data, any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "export/aggregate/histogram.h"
#include "model/connection.h"
#include "model/exchange.h"

namespace beyla::exporters::aggregate {

// Text is std::string (owned) or std::string_view (borrowed, for lookups). Declaration order is
// the order of a snapshot.
template <typename Text>
struct BasicSeriesKey {
  model::MetricFamily family = model::MetricFamily::http;
  model::Role role = model::Role::unknown;
  bool is_overflow = false;  // the one series of its family and role for all that found no room
  Text operation;
  Text outcome;
  Text service;
  Text route = {};  // empty: not known, or the family has no such label
  auto operator<=>(const BasicSeriesKey&) const = default;
};
using SeriesKey = BasicSeriesKey<std::string>;
using SeriesKeyView = BasicSeriesKey<std::string_view>;

[[nodiscard]] inline SeriesKeyView view_of(const SeriesKey& key) {
  return {key.family,  key.role,    key.is_overflow, key.operation,
          key.outcome, key.service, key.route};
}

struct SeriesValue {
  DurationHistogram duration;
  SizeHistogram request_size;
};

struct Series {
  std::shared_ptr<const SeriesKey> key;  // never null; shared, so that a copy of many is cheap
  SeriesValue value;
};

}  // namespace beyla::exporters::aggregate
