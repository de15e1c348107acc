// Client and server over a socket pair, again and again, with OpenSSL and GnuTLS and every call
// that probes of theirs stand in: whole and partial reads, errors, non-blocking sockets. Begins
// when a line comes in, prints how often it called what, ends once its standard input does.
#include <gnutls/gnutls.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <string>
#include <thread>
#include <vector>

namespace {

constexpr int kMessages = 12;
std::map<std::string, int> calls;  // of the main thread, the client

void must(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "%s failed\n", what);
  std::exit(1);
}

void in_pair(const std::function<void(int)>& server, const std::function<void(int)>& client) {
  int ends[2];
  must(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0, "socketpair");
  std::thread other([&] { server(ends[0]); });
  client(ends[1]);
  other.join();
  ::close(ends[0]);
  ::close(ends[1]);
}

// Without certificates: nobody listens.
SSL_CTX* make_context() {
  SSL_CTX* const context = SSL_CTX_new(TLS_method());
  must(SSL_CTX_set_cipher_list(context, "AECDH-AES128-SHA:@SECLEVEL=0") == 1, "cipher list");
  SSL_CTX_set_max_proto_version(context, TLS1_2_VERSION);
  return context;
}

void openssl_server(SSL_CTX* context, int socket) {
  SSL* const ssl = SSL_new(context);
  SSL_set_fd(ssl, socket);
  SSL_set_accept_state(ssl);
  must(SSL_do_handshake(ssl) == 1, "the server's handshake");
  std::array<char, 3000> room;
  for (int message = 0;; ++message) {
    std::size_t got = 0;
    if (SSL_read_ex(ssl, room.data(), room.size(), &got) == 0) break;
    std::size_t sent = 0;
    must(SSL_write_ex(ssl, room.data(), got, &sent) == 1, "SSL_write_ex");
  }
  SSL_shutdown(ssl);
  SSL_free(ssl);
}

void openssl_client(SSL_CTX* context, int socket) {
  SSL* const ssl = SSL_new(context);
  SSL_set_fd(ssl, socket);
  SSL_set_connect_state(ssl);
  must(SSL_do_handshake(ssl) == 1, "the client's handshake");
  std::array<char, 3000> room{};
  int reads = 0;
  for (int message = 1; message <= kMessages; ++message) {
    const int bytes = message * 200;
    std::memset(room.data(), 'a' + message, room.size());
    must(SSL_write(ssl, room.data(), bytes) == bytes, "SSL_write");
    for (int got = 0; got < bytes; ++reads) {
      const int some = SSL_read(ssl, room.data(), 150);
      must(some > 0 && room[0] == 'a' + message, "SSL_read");
      got += some;
    }
  }
  must(SSL_read(ssl, room.data(), -1) == -1, "a read of -1 bytes");  // its own way out
  must(SSL_write(ssl, room.data(), -1) == -1, "a write of -1 bytes");
  ERR_clear_error();
  SSL_shutdown(ssl);
  SSL_free(ssl);
  SSL_free(nullptr);
  calls["SSL_read"] += reads + 1;
  calls["SSL_write"] += kMessages + 1;
  calls["SSL_free"] += 3;  // with the server's
  calls["SSL_set_fd"] += 2;
  calls["SSL_do_handshake"] += 2;
  calls["SSL_shutdown"] += 2;
  calls["SSL_read_ex"] += kMessages + 1;
  calls["SSL_write_ex"] += kMessages;
}

gnutls_session_t make_session(unsigned side, void* credentials, int socket) {
  gnutls_session_t session = nullptr;
  must(gnutls_init(&session, side) == 0, "gnutls_init");
  must(
      gnutls_priority_set_direct(session, "NORMAL:-VERS-ALL:+VERS-TLS1.2:+ANON-ECDH", nullptr) == 0,
      "priorities");
  gnutls_credentials_set(session, GNUTLS_CRD_ANON, credentials);
  gnutls_transport_set_int(session, socket);
  must(gnutls_handshake(session) == 0, "gnutls_handshake");
  return session;
}

void gnutls_server(int socket) {
  gnutls_anon_server_credentials_t credentials = nullptr;
  gnutls_anon_allocate_server_credentials(&credentials);
  gnutls_session_t session = make_session(GNUTLS_SERVER, credentials, socket);
  std::array<char, 3000> room;
  for (;;) {
    const ssize_t got = gnutls_record_recv(session, room.data(), room.size());
    if (got <= 0) break;
    must(gnutls_record_send(session, room.data(), static_cast<std::size_t>(got)) == got, "send");
  }
  gnutls_bye(session, GNUTLS_SHUT_WR);
  gnutls_deinit(session);
  gnutls_anon_free_server_credentials(credentials);
}

void gnutls_client(int socket) {
  gnutls_anon_client_credentials_t credentials = nullptr;
  gnutls_anon_allocate_client_credentials(&credentials);
  gnutls_session_t session = make_session(GNUTLS_CLIENT, credentials, socket);
  std::array<char, 3000> room{};
  for (int message = 1; message <= kMessages; ++message) {
    const ssize_t bytes = message * 200;
    must(gnutls_record_send(session, room.data(), static_cast<std::size_t>(bytes)) == bytes,
         "send");
    must(gnutls_record_recv(session, room.data(), room.size()) == bytes, "recv");
  }
  gnutls_bye(session, GNUTLS_SHUT_RDWR);
  gnutls_deinit(session);
  gnutls_anon_free_client_credentials(credentials);
  calls["gnutls_record_send"] += 2 * kMessages;
  calls["gnutls_record_recv"] += 2 * kMessages + 1;
  calls["gnutls_handshake"] += 2;
  calls["gnutls_bye"] += 2;
  calls["gnutls_deinit"] += 2;
}

}  // namespace

int main(int count, char** arguments) {
  const int rounds = count > 1 ? std::atoi(arguments[1]) : 10;
  char line[16];
  if (std::fgets(line, sizeof(line), stdin) == nullptr) return 2;
  SSL_CTX* const context = make_context();
  for (int round = 0; round < rounds; ++round) {
    in_pair([&](int socket) { openssl_server(context, socket); },
            [&](int socket) { openssl_client(context, socket); });
    in_pair(gnutls_server, gnutls_client);
  }
  SSL_CTX_free(context);
  for (const auto& [name, times] : calls) std::printf("calls %s %d\n", name.c_str(), times);
  std::printf("end\n");
  std::fflush(stdout);
  while (std::fgets(line, sizeof(line), stdin) != nullptr) {
  }
  return 0;
}
