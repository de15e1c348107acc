// Unusual ways to use OpenSSL, as tls_traffic has the usual ones. Each message says the port of its
// client: "port=N ". tls_odd threads|longjmp|nested|peek CONNECTIONS MESSAGES. threads: one thread
// of the client reads while another writes, with a lock. longjmp: reads are left by longjmp() out
// of a callback, and the thread goes on with other connections, deeper on its stack. nested: TLS
// inside of TLS. peek: what is read was peeked at. Begins when a line comes in; prints how many
// messages were sent, each of which is received by the other side; ends once its standard input
// does.
#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <csetjmp>
#include <cstdlib>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

namespace {

enum class How { threads, longjmp, nested, peek };

void must(bool holds, std::string_view what) {
  if (holds) return;
  fmt::print(stderr, "{} failed\n", what);
  std::exit(1);
}

SSL_CTX* make_context() {
  constexpr long kForever = 1'000'000;
  SSL_CTX* const context = SSL_CTX_new(TLS_method());
  EVP_PKEY* const key = EVP_EC_gen("P-256");
  X509* const certificate = X509_new();
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
  X509_gmtime_adj(X509_getm_notAfter(certificate), kForever);
  X509_set_pubkey(certificate, key);
  must(X509_sign(certificate, key, EVP_sha256()) > 0, "sign");
  must(SSL_CTX_use_certificate(context, certificate) == 1, "certificate");
  must(SSL_CTX_use_PrivateKey(context, key) == 1, "key");
  SSL_CTX_set_num_tickets(context, 0);  // else a read that finds one waits, with the lock
  return context;
}

// One end; of TLS inside of TLS the inner object is the one that is used.
struct End {
  SSL* ssl = nullptr;
  SSL* outer = nullptr;

  End(SSL_CTX* context, int fd, bool is_server, bool is_nested) {
    ssl = begin(context, is_server);
    SSL_set_fd(ssl, fd);
    must((is_server ? SSL_accept(ssl) : SSL_connect(ssl)) == 1, "handshake");
    if (!is_nested) return;
    outer = ssl;
    ssl = begin(context, is_server);
    BIO* const bio = BIO_new(BIO_f_ssl());
    BIO_set_ssl(bio, outer, BIO_NOCLOSE);
    SSL_set_bio(ssl, bio, bio);
    must((is_server ? SSL_accept(ssl) : SSL_connect(ssl)) == 1, "inner handshake");
  }
  static SSL* begin(SSL_CTX* context, bool is_server) {
    SSL* const ssl = SSL_new(context);
    is_server ? SSL_set_accept_state(ssl) : SSL_set_connect_state(ssl);
    return ssl;
  }
  void end() const {
    SSL_free(ssl);
    if (outer != nullptr) SSL_free(outer);
  }
  void write(std::string_view text) const {
    must(
        SSL_write(ssl, text.data(), static_cast<int>(text.size())) == static_cast<int>(text.size()),
        "write");
  }
  [[nodiscard]] std::string read_line(How how) const {
    std::string text;
    std::array<char, 4096> room;
    while (!text.ends_with('\n')) {
      if (how == How::peek) must(SSL_peek(ssl, room.data(), room.size()) > 0, "peek");
      const int got = SSL_read(ssl, room.data(), room.size());
      must(got > 0, "read");
      text.append(room.data(), static_cast<std::size_t>(got));
    }
    return text;
  }
};

std::jmp_buf escape;
bool escapes = false;

long leave(BIO* /*bio*/, int operation, const char* /*bytes*/, std::size_t /*size*/, int /*number*/,
           long /*more*/, int result, std::size_t* /*processed*/) {
  if (escapes && operation == BIO_CB_READ) {
    escapes = false;
    std::longjmp(escape, 1);
  }
  return result;
}

// The call that is left never returns.
void leave_a_read(const End& end) {
  std::array<char, 64> room;
  BIO_set_callback_ex(SSL_get_rbio(end.ssl), leave);
  if (setjmp(escape) != 0) return;
  escapes = true;
  SSL_read(end.ssl, room.data(), room.size());
  must(false, "longjmp");
}

[[gnu::noinline]] std::string read_deeper(const End& end, How how) {
  std::array<volatile char, 3000> deep;
  deep[0] = 1;
  std::string text = end.read_line(how);
  deep[1] = deep[0];
  return text;
}

int connect_to(const sockaddr_in& address, std::uint16_t& port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  must(::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0, "connect");
  sockaddr_in own{};
  socklen_t size = sizeof(own);
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&own), &size);
  port = ntohs(own.sin_port);
  return fd;
}

// Echoes; by longjmp it leaves a read of one connection, and serves another one meanwhile.
void serve(SSL_CTX* context, int listener, How how, int connections, int messages) {
  const int at_once = how == How::longjmp ? 2 : 1;
  for (int at = 0; at < connections; at += at_once) {
    std::array<int, 2> fds{-1, -1};
    std::array<End*, 2> ends{};
    for (int which = 0; which < at_once; ++which) {
      fds[which] = ::accept(listener, nullptr, nullptr);
      ends[which] = new End(context, fds[which], true, how == How::nested);
    }
    for (int message = 0; message < messages; ++message) {
      for (int which = 0; which < at_once; ++which) {
        if (how == How::longjmp) leave_a_read(*ends[1 - which]);
        ends[which]->write(read_deeper(*ends[which], how));
      }
    }
    for (int which = 0; which < at_once; ++which) {
      ends[which]->end();
      delete ends[which];
      ::close(fds[which]);
    }
  }
}

std::string message_of(std::uint16_t port, int number) {
  return fmt::format("port={} {}\n", port,
                     std::string(static_cast<std::size_t>(number * 37 % 900), 'x'));
}

// Two threads on one object: it may be used by one at a time.
void talk_by_threads(const End& end, int fd, std::uint16_t port, int messages) {
  std::mutex mutex;
  std::jthread writer([&] {
    for (int number = 0; number < messages; ++number) {
      const std::string text = message_of(port, number);
      const std::scoped_lock lock(mutex);
      end.write(text);
    }
  });
  int lines = 0;
  bool has_pending = false;
  while (lines < messages) {
    pollfd input{fd, POLLIN, 0};
    if (::poll(&input, 1, 1) <= 0 && !has_pending) continue;
    const std::scoped_lock lock(mutex);
    std::array<char, 4096> room;
    const int got = SSL_read(end.ssl, room.data(), room.size());
    must(got > 0, "read");
    for (int at = 0; at < got; ++at) lines += room[static_cast<std::size_t>(at)] == '\n' ? 1 : 0;
    has_pending = SSL_pending(end.ssl) > 0;
  }
}

void ask(SSL_CTX* context, const sockaddr_in& address, How how, int connections, int messages) {
  const int at_once = how == How::longjmp ? 2 : 1;
  for (int at = 0; at < connections; at += at_once) {
    std::array<int, 2> fds{};
    std::array<std::uint16_t, 2> ports{};
    std::array<End*, 2> ends{};
    for (int which = 0; which < at_once; ++which) {
      fds[which] = connect_to(address, ports[which]);
      ends[which] = new End(context, fds[which], false, how == How::nested);
    }
    if (how == How::threads) {
      talk_by_threads(*ends[0], fds[0], ports[0], messages);
    } else {
      for (int message = 0; message < messages; ++message) {
        for (int which = 0; which < at_once; ++which) {
          ends[which]->write(message_of(ports[which], message));
          must(ends[which]->read_line(How::threads).ends_with('\n'), "echo");
        }
      }
    }
    for (int which = 0; which < at_once; ++which) {
      ends[which]->end();
      delete ends[which];
      ::close(fds[which]);
    }
  }
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 4) return 2;
  const std::string_view name = arguments[1];
  const How how = name == "threads"   ? How::threads
                  : name == "longjmp" ? How::longjmp
                  : name == "nested"  ? How::nested
                                      : How::peek;
  const int connections = std::atoi(arguments[2]);
  const int messages = std::atoi(arguments[3]);
  SSL_CTX* const context = make_context();
  const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{
      .sin_family = AF_INET, .sin_port = 0, .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_zero = {}};
  must(::bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0, "bind");
  must(::listen(listener, 64) == 0, "listen");
  socklen_t size = sizeof(address);
  ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
  if (std::getchar() == EOF) return 0;
  {
    const std::jthread server([&] { serve(context, listener, how, connections, messages); });
    ask(context, address, how, connections, messages);
  }
  fmt::print("messages={}\n", connections * messages * 2);
  std::fflush(stdout);
  while (std::getchar() != EOF) {
  }
}
