#include "export/console/trace_printer.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <vector>

#include "base/fd.h"
#include "export/console/json_line.h"
#include "export/console/trace_line.h"

namespace beyla::exporters::console {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

struct Pipe {
  Pipe() {
    std::array<int, 2> ends{};
    EXPECT_EQ(pipe2(ends.data(), O_CLOEXEC), 0);
    read = base::Fd(ends[0]);
    write = base::Fd(ends[1]);
  }
  base::Fd read;
  base::Fd write;
};

model::Span span_to(std::string target) {
  model::Span span;
  span.exchange.semantics = {model::MetricFamily::http, "GET", std::move(target), "200"};
  span.exchange.request_body_bytes = 0;
  return span;
}

std::unique_ptr<TracePrinter> printer_to(int fd) {
  auto printer = TracePrinter::make(fd, append_trace_line, [] { return 0ns; });
  EXPECT_TRUE(printer.has_value());
  return std::move(printer).value();
}

std::string read_rest(int fd) {
  std::string text;
  std::array<char, 65536> chunk;
  for (ssize_t n = 0; (n = ::read(fd, chunk.data(), chunk.size())) > 0;) {
    text.append(chunk.data(), static_cast<std::size_t>(n));
  }
  return text;
}

std::uint64_t count_lines(const std::string& text) {
  return static_cast<std::uint64_t>(std::count(text.begin(), text.end(), '\n'));
}

TEST(TracePrinter, WritesALineWithin100Milliseconds) {
  const Pipe pipe;
  const auto printer = printer_to(pipe.write.get());
  printer->on_span(span_to("/soon"));
  pollfd ready{.fd = pipe.read.get(), .events = POLLIN, .revents = 0};
  ASSERT_EQ(poll(&ready, 1, 100), 1);
  std::array<char, 4096> chunk;
  const auto count = ::read(pipe.read.get(), chunk.data(), chunk.size());
  ASSERT_GT(count, 0);
  EXPECT_NE(std::string(chunk.data(), static_cast<std::size_t>(count)).find(" GET /soon "),
            std::string::npos);
}

TEST(TracePrinter, StopFlushesEverythingInOrder) {
  Pipe pipe;
  auto printer = printer_to(pipe.write.get());
  pipe.write.reset();
  std::string text;
  std::thread reader([&] { text = read_rest(pipe.read.get()); });
  for (int i = 0; i < 20'000; ++i) printer->on_span(span_to("/" + std::to_string(i)));
  printer->stop(Clock::now() + 10s);
  printer.reset();
  reader.join();
  EXPECT_EQ(count_lines(text), 20'000U);
  EXPECT_LT(text.find("/100 "), text.find("/19999 "));
}

TEST(TracePrinter, ReaderThatNeverReadsCostsLinesOnly) {
  const Pipe pipe;
  const auto printer = printer_to(pipe.write.get());
  const std::string target(10'000, 'x');
  for (int i = 0; i < 2'000; ++i) printer->on_span(span_to(target));
  EXPECT_GT(printer->dropped().value(), 0U);
  const auto begin = Clock::now();
  printer->stop(begin + 100ms);
  EXPECT_LT(Clock::now() - begin, 2s);
  EXPECT_GE(printer->dropped().value(), 1'990U);  // a pipe holds 64 KiB
  EXPECT_LE(printer->dropped().value(), 2'000U);
  EXPECT_EQ(fcntl(pipe.write.get(), F_GETFL) & O_NONBLOCK, 0);
}

TEST(TracePrinter, ClosedReaderIsCountedNotFatal) {
  Pipe pipe;
  const auto printer = printer_to(pipe.write.get());
  pipe.read.reset();
  printer->on_span(span_to("/1"));
  printer->on_span(span_to("/2"));
  printer->stop(Clock::now() + 1s);
  printer->on_span(span_to("/3"));
  EXPECT_EQ(printer->dropped().value(), 3U);
}

TEST(TracePrinter, SocketWithoutReaderDoesNotHang) {
  std::array<int, 2> ends{};
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
  const base::Fd ours(ends[0]);
  const base::Fd theirs(ends[1]);
  const auto printer = printer_to(ours.get());
  const std::string target(10'000, 'x');
  for (int i = 0; i < 300; ++i) printer->on_span(span_to(target));
  const auto begin = Clock::now();
  printer->stop(begin + 50ms);
  EXPECT_LT(Clock::now() - begin, 2s);
  EXPECT_GT(printer->dropped().value(), 0U);
}

TEST(TracePrinter, KeepsTheOffsetOfAFileItShares) {
  std::array<char, 32> path{"/tmp/trace_printer_XXXXXX"};
  const base::Fd file(mkstemp(path.data()));
  ASSERT_TRUE(file.valid());
  unlink(path.data());
  ASSERT_EQ(::write(file.get(), "head\n", 5), 5);
  const auto printer = printer_to(file.get());
  printer->on_span(span_to("/file"));
  printer->stop(Clock::now() + 1s);
  lseek(file.get(), 0, SEEK_SET);
  const std::string text = read_rest(file.get());
  EXPECT_TRUE(text.starts_with("head\n1970-01-01 ")) << text;
  EXPECT_EQ(count_lines(text), 2U);
}

TEST(TracePrinter, FromManyThreadsLinesStayWhole) {
  Pipe pipe;
  auto printer = printer_to(pipe.write.get());
  pipe.write.reset();
  std::string text;
  std::thread reader([&] { text = read_rest(pipe.read.get()); });
  {
    std::vector<std::jthread> shards;
    for (int t = 0; t < 4; ++t) {
      shards.emplace_back([&] {
        for (int i = 0; i < 1000; ++i) printer->on_span(span_to("/t"));
      });
    }
  }
  printer->stop(Clock::now() + 10s);
  printer.reset();
  reader.join();
  ASSERT_EQ(count_lines(text), 4000U);
  const std::size_t line = text.size() / 4000;
  for (std::size_t at = 0; at < text.size(); at += line) ASSERT_EQ(text[at + line - 1], '\n');
}

TEST(TracePrinter, PrintsTheLinesItIsAskedFor) {
  Pipe pipe;
  auto printer = TracePrinter::make(pipe.write.get(), append_json_line, [] { return 0ns; }).value();
  pipe.write.reset();
  printer->on_span(span_to("/json"));
  printer->stop(Clock::now() + 10s);
  printer.reset();
  const std::string text = read_rest(pipe.read.get());
  EXPECT_TRUE(text.starts_with("{\"timestamp\":")) << text;
  EXPECT_TRUE(text.ends_with("}\n")) << text;
  EXPECT_EQ(count_lines(text), 1U);
}

TEST(TracePrinter, RefusesAClosedDescriptor) {
  EXPECT_FALSE(TracePrinter::make(-1, append_trace_line, [] { return 0ns; }).has_value());
}

}  // namespace
}  // namespace beyla::exporters::console
