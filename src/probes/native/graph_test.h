// A graph of machine code written in tests as text; the function is its beginning.
#pragma once

#include <gtest/gtest.h>

#include <optional>
#include <string_view>
#include <vector>

#include "probes/native/flow_graph.h"
#include "probes/x86/code_bytes_test.h"

namespace beyla::probes::native::testing {

struct GraphOf {
  // `bytes` of the function, 0: all; `other`: where another function begins.
  explicit GraphOf(std::string_view text, std::size_t bytes = 0,
                   std::optional<std::size_t> other = std::nullopt)
      : code(x86::testing::code_of(text)),
        graph(FlowGraph::explore(code, {.begin = 0, .end = bytes == 0 ? code.size() : bytes},
                                 [other](std::size_t offset) { return other == offset; })) {}

  std::vector<std::byte> code;
  std::expected<FlowGraph, SiteRefusal> graph;
};

}  // namespace beyla::probes::native::testing
