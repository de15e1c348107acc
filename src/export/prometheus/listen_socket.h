// A TCP socket that listens for scrapes. Any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "base/result.h"

namespace beyla::exporters::prometheus {

struct ListenSocket {
  base::Fd fd;             // non-blocking, close-on-exec
  std::uint16_t port = 0;  // host order, also where 0 was asked
};

// address: IPv4 or IPv6 text, empty for all addresses (IPv6 with IPv4, or IPv4 alone where the
// machine has no IPv6). port 0: any. path is only for the error, which is always
// ErrorCode::invalid_argument: the operator asked for what the machine cannot give.
[[nodiscard]] base::Result<ListenSocket> listen_for_scrapes(const std::string& address,
                                                            std::uint16_t port,
                                                            std::string_view path);

// The same socket again, after one of those who share it has shut it down; else nothing.
void listen_again(int fd);

}  // namespace beyla::exporters::prometheus
