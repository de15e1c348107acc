#include "export/console/server_name.h"

#include <gtest/gtest.h>

namespace beyla::exporters::console {
namespace {

TEST(ServerName, IsTakenApart) {
  struct Case {
    std::string_view name;
    std::string_view host;
    std::uint16_t port;
  };
  const Case cases[] = {
      {"shop.example", "shop.example", 0},
      {"shop.example:8080", "shop.example", 8080},
      {"127.0.0.1:65535", "127.0.0.1", 65535},
      {"[::1]:80", "::1", 80},
      {"[2001:db8::1]", "2001:db8::1", 0},
      {"2001:db8::1", "2001:db8::1", 0},
      {"", "", 0},
      {":80", "", 80},
      {"shop:0", "shop:0", 0},
      {"shop:65536", "shop:65536", 0},
      {"shop:-1", "shop:-1", 0},
      {"shop: 80", "shop: 80", 0},
      {"shop:80x", "shop:80x", 0},
      {"shop:", "shop:", 0},
      {"[::1", "[::1", 0},
      {"[::1]80", "[::1]80", 0},
      {"[::1]x:80", "[::1]x:80", 0},
      {"[::1]:80:81", "[::1]:80:81", 0},
      {"]:80", "]", 80},
      {"unix:///run/shop.sock", "unix:///run/shop.sock", 0},
  };
  for (const Case& c : cases) {
    const ServerName split = split_server_name(c.name);
    EXPECT_EQ(split.host, c.host) << c.name;
    EXPECT_EQ(split.port, c.port) << c.name;
  }
}

}  // namespace
}  // namespace beyla::exporters::console
