// Metrics of the agent itself, as plain values at the moment of a scrape.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace beyla::exporters::prometheus {

struct Sample {
  enum class Type : std::uint8_t { counter, gauge };

  std::string name;
  std::string help;
  Type type = Type::counter;
  std::vector<std::pair<std::string, std::string>> labels;  // name, value; in printed order
  std::variant<std::uint64_t, double> value;
};

// Appends its samples. Called on the scrape server's thread.
using Collector = std::function<void(std::vector<Sample>&)>;

}  // namespace beyla::exporters::prometheus
