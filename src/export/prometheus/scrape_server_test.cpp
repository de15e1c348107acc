#include "export/prometheus/scrape_server.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <charconv>
#include <thread>
#include <vector>

#include "base/fd.h"
#include "export/prometheus/listen_socket.h"

namespace beyla::exporters::prometheus {
namespace {

base::Fd connect_to(std::uint16_t port) {
  base::Fd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(
      connect(fd.get(), static_cast<sockaddr*>(static_cast<void*>(&address)), sizeof(address)), 0);
  return fd;
}

std::string talk(std::uint16_t port, std::string_view request) {
  const base::Fd fd = connect_to(port);
  EXPECT_EQ(send(fd.get(), request.data(), request.size(), MSG_NOSIGNAL),
            static_cast<ssize_t>(request.size()));
  std::string answer;
  std::array<char, 65536> chunk;
  for (ssize_t n = 0; (n = recv(fd.get(), chunk.data(), chunk.size(), 0)) > 0;) {
    answer.append(chunk.data(), static_cast<std::size_t>(n));
  }
  return answer;
}

std::string ask(std::uint16_t port, const std::string& method_and_path) {
  return talk(port, method_and_path + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
}

// The body, whose parts each follow their size (RFC 9112 section 7.1).
std::string body_of(std::string_view answer) {
  const auto head_end = answer.find("\r\n\r\n");
  if (head_end == std::string_view::npos) return "no head";
  EXPECT_NE(answer.find("Transfer-Encoding: chunked\r\n"), std::string_view::npos);
  answer.remove_prefix(head_end + 4);
  std::string body;
  while (true) {
    std::size_t size = 0;
    const auto digits = std::from_chars(answer.data(), answer.data() + answer.size(), size, 16);
    answer.remove_prefix(static_cast<std::size_t>(digits.ptr - answer.data()) + 2);
    if (digits.ec != std::errc() || size == 0) return body;
    body += answer.substr(0, size);
    answer.remove_prefix(size + 2);
  }
}

// A server on a port of its own.
struct Serving {
  std::uint16_t port = 0;
  std::unique_ptr<ScrapeServer> server;
};

Serving serve(ScrapeServer::Render render) {
  auto socket = listen_for_scrapes("", 0, "/metrics");
  EXPECT_TRUE(socket.has_value()) << socket.error().message();
  auto server = ScrapeServer::make(socket->fd.get(), "/metrics", std::move(render));
  EXPECT_TRUE(server.has_value()) << server.error().message();
  return {socket->port, std::move(server).value()};
}

TEST(ScrapeServer, AnswersGetWithTheRenderedText) {
  int scrapes = 0;
  const auto serving = serve([&] { return "scrapes " + std::to_string(++scrapes) + "\n"; });
  const std::string answer = ask(serving.port, "GET /metrics");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK\r\n")) << answer;
  EXPECT_NE(answer.find("Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"),
            std::string::npos);
  EXPECT_EQ(body_of(answer), "scrapes 1\n");
  EXPECT_EQ(body_of(ask(serving.port, "GET /metrics?x=1")), "scrapes 2\n");
}

TEST(ScrapeServer, SendsPiecesInTheirOrder) {
  constexpr int kPieces = 300;  // of different sizes, some larger than what is sent at once
  const auto piece = [](int n) {
    return std::string(static_cast<std::size_t>(n) * 1000, 'a') + "\n";
  };
  const auto serving = serve([&] {
    return TextPieces([&, n = 0](std::string& out) mutable {
      if (n == kPieces) return false;
      if (n % 2 == 0) out += piece(n);  // an empty piece is no end
      ++n;
      return true;
    });
  });
  std::string expected;
  for (int n = 0; n < kPieces; n += 2) expected += piece(n);
  EXPECT_TRUE(body_of(ask(serving.port, "GET /metrics")) == expected);
}

TEST(ScrapeServer, AnswersHttp10WithoutChunks) {
  const auto serving = serve([] { return std::string("a 1\n"); });
  const std::string answer = talk(serving.port, "GET /metrics HTTP/1.0\r\n\r\n");
  EXPECT_TRUE(answer.ends_with("\r\n\r\na 1\n")) << answer;
}

TEST(ScrapeServer, AnswersHeadWithoutBody) {
  const auto serving = serve([] { return std::string("a 1\n"); });
  const std::string answer = ask(serving.port, "HEAD /metrics");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 "));
  EXPECT_TRUE(answer.ends_with("\r\n\r\n"));
}

TEST(ScrapeServer, RefusesOtherPathsAndMethods) {
  const auto serving = serve([] { return std::string("a 1\n"); });
  EXPECT_TRUE(ask(serving.port, "GET /").starts_with("HTTP/1.1 404 "));
  EXPECT_TRUE(ask(serving.port, "GET /metrics/").starts_with("HTTP/1.1 404 "));
  const std::string answer = talk(
      serving.port,
      "POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 405 ")) << answer;
  EXPECT_NE(answer.find("Allow: GET, HEAD\r\n"), std::string::npos);
}

TEST(ScrapeServer, ServesLargeTextsToManyAtOnce) {
  const auto serving = serve([] { return std::string(3'000'000, 'x'); });
  std::vector<std::size_t> sizes(8);
  {
    std::vector<std::jthread> scrapers;
    for (auto& size : sizes) {
      scrapers.emplace_back([&] { size = ask(serving.port, "GET /metrics").size(); });
    }
  }
  for (const auto size : sizes) EXPECT_GT(size, 3'000'000U);
}

TEST(ScrapeServer, ConnectionsThatSayNothingDoNotDelayTheEnd) {
  auto serving = serve([] { return std::string(); });
  const base::Fd silent = connect_to(serving.port);
  const auto begin = std::chrono::steady_clock::now();
  serving.server.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(2));
}

TEST(ListenSocket, PortInUseSaysWhatToDo) {
  const auto first = listen_for_scrapes("127.0.0.1", 0, "/metrics");
  ASSERT_TRUE(first.has_value());
  const auto second = listen_for_scrapes("127.0.0.1", first->port, "/metrics");
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code, base::ErrorCode::invalid_argument);
  EXPECT_EQ(second.error().message(),
            "cannot listen on 127.0.0.1:" + std::to_string(first->port) +
                " for /metrics: Address already in use: choose another BEYLA_PROMETHEUS_PORT");
}

TEST(ScrapeServer, PortIsFreeAfterTheEnd) {
  auto serving = serve([] { return std::string(); });
  (void)ask(serving.port, "GET /metrics");
  serving.server.reset();
  EXPECT_TRUE(listen_for_scrapes("", serving.port, "/metrics").has_value());
}

TEST(ListenSocket, RefusesANameForAnAddress) {
  const auto socket = listen_for_scrapes("nowhere", 9400, "/metrics");
  ASSERT_FALSE(socket.has_value());
  EXPECT_EQ(socket.error().message(),
            "cannot listen on nowhere:9400 for /metrics: not an IP address");
}

TEST(ScrapeServer, LeavesTheSocketToItsSuccessor) {
  const auto socket = listen_for_scrapes("", 0, "/metrics");
  ASSERT_TRUE(socket);
  for (const char* const page : {"first", "second"}) {
    const auto server =
        ScrapeServer::make(socket->fd.get(), "/metrics", [page] { return std::string(page); });
    ASSERT_TRUE(server) << server.error().message();
    EXPECT_EQ(body_of(ask(socket->port, "GET /metrics")), page);
  }
}

TEST(ListenAgain, RevivesASocketThatWasShutDown) {
  // A port that the kernel chose would be lost along with the listening.
  const std::uint16_t port = listen_for_scrapes("", 0, "/metrics").value().port;
  const auto socket = listen_for_scrapes("", port, "/metrics");
  ASSERT_TRUE(socket);
  ASSERT_EQ(::shutdown(socket->fd.get(), SHUT_RDWR), 0);
  listen_again(socket->fd.get());
  listen_again(socket->fd.get());  // one that is alive stays so
  EXPECT_TRUE(connect_to(socket->port).valid());
}

}  // namespace
}  // namespace beyla::exporters::prometheus
