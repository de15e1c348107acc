// TLS servers and clients in one thread, over TCP on the loopback, whose SSL objects are used again
// for one connection after the other. Each message says the port of its client: "port=N ".
// tls_traffic fd|memory|eager|late VERSION CONNECTIONS MESSAGES: VERSION 2 or 3 of TLS 1.x;
// CONNECTIONS in all, MESSAGES each, or until a second line comes if that is 0. fd: SSL_set_fd.
// memory: memory BIOs. eager: memory, and clients write before the handshake is done, as those of
// Node. late: bytes that were received are given to an object only some time later, when others
// have been received. Begins when a line comes in; prints how many messages there were; ends once
// its standard input does.
#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace {

constexpr std::size_t kPairs = 8;
constexpr int kEndless = 1 << 30;
constexpr long kForever = 1'000'000;

bool line_waits() {
  pollfd input{STDIN_FILENO, POLLIN, 0};
  return ::poll(&input, 1, 0) != 0;
}

enum class How { fd, memory, eager, late };

void must(bool holds, std::string_view what) {
  if (holds) return;
  fmt::print(stderr, "{} failed\n", what);
  std::exit(1);
}

SSL_CTX* make_context(int version) {
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
  const int protocol = version == 2 ? TLS1_2_VERSION : TLS1_3_VERSION;
  SSL_CTX_set_min_proto_version(context, protocol);
  SSL_CTX_set_max_proto_version(context, protocol);
  return context;
}

std::mt19937 dice(7);
std::size_t up_to(std::size_t most) { return dice() % (most + 1); }

// One side of a connection.
struct Side {
  SSL* ssl = nullptr;
  int fd = -1;
  std::string unread;  // received, not given to the object yet
  std::size_t reads = 0;

  void begin(int socket, bool is_server, How how) {
    fd = socket;
    unread.clear();
    reads = 0;
    must(SSL_clear(ssl) == 1, "SSL_clear");
    if (how == How::fd) {
      SSL_set_fd(ssl, fd);
    } else {
      SSL_set_bio(ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    }
    is_server ? SSL_set_accept_state(ssl) : SSL_set_connect_state(ssl);
  }

  void receive() {
    std::array<char, 20000> room;
    const ssize_t got = ::recv(fd, room.data(), room.size(), MSG_DONTWAIT);
    if (got > 0) unread.append(room.data(), static_cast<std::size_t>(got));
  }
  void hand_over() {
    if (unread.empty()) return;
    BIO_write(SSL_get_rbio(ssl), unread.data(), static_cast<int>(unread.size()));
    unread.clear();
  }
  void send_out() {
    std::array<char, 20000> room;
    for (;;) {
      const int got = BIO_read(SSL_get_wbio(ssl), room.data(), room.size());
      if (got <= 0) return;
      for (int at = 0; at < got;) {
        const ssize_t sent = ::send(fd, room.data() + at, static_cast<std::size_t>(got - at), 0);
        if (sent > 0) at += static_cast<int>(sent);
      }
    }
  }
  // What came, as plaintext.
  std::string read() {
    std::string text;
    std::array<char, 5000> room;
    for (;;) {
      std::size_t got = 0;
      if (reads++ % 2 == 0) {
        if (SSL_read_ex(ssl, room.data(), room.size(), &got) != 1) return text;
      } else {
        const int result = SSL_read(ssl, room.data(), room.size());
        if (result <= 0) return text;
        got = static_cast<std::size_t>(result);
      }
      text.append(room.data(), got);
    }
  }
  void write(std::string_view text) {
    must(
        SSL_write(ssl, text.data(), static_cast<int>(text.size())) == static_cast<int>(text.size()),
        "SSL_write");
  }
};

class Pair {
 public:
  Pair(SSL_CTX* context, How how, int listener, sockaddr_in address)
      : how_(how), listener_(listener), address_(address) {
    server_.ssl = SSL_new(context);
    client_.ssl = SSL_new(context);
  }

  void open(int messages) {
    const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
    must(::connect(fd, reinterpret_cast<sockaddr*>(&address_), sizeof(address_)) == 0, "connect");
    const int accepted = ::accept(listener_, nullptr, nullptr);
    sockaddr_in own{};
    socklen_t size = sizeof(own);
    ::getsockname(fd, reinterpret_cast<sockaddr*>(&own), &size);
    port_ = ntohs(own.sin_port);
    for (const int socket : {fd, accepted}) {
      ::fcntl(socket, F_SETFL, how_ == How::fd ? O_NONBLOCK : 0);
    }
    client_.begin(fd, false, how_);
    server_.begin(accepted, true, how_);
    left_ = messages == 0 ? kEndless : messages;
    waits_ = false;
    is_open_ = true;
  }

  // One step of one side, by chance.
  void step() {
    Side& side = up_to(1) == 0 ? server_ : client_;
    const std::size_t part = how_ == How::late ? up_to(2) : 0;  // 1: receives only, 2: not at all
    if (how_ != How::fd && part != 2) side.receive();
    if (part == 1) return;
    if (how_ != How::fd) side.hand_over();
    const bool is_eager = how_ == How::eager && &side == &client_;
    if (SSL_is_init_finished(side.ssl) == 0) is_eager ? ask_early() : shake_hands(side);
    if (SSL_is_init_finished(side.ssl) == 1) &side == &server_ ? serve() : ask();
    if (how_ != How::fd) side.send_out();
  }

  void close() {
    SSL_shutdown(client_.ssl);
    for (Side* side : {&client_, &server_}) {
      ::close(side->fd);
      if (how_ == How::fd) SSL_set_fd(side->ssl, -1);
    }
    is_open_ = false;
  }

  [[nodiscard]] bool is_open() const { return is_open_; }
  [[nodiscard]] bool is_done() const { return left_ == 0 && !waits_; }
  std::size_t messages = 0;

 private:
  [[nodiscard]] std::string message() const {
    return fmt::format("port={} {}\n", port_, std::string(up_to(2500), 'x'));
  }
  void serve() {
    asked_ += server_.read();
    if (!asked_.ends_with('\n')) return;
    asked_.clear();
    server_.write(message());
    ++messages;
  }
  static void shake_hands(Side& side) { SSL_do_handshake(side.ssl); }
  // The write makes the handshake; it is tried again with the same bytes until that is done.
  void ask_early() {
    if (early_.empty()) early_ = message();
    if (SSL_write(client_.ssl, early_.data(), static_cast<int>(early_.size())) <= 0) return;
    early_.clear();
    waits_ = true;
    ++messages;
  }
  void ask() {
    answered_ += client_.read();
    if (answered_.ends_with('\n')) {
      answered_.clear();
      waits_ = false;
      --left_;
    }
    if (waits_ || left_ == 0) return;
    client_.write(message());
    waits_ = true;
    ++messages;
  }

  How how_;
  int listener_;
  sockaddr_in address_;
  Side server_, client_;
  std::string asked_, answered_, early_;
  std::uint16_t port_ = 0;
  int left_ = 0;
  bool waits_ = false, is_open_ = false;
};

}  // namespace

int main(int count, char** arguments) {
  if (count < 5) return 2;
  const std::string_view name = arguments[1];
  const How how = name == "fd"      ? How::fd
                  : name == "late"  ? How::late
                  : name == "eager" ? How::eager
                                    : How::memory;
  SSL_CTX* const context = make_context(std::atoi(arguments[2]));
  int left = std::atoi(arguments[3]);
  const int messages = std::atoi(arguments[4]);
  const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{
      .sin_family = AF_INET, .sin_port = 0, .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_zero = {}};
  must(::bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0, "bind");
  must(::listen(listener, 64) == 0, "listen");
  socklen_t size = sizeof(address);
  ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
  std::vector<Pair> pairs(kPairs, Pair(context, how, listener, address));
  for (Pair& pair : pairs) pair = Pair(context, how, listener, address);
  if (std::getchar() == EOF) return 0;
  for (bool busy = true; busy && (messages != 0 || !line_waits());) {
    busy = false;
    for (Pair& pair : pairs) {
      if (!pair.is_open() && left > 0) {
        --left;
        pair.open(messages);
      }
      if (!pair.is_open()) continue;
      busy = true;
      pair.step();
      if (pair.is_done()) pair.close();
    }
  }
  std::size_t total = 0;
  for (const Pair& pair : pairs) total += pair.messages;
  fmt::print("messages={}\n", total);
  std::fflush(stdout);
  while (std::getchar() != EOF) {
  }
}
