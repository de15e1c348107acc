#include "agent/broker/probe_choice.h"

#include <algorithm>
#include <iterator>

namespace beyla::broker {
namespace {

bool has_field(const abi::go_image& go, abi::go_field field) {
  return go.offset[field] != abi::kGoAbsentField;
}

bool is_route_probe(const abi::probe_point& point) {
  switch (point.probe) {
    case abi::kGoProbeGinHandle:
    case abi::kGoProbeEchoFind:
    case abi::kGoProbeMuxSetMatch:
    case abi::kGoProbeMuxSetMatchPointer: return true;
    default: return false;
  }
}

// ServeMux writes its pattern into the request since Go 1.22.
bool has_patterns(const abi::go_image& go) {
  return (go.flags & abi::kGoNoPatterns) == 0 &&
         (has_field(go, abi::kGoRequestPattern) || has_field(go, abi::kGoRequestPat));
}

// Gin and echo hand the object that holds the route on to the next request before the answer is
// sent.
bool pools_routes(const probes::proof::BinaryReport& report) {
  return std::ranges::any_of(report.points, [](const abi::probe_point& point) {
    return point.probe == abi::kGoProbeGinHandle || point.probe == abi::kGoProbeEchoFind;
  });
}

bool may_serve_tls(const probes::proof::BinaryReport& report) {
  return (report.go.flags & abi::kGoNoTlsServer) == 0;
}

}  // namespace

bool can_tell_routes(const probes::proof::BinaryReport& report) {
  return has_patterns(report.go) || std::ranges::any_of(report.points, is_route_probe);
}

std::vector<abi::probe_point> wanted_points(const probes::proof::BinaryReport& report,
                                            const ProbeWants& wants) {
  const bool tls = may_serve_tls(report);
  const bool pooled = pools_routes(report);
  const bool handlers = wants.traces || tls || can_tell_routes(report);
  std::vector<abi::probe_point> wanted;
  std::ranges::copy_if(report.points, std::back_inserter(wanted), [&](const auto& point) {
    switch (point.probe) {
      case abi::kGoProbeServeHttp:
      case abi::kGoProbeHttp1NoBody:
      case abi::kGoProbeHttp1Body:
      case abi::kGoProbeHijack: return handlers;
      case abi::kGoProbeFinishRequest:
      case abi::kGoProbeHttp1Abort:
      case abi::kGoProbeTlsDone: return tls;  // of plain text the sockets see the end
      case abi::kGoProbeServeMux: return has_patterns(report.go);
      case abi::kGoProbeWriteHeader:
      case abi::kGoProbeHttp2WriteHeader: return pooled;
      case abi::kGoProbeHttp2Headers:
      case abi::kGoProbeXnetHeaders:
      case abi::kGoProbeGrpcHeaders: return wants.traces;
      default: return true;
    }
  });
  return wanted;
}

probes::proof::Stepping stepping_of(std::uint32_t probe) {
  switch (probe) {
    // Returns, of a function that takes a round trip over the network.
    case abi::kGoProbeRoundTripEnd: return probes::proof::Stepping::single_step_allowed;
    // Go programs have no shadow stack: their objects are not marked for it, and the kernel enables
    // it where all are only.
    case abi::kGoProbeServeHttp: return probes::proof::Stepping::call_allowed;
    default: return probes::proof::Stepping::emulated_only;
  }
}

}  // namespace beyla::broker
