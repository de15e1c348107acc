// Times and addresses of the spans that the tests of lines print.
#pragma once

#include <chrono>
#include <cstdint>

#include "base/clock.h"
#include "model/connection.h"

namespace beyla::exporters::console {

// 2023-04-19 13:49:04.5 UTC, as boot time 1000 s plus the offset.
inline constexpr auto kStart = base::BootTime(std::chrono::seconds(1000));
inline constexpr std::chrono::nanoseconds kWallOffset =
    std::chrono::seconds(1'681'912'144 - 1000) + std::chrono::milliseconds(500);

inline model::IpAddress v4(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d) {
  return {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d}};
}

inline model::IpAddress v6_loopback() {
  model::IpAddress address;
  address.bytes.back() = 1;
  return address;
}

}  // namespace beyla::exporters::console
