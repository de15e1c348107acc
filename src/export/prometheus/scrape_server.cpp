#include "export/prometheus/scrape_server.h"

#include <fcntl.h>
#include <microhttpd.h>
#include <pthread.h>

#include <cerrno>
#include <csignal>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

namespace beyla::exporters::prometheus {
namespace {

constexpr unsigned int kMaxConnections = 64;
constexpr unsigned int kConnectionTimeoutSeconds = 5;
// Headers, and the part of a text that is being sent.
constexpr std::size_t kConnectionMemoryBytes = 128 * 1024;
constexpr const char* kContentType = "text/plain; version=0.0.4; charset=utf-8";

// The server's thread inherits the mask: the agent's signals are for its main thread.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_{};
};

struct Header {
  const char* name;
  const char* value;
};

MHD_Result queue(MHD_Connection* connection, unsigned int status, MHD_Response* response,
                 Header header) {
  if (response == nullptr) return MHD_NO;
  MHD_add_response_header(response, header.name, header.value);
  const MHD_Result result = MHD_queue_response(connection, status, response);
  MHD_destroy_response(response);
  return result;
}

MHD_Result refuse(MHD_Connection* connection, unsigned int status, std::string text,
                  Header header) {
  return queue(connection, status,
               MHD_create_response_from_buffer(text.size(), text.data(), MHD_RESPMEM_MUST_COPY),
               header);
}

// One scrape's text, with the piece that is being sent.
class Body {
 public:
  explicit Body(TextPieces pieces) : pieces_(std::move(pieces)) {}

  // MHD_ContentReaderCallback and -FreeCallback; context is a Body that the response owns.
  static ssize_t read(void* context, std::uint64_t /*position*/, char* out, std::size_t room) {
    return static_cast<Body*>(context)->read_some({out, room});
  }
  static void free(void* context) {
    const std::unique_ptr<Body> owned(static_cast<Body*>(context));
  }

 private:
  ssize_t read_some(std::span<char> out) {
    while (sent_ == piece_.size()) {
      piece_.clear();
      sent_ = 0;
      if (!pieces_.append_next(piece_)) return MHD_CONTENT_READER_END_OF_STREAM;
    }
    const std::size_t count = piece_.copy(out.data(), out.size(), sent_);
    sent_ += count;
    return static_cast<ssize_t>(count);
  }

  TextPieces pieces_;
  std::string piece_;
  std::size_t sent_ = 0;
};

MHD_Result serve(MHD_Connection* connection, TextPieces pieces) {
  auto body = std::make_unique<Body>(std::move(pieces));
  MHD_Response* const response = MHD_create_response_from_callback(
      MHD_SIZE_UNKNOWN, kConnectionMemoryBytes, &Body::read, body.get(), &Body::free);
  if (response == nullptr) return MHD_NO;
  // The response's now.  NOLINTNEXTLINE(bugprone-unused-return-value)
  static_cast<void>(body.release());
  return queue(connection, MHD_HTTP_OK, response, {MHD_HTTP_HEADER_CONTENT_TYPE, kContentType});
}

}  // namespace

// libmicrohttpd's callback, apart from the header so that its types stay here.
class ScrapeServer::Requests {
 public:
  // The parameters are libmicrohttpd's.  NOLINTNEXTLINE(readability-function-size)
  static MHD_Result on_request(void* context, MHD_Connection* connection, const char* url,
                               const char* method, const char* /*version*/, const char* /*upload*/,
                               std::size_t* upload_bytes, void** state) {
    const auto& server = *static_cast<const ScrapeServer*>(context);
    const std::string_view name = method;
    if (url != server.path_) {
      return refuse(connection, MHD_HTTP_NOT_FOUND, "not found\n", {"Content-Type", "text/plain"});
    }
    if (name != MHD_HTTP_METHOD_GET && name != MHD_HTTP_METHOD_HEAD) {
      return refuse(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "method not allowed\n",
                    {MHD_HTTP_HEADER_ALLOW, "GET, HEAD"});
    }
    // First called after the headers, then for each part of a body, at last without one.
    if (*state == nullptr) {
      *state = context;
      return MHD_YES;
    }
    if (*upload_bytes != 0) {
      *upload_bytes = 0;
      return MHD_YES;
    }
    return serve(connection, server.render_());
  }
};

ScrapeServer::ScrapeServer(std::string path, Render render)
    : path_(std::move(path)), render_(std::move(render)) {}

base::Result<std::unique_ptr<ScrapeServer>> ScrapeServer::make(int listening, std::string path,
                                                               Render render) {
  std::unique_ptr<ScrapeServer> server(new ScrapeServer(std::move(path), std::move(render)));
  // The daemon closes the socket it is given, at its end and also where it fails to start. Without
  // MHD_USE_ITC it would first shut it down to wake its thread, for all who share the socket.
  const int given = fcntl(listening, F_DUPFD_CLOEXEC, 0);
  if (given < 0) return base::fail_errno(errno, "cannot serve metrics: dup");
  const SignalsBlocked blocked;
  errno = 0;
  server->daemon_ = MHD_start_daemon(
      MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC, 0, nullptr, nullptr, &Requests::on_request,
      server.get(), MHD_OPTION_LISTEN_SOCKET, given, MHD_OPTION_CONNECTION_LIMIT, kMaxConnections,
      MHD_OPTION_CONNECTION_TIMEOUT, kConnectionTimeoutSeconds, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
      kConnectionMemoryBytes, MHD_OPTION_END);
  if (server->daemon_ == nullptr) {
    return base::fail_to_start(errno, "cannot serve metrics: no HTTP server");
  }
  return server;
}

ScrapeServer::~ScrapeServer() {
  if (daemon_ != nullptr) MHD_stop_daemon(daemon_);
}

}  // namespace beyla::exporters::prometheus
