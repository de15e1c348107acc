#include "export/aggregate/metric_names.h"

#include <algorithm>
#include <array>

namespace beyla::exporters::aggregate {
namespace {

// What HTTP clients give for an answer that never came, as no server may: 599 is unassigned, see
// https://www.iana.org/assignments/http-status-codes, and counts as an error of a server wherever
// 5xx does.
constexpr std::string_view kNoHttpAnswer = "599";
constexpr std::string_view kGrpcUnknown = "2";  // https://grpc.io/docs/guides/status-codes/

constexpr LabelName kMethod{"http_method", &SeriesKey::operation, ""};
constexpr LabelName kRoute{"http_route", &SeriesKey::route, ""};
constexpr LabelName kStatus{"http_status_code", &SeriesKey::outcome, ""};
constexpr LabelName kService{"service_name", &SeriesKey::service, ""};
constexpr std::array kRpcLabels = {
    LabelName{"rpc_grpc_status_code", &SeriesKey::outcome, ""},
    LabelName{"rpc_method", &SeriesKey::operation, ""},
    LabelName{"rpc_system", nullptr, "grpc"},
    kService,
};

constexpr std::array kMetricNames = {
    MetricNames{
        .family = model::MetricFamily::http,
        .role = model::Role::server,
        .duration = {"http_server_duration_seconds",
                     "duration of HTTP service calls from the server side, in seconds"},
        .request_size =
            HistogramName{
                "http_server_request_size_bytes",
                "size, in bytes, of the HTTP request body as received at the server side"},
        .labels = {kMethod, kRoute, kStatus, kService},
        .unanswered = kNoHttpAnswer,
    },
    MetricNames{
        .family = model::MetricFamily::http,
        .role = model::Role::client,
        .duration = {"http_client_duration_seconds",
                     "duration of HTTP service calls from the client side, in seconds"},
        .request_size =
            HistogramName{"http_client_request_size_bytes",
                          "size, in bytes, of the HTTP request body as sent from the client side"},
        .labels = {kMethod, kStatus, kService},
        .unanswered = kNoHttpAnswer,
    },
    MetricNames{
        .family = model::MetricFamily::rpc,
        .role = model::Role::server,
        .duration = {"rpc_server_duration_seconds",
                     "duration of RPC service calls from the server side, in seconds"},
        .request_size = std::nullopt,
        .labels = kRpcLabels,
        .unanswered = kGrpcUnknown,
    },
    MetricNames{
        .family = model::MetricFamily::rpc,
        .role = model::Role::client,
        .duration = {"rpc_client_duration_seconds",
                     "duration of RPC service calls from the client side, in seconds"},
        .request_size = std::nullopt,
        .labels = kRpcLabels,
        .unanswered = kGrpcUnknown,
    },
};

}  // namespace

bool MetricNames::has_route() const {
  return std::ranges::find(labels, &SeriesKey::route, &LabelName::value) != labels.end();
}

std::span<const MetricNames> metric_names() { return kMetricNames; }

const MetricNames* find_metric_names(model::MetricFamily family, model::Role role) {
  const auto row = std::ranges::find_if(kMetricNames, [&](const MetricNames& names) {
    return names.family == family && names.role == role;
  });
  return row == kMetricNames.end() ? nullptr : &*row;
}

}  // namespace beyla::exporters::aggregate
