// What the sink is told of a request besides its answer.
#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "base/byte_reader.h"
#include "protocols/http1/http1_parser.h"

namespace beyla::protocols::http1 {
namespace {

struct Told final : model::ExchangeSink {
  std::optional<model::RequestBegun> begun;
  std::optional<model::Exchange> unanswered;
  model::RequestId on_begun(const model::RequestBegun& request) override {
    begun = request;
    return 77;
  }
  void on_exchange(model::Exchange&&) override {}
  void on_incomplete(const model::Incomplete& request) override {
    if (request.unanswered != nullptr) unanswered = *request.unanswered;
  }
  void on_unpaired() override {}
  void on_gap() override {}
};

void receive(Http1Parser& parser, const std::string& text) {
  session::Segment segment;
  segment.bytes = base::as_bytes(text);
  segment.time = base::BootTime(std::chrono::seconds(5));
  segment.starts_record = true;
  parser.on_bytes(segment);
}

model::ConnectionInfo server() {
  model::ConnectionInfo info;
  info.id = 9;
  info.role = model::Role::server;
  info.seen_from_start = true;
  info.local.port = 8080;
  return info;
}

TEST(Unanswered, ItIsSaidWhatTheRequestWas) {
  Told told;
  Http1Parser parser(server(), told);
  receive(parser, "PUT /a?b HTTP/1.1\r\nContent-Length: 0\r\n\r\n");
  parser.on_closed(base::BootTime(std::chrono::seconds(6)));
  ASSERT_TRUE(told.unanswered);
  EXPECT_EQ(told.unanswered->request, 77U);
  EXPECT_EQ(told.unanswered->connection, 9U);
  EXPECT_EQ(told.unanswered->local.port, 8080);
  EXPECT_EQ(told.unanswered->role, model::Role::server);
  EXPECT_EQ(told.unanswered->semantics.operation, "PUT");
  EXPECT_EQ(told.unanswered->semantics.target, "/a");
  EXPECT_EQ(told.unanswered->semantics.outcome, "");
  EXPECT_EQ(told.unanswered->received, base::BootTime(std::chrono::seconds(5)));
}

TEST(Unanswered, TheTraceThatItCarriesIsSaidWhenItBegins) {
  Told told;
  Http1Parser parser(server(), told);
  receive(parser, "GET / HTTP/1.1\r\n\r\n");
  ASSERT_TRUE(told.begun);
  EXPECT_FALSE(told.begun->incoming);
  receive(parser,
          "GET / HTTP/1.1\r\nTRACEPARENT: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
          "\r\n\r\n");
  ASSERT_TRUE(told.begun->incoming);
  EXPECT_EQ(told.begun->incoming->span_id[0], 0xb7);
  EXPECT_EQ(told.begun->connection, 9U);
}

}  // namespace
}  // namespace beyla::protocols::http1
