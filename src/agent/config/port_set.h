// PortSet: a set of TCP ports. In: text such as "80,443,8000-8999". Out: membership and ranges.
// Immutable after parse(); any thread. Errors: invalid_argument that names the bad piece.
#pragma once

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace beyla::agent::config {

struct PortRange {
  std::uint16_t first = 0;
  std::uint16_t last = 0;  // inclusive

  bool operator==(const PortRange&) const = default;
};

// One port, 1 to 65535, decimal digits only.
[[nodiscard]] base::Result<std::uint16_t> parse_port(std::string_view text);

class PortSet {
 public:
  // Elements are separated by ',' and may have spaces around them; never yields an empty set.
  [[nodiscard]] static base::Result<PortSet> parse(std::string_view text);

  [[nodiscard]] bool contains(std::uint16_t port) const;
  // Ascending, not overlapping, not adjacent. Lives as long as the set.
  [[nodiscard]] const std::vector<PortRange>& ranges() const { return ranges_; }

  bool operator==(const PortSet&) const = default;

 private:
  explicit PortSet(std::vector<PortRange> ranges) : ranges_(std::move(ranges)) {}

  std::vector<PortRange> ranges_;
};

}  // namespace beyla::agent::config
