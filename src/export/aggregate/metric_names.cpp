#include "export/aggregate/metric_names.h"

#include <algorithm>
#include <array>

namespace beyla::exporters::aggregate {
namespace {

constexpr std::array kMetricNames = {
    MetricNames{
        .family = model::MetricFamily::http,
        .role = model::Role::server,
        .duration = {"http_server_duration_seconds",
                     "duration of HTTP service calls from the server side, in seconds"},
        .request_size = {"http_server_request_size_bytes",
                         "size, in bytes, of the HTTP request body as received at the server side"},
        .operation_label = "http_method",
        .outcome_label = "http_status_code",
        .service_label = "service_name",
    },
    MetricNames{
        .family = model::MetricFamily::http,
        .role = model::Role::client,
        .duration = {"http_client_duration_seconds",
                     "duration of HTTP service calls from the client side, in seconds"},
        .request_size = {"http_client_request_size_bytes",
                         "size, in bytes, of the HTTP request body as sent from the client side"},
        .operation_label = "http_method",
        .outcome_label = "http_status_code",
        .service_label = "service_name",
    },
};

}  // namespace

std::span<const MetricNames> metric_names() { return kMetricNames; }

const MetricNames* find_metric_names(model::MetricFamily family, model::Role role) {
  const auto row = std::ranges::find_if(kMetricNames, [&](const MetricNames& names) {
    return names.family == family && names.role == role;
  });
  return row == kMetricNames.end() ? nullptr : &*row;
}

}  // namespace beyla::exporters::aggregate
