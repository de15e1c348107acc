// Prometheus text format 0.0.4
// (https://prometheus.io/docs/instrumenting/exposition_formats/). Pure functions, any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "export/prometheus/self_metrics.h"

namespace beyla::exporters::prometheus {

// Escapes backslash, quote and newline; each byte that is not UTF-8 becomes U+FFFD.
void append_label_value(std::string& out, std::string_view value);

// Shortest text that reads back as the same number; "+Inf", "-Inf", "NaN".
void append_number(std::string& out, double value);

// name="value", after a comma where a label comes before.
void append_label(std::string& out, std::string_view name, std::string_view value);

// The HELP and TYPE lines.
void append_header(std::string& out, std::string_view name, std::string_view help,
                   std::string_view type);

void append_integer(std::string& out, std::uint64_t value);

// Samples of one name come together under one HELP and TYPE, names in order of first appearance.
void append_samples(std::string& out, std::span<const Sample> samples);

}  // namespace beyla::exporters::prometheus
