// From what a Go executable has to the points that its probes get.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "abi/go_calls.h"
#include "abi/probe_point.h"
#include "probes/go/image/go_image.h"

namespace beyla::probes::go {

struct ChosenProbes {
  std::vector<abi::probe_point> points;  // at most kMaxProbePoints
  std::uint64_t inlined = 0;             // both as in abi/go_report.h
  std::uint64_t left_out = 0;
  bool may_serve_tls = true;
  bool has_patterns = true;  // requests may carry one, Go >= 1.22
};

// `file`: the bytes that the image was read from. `known`: the fields that it has.
[[nodiscard]] ChosenProbes choose_probes(const GoImage& image, std::span<const std::byte> file,
                                         const abi::go_image& known);

}  // namespace beyla::probes::go
