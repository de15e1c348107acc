#include "protocols/http2/grpc_web.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "base/byte_reader.h"
#include "protocols/session/conversation.h"

namespace beyla::protocols::http2 {
namespace {

using model::Role;
using session::Conversation;
using Status = std::optional<std::uint32_t>;

constexpr auto kBoth = {Role::server, Role::client};

std::string frame(unsigned flags, std::string_view content) {
  std::string bytes(1, static_cast<char>(flags));
  for (unsigned shift = 32; shift > 0; shift -= 8) {
    bytes.push_back(static_cast<char>(content.size() >> (shift - 8)));
  }
  return bytes.append(content);
}
std::string message(std::string_view content) { return frame(0, content); }
std::string trailers(std::string_view lines) { return frame(0x80, lines); }

std::string base64(std::string_view bytes) {
  constexpr std::string_view kLetters =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (; !bytes.empty(); bytes.remove_prefix(std::min<std::size_t>(3, bytes.size()))) {
    unsigned bits = 0;
    for (std::size_t i = 0; i < 3; ++i) {
      bits = bits << 8U | (i < bytes.size() ? static_cast<unsigned char>(bytes[i]) : 0U);
    }
    for (std::size_t i = 0; i < 4; ++i) {
      text.push_back(i > bytes.size() ? '=' : kLetters[bits >> (18 - 6 * i) & 63U]);
    }
  }
  return text;
}

// In pieces of that size.
Status status_of(GrpcWeb kind, std::string_view content, std::size_t piece) {
  GrpcWebBody body(kind);
  for (; !content.empty(); content.remove_prefix(std::min(piece, content.size()))) {
    body.feed(base::as_bytes(content.substr(0, piece)));
  }
  return body.status();
}

TEST(GrpcWeb, StatusOfTheBody) {
  const std::pair<std::string, Status> kBodies[] = {
      {message("answer") + trailers("grpc-status: 0\r\n"), 0},
      {message("") + message("b") + trailers("grpc-message:x\r\ngrpc-status:14\r\n"), 14},
      {trailers("GRPC-Status: 5"), 5},
      {frame(1, "gzip") + trailers("x-grpc-status: 3\r\ngrpc-status: 13\r\nother: 7\r\n"), 13},
      {trailers("grpc-status: 17\r\n"), 2},
      {trailers("grpc-status: 99999999999999999999\r\n"), 2},
      {trailers("grpc-status: x\r\n"), 2},
      {trailers("grpc-status:\r\n"), 2},
      {trailers("grpc-statusx: 1\r\n"), std::nullopt},
      {trailers(""), std::nullopt},
      {message("answer"), std::nullopt},
      {"", std::nullopt},
      {trailers("grpc-status: 0\r\n") + message("behind"), std::nullopt},
      {trailers("grpc-status: 0\r\n").substr(0, 18), std::nullopt},
      {frame(0x81, "grpc-status: 0\r\n"), std::nullopt},
      {frame(0x40, "grpc-status: 0\r\n"), std::nullopt},
  };
  for (const auto& [body, status] : kBodies) {
    for (const std::size_t piece : {1, 2, 3, 5, 7, 1000}) {
      EXPECT_EQ(status_of(GrpcWeb::binary, body, piece), status) << body << ' ' << piece;
      EXPECT_EQ(status_of(GrpcWeb::text, base64(body), piece), status) << body << ' ' << piece;
    }
  }
}

TEST(GrpcWeb, PiecesOfTextAreEncodedForThemselves) {
  const std::string text = base64(message("a")) + "\r\n" + base64(trailers("grpc-status: 3\r\n"));
  EXPECT_EQ(status_of(GrpcWeb::text, text, 1), 3);
  EXPECT_EQ(status_of(GrpcWeb::text, "AAAA!" + text, 1000), std::nullopt);
  EXPECT_EQ(status_of(GrpcWeb::text, "=AAA" + text, 1000), std::nullopt);
  EXPECT_EQ(status_of(GrpcWeb::text, "AA=A" + text, 1000), std::nullopt);
  EXPECT_EQ(status_of(GrpcWeb::none, message("a") + trailers("grpc-status: 3\r\n"), 9),
            std::nullopt);
}

TEST(GrpcWeb, WhatNobodyCopied) {
  const std::string head = message(std::string(100, 'x'));
  const std::string end = trailers("grpc-status: 7\r\n");
  const auto status_behind = [&](std::size_t seen, std::uint64_t skipped) {
    GrpcWebBody body(GrpcWeb::binary);
    body.feed(base::as_bytes(std::string_view(head).substr(0, seen)));
    body.skip(skipped);
    body.feed(base::as_bytes(std::string_view(head + end).substr(seen + skipped)));
    return body.status();
  };
  EXPECT_EQ(status_behind(20, 50), 7);
  EXPECT_EQ(status_behind(5, 100), 7);
  EXPECT_EQ(status_behind(4, 50), std::nullopt);
  EXPECT_EQ(status_behind(20, 86), std::nullopt);
}

TEST(GrpcWeb, ContentTypes) {
  EXPECT_EQ(grpc_web_of("application/grpc-web"), GrpcWeb::binary);
  EXPECT_EQ(grpc_web_of("Application/gRPC-Web+proto"), GrpcWeb::binary);
  EXPECT_EQ(grpc_web_of("application/grpc-web; charset=x"), GrpcWeb::binary);
  EXPECT_EQ(grpc_web_of("application/grpc-web-text+proto"), GrpcWeb::text);
  for (const std::string_view other :
       {"", "application/grpc", "application/grpc-webx", "application/grpc-web-textx",
        "text/html; application/grpc-web"}) {
    EXPECT_EQ(grpc_web_of(other), GrpcWeb::none) << other;
  }
}

constexpr std::string_view kType = "application/grpc-web+proto";

std::string request(std::string_view type = kType, std::string_view method = "POST") {
  return std::string(method) +
         " /pkg.Service/Do HTTP/1.1\r\nHost: h\r\nContent-Type: " + std::string(type) +
         "\r\nContent-Length: 6\r\n\r\n" + message("x");
}
std::string with_length(std::string_view body, std::string_view status = "200 OK",
                        std::string_view type = kType) {
  return "HTTP/1.1 " + std::string(status) + "\r\nContent-Type: " + std::string(type) +
         "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}
std::string in_chunks(const std::vector<std::string>& pieces) {
  std::string answer = "HTTP/1.1 200 OK\r\nContent-Type: application/grpc-web+proto\r\n";
  answer += "Transfer-Encoding: chunked\r\n\r\n";
  for (const std::string& piece : pieces) {
    char size[20];
    (void)std::snprintf(size, sizeof(size), "%zx\r\n", piece.size());
    answer += size + piece + "\r\n";
  }
  return answer + "0\r\n\r\n";
}

// "rpc /pkg.Service/Do 0", or what it is else.
std::string told(Role role, std::string_view asked, std::string_view answer, std::size_t piece) {
  Conversation talk(role);
  talk.ask(asked);
  for (; !answer.empty(); answer.remove_prefix(std::min(piece, answer.size()))) {
    talk.answer(answer.substr(0, piece));
  }
  if (talk.sink.exchanges.size() != 1) return "none";
  const model::Semantics& semantics = talk.sink.exchanges[0].semantics;
  const bool is_rpc = semantics.family == model::MetricFamily::rpc;
  return (is_rpc ? "rpc " : "http ") + semantics.operation + ' ' + semantics.target + ' ' +
         semantics.outcome;
}

TEST(GrpcWeb, CallsOverHttp1) {
  const std::string ok = message("answer") + trailers("grpc-status: 0\r\ngrpc-message: \r\n");
  const std::string failed = trailers("grpc-status: 13\r\n");
  const std::string only_head =
      "HTTP/1.1 200 OK\r\nContent-Type: application/grpc-web\r\n"
      "grpc-status: 5\r\nContent-Length: 0\r\n\r\n";
  const std::string text = "application/grpc-web-text";
  for (const Role role : kBoth) {
    for (const std::size_t piece : {1, 3, 50, 1000}) {
      EXPECT_EQ(told(role, request(), with_length(ok), piece), "rpc /pkg.Service/Do  0");
      EXPECT_EQ(told(role, request(), with_length(failed), piece), "rpc /pkg.Service/Do  13");
      EXPECT_EQ(told(role, request(), in_chunks({ok.substr(0, 3), ok.substr(3)}), piece),
                "rpc /pkg.Service/Do  0");
      EXPECT_EQ(told(role, request(), only_head, piece), "rpc /pkg.Service/Do  5");
      EXPECT_EQ(told(role, request(text), with_length(base64(failed), "200 OK", text), piece),
                "rpc /pkg.Service/Do  13");
      EXPECT_EQ(told(role, request(), with_length("no", "503 Busy", "text/plain"), piece),
                "rpc /pkg.Service/Do  14");
    }
  }
}

TEST(GrpcWeb, WhatAServerDoesNotKnowHasNoName) {
  const std::string answer = with_length(trailers("grpc-status: 12\r\n"));
  EXPECT_EQ(told(Role::server, request(), answer, 1000), "rpc _OTHER /pkg.Service/Do 12");
  EXPECT_EQ(told(Role::client, request(), answer, 1000), "rpc /pkg.Service/Do  12");
}

// A code that was not seen is not made up.
TEST(GrpcWeb, OthersStayRequestsOfHttp) {
  const std::string ok = trailers("grpc-status: 0\r\n");
  for (const Role role : kBoth) {
    EXPECT_EQ(told(role, request(), with_length(message("answer")), 1000),
              "http POST /pkg.Service/Do 200");
    EXPECT_EQ(told(role, request("text/plain"), with_length(ok), 1000),
              "http POST /pkg.Service/Do 200");
    EXPECT_EQ(told(role, request(), with_length(ok, "200 OK", "text/html"), 1000),
              "http POST /pkg.Service/Do 200");
    EXPECT_EQ(told(role, request(kType, "PUT"), with_length(ok), 1000),
              "http PUT /pkg.Service/Do 200");
  }
}

// Of a long answer the middle is not copied.
TEST(GrpcWeb, LongAnswers) {
  const std::string answer =
      with_length(message(std::string(10'000, 'm')) + trailers("grpc-status: 3\r\n"));
  for (const std::size_t tail : {50, 10}) {
    Conversation talk(Role::server);
    talk.ask(request());
    talk.record(model::Direction::sent, answer, 2000, tail);
    ASSERT_EQ(talk.sink.exchanges.size(), 1U);
    const model::Semantics& semantics = talk.sink.exchanges[0].semantics;
    EXPECT_EQ(semantics.outcome, tail == 50 ? "3" : "200");
    EXPECT_EQ(semantics.family == model::MetricFamily::rpc, tail == 50);
  }
}

// The call before says nothing about the next one.
TEST(GrpcWeb, CallsOfAConnection) {
  Conversation talk;
  const std::string_view kCodes[] = {"0", "3", "0", "16"};
  for (const std::string_view code : kCodes) {
    talk.ask(request());
    talk.answer(with_length(message("m") + trailers("grpc-status: " + std::string(code))));
    talk.ask(request());
    talk.answer(with_length(message("m")));
  }
  ASSERT_EQ(talk.sink.exchanges.size(), 8U);
  for (std::size_t i = 0; i < 8; ++i) {
    EXPECT_EQ(talk.sink.exchanges[i].semantics.outcome, i % 2 == 0 ? kCodes[i / 2] : "200");
  }
}

}  // namespace
}  // namespace beyla::protocols::http2
