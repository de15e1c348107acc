/* What a call of SSL_write and one of SSL_read cost, by the CPU time of the only thread: HTTP
 * exchanges over TLS 1.3 on a TCP loopback connection whose two ends this process holds. In an
 * exchange the client writes kCalls requests, each with a call of its own, the server reads them,
 * and likewise back: so that the clock is read rarely, and reads and writes can be told apart.
 *
 * Usage: bench_tls_pair CORE plain|ex. `ex`: by SSL_write_ex and SSL_read_ex. Prints the port it
 * listens on; then, for each line "BURSTS EXCHANGES" on stdin, opens a new connection, runs that
 * many bursts of that many exchanges and prints the 5th percentile and the median over the bursts
 * of a write, then of a read, in ns. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
  kMaxBursts = 100000,
  kCalls = 16, /* in one direction: all of it lies in the socket's buffer */
  kBufferBytes = 4096,
  kWarmUpExchanges = 20,
  kCertificateSeconds = 1000000
};

static const char request[] =
    "GET /api/v1/orders/4711 HTTP/1.1\r\nHost: shop.example.com\r\nUser-Agent: bench/1.0\r\n"
    "Accept: application/json\r\nAccept-Encoding: gzip, deflate\r\nConnection: keep-alive\r\n"
    "X-Request-Id: 6f1c9c3e-7d6b\r\n\r\n";
static const char response[] =
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nServer: bench/1.0\r\n"
    "Date: Thu, 01 Jan 1970 00:00:00 GMT\r\nContent-Length: 15\r\n\r\n{\"orders\":4711}";

struct spent {
  int64_t writing_ns;
  int64_t reading_ns;
};

static int by_ex;

static void require(int is_good, const char* what) {
  if (is_good) return;
  perror(what);
  exit(1);
}

static int64_t thread_cpu_ns(void) {
  struct timespec now;
  require(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now) == 0, "clock_gettime");
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void pin(size_t core) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(core, &set);
  require(sched_setaffinity(0, sizeof(set), &set) == 0, "sched_setaffinity");
}

static SSL_CTX* make_context(void) {
  SSL_CTX* const context = SSL_CTX_new(TLS_method());
  EVP_PKEY* const key = EVP_EC_gen("P-256");
  X509* const certificate = X509_new();
  X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
  X509_gmtime_adj(X509_getm_notAfter(certificate), kCertificateSeconds);
  X509_set_pubkey(certificate, key);
  require(X509_sign(certificate, key, EVP_sha256()) > 0, "X509_sign");
  require(SSL_CTX_use_certificate(context, certificate) == 1, "certificate");
  require(SSL_CTX_use_PrivateKey(context, key) == 1, "key");
  SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
  return context;
}

static int make_listener(struct sockaddr_in* address) {
  socklen_t size = sizeof(*address);
  *address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  require(listener >= 0, "socket");
  require(bind(listener, (struct sockaddr*)address, sizeof(*address)) == 0, "bind");
  require(listen(listener, 1) == 0, "listen");
  require(getsockname(listener, (struct sockaddr*)address, &size) == 0, "getsockname");
  return listener;
}

static SSL* make_end(SSL_CTX* context, int fd) {
  const int one = 1;
  require(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) == 0, "TCP_NODELAY");
  SSL* const ssl = SSL_new(context);
  require(ssl && SSL_set_fd(ssl, fd) == 1, "SSL_set_fd");
  return ssl;
}

/* Both ends in turn, without waiting for each other; and no tickets, which would be read in
 * between. */
static void shake_hands(SSL* client, SSL* server) {
  SSL_set_connect_state(client);
  SSL_set_accept_state(server);
  SSL_set_num_tickets(server, 0);
  while (!SSL_is_init_finished(client) || !SSL_is_init_finished(server)) {
    SSL_do_handshake(client);
    SSL_do_handshake(server);
  }
}

static void set_blocking(SSL* ssl, int blocking) {
  const struct timeval wait = {.tv_usec = blocking ? 0 : 1};
  const int result = setsockopt(SSL_get_fd(ssl), SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
  require(result == 0, "SO_RCVTIMEO");
}

static void write_message(SSL* ssl, const char* bytes, size_t length) {
  size_t written = 0;
  const int done = by_ex ? SSL_write_ex(ssl, bytes, length, &written) == 1 && written == length
                         : SSL_write(ssl, bytes, (int)length) == (int)length;
  require(done, "SSL_write");
}

/* A record of TLS holds one message, and one call reads one record. */
static void read_message(SSL* ssl, size_t length) {
  char buffer[kBufferBytes];
  size_t got = 0;
  const int done = by_ex ? SSL_read_ex(ssl, buffer, sizeof(buffer), &got) == 1 && got == length
                         : SSL_read(ssl, buffer, sizeof(buffer)) == (int)length;
  require(done, "SSL_read of a whole message");
}

static void transfer(SSL* from, SSL* to, const char* bytes, size_t length, struct spent* spent) {
  const int64_t begin = thread_cpu_ns();
  for (int i = 0; i < kCalls; ++i) write_message(from, bytes, length);
  const int64_t middle = thread_cpu_ns();
  for (int i = 0; i < kCalls; ++i) read_message(to, length);
  spent->writing_ns += middle - begin;
  spent->reading_ns += thread_cpu_ns() - middle;
}

static void exchange(SSL* client, SSL* server, struct spent* spent) {
  transfer(client, server, request, sizeof(request) - 1, spent);
  transfer(server, client, response, sizeof(response) - 1, spent);
}

static int by_value(const void* left, const void* right) {
  const double a = *(const double*)left, b = *(const double*)right;
  return (a > b) - (a < b);
}

static void print_quantiles(double* values, int count) {
  qsort(values, (size_t)count, sizeof(*values), by_value);
  printf("%.1f %.1f ", values[count / 20], values[count / 2]);
}

static void run(SSL* client, SSL* server, int bursts, int exchanges) {
  static double writes[kMaxBursts], reads[kMaxBursts];
  struct spent warm_up = {0};
  for (int i = 0; i < kWarmUpExchanges; ++i) exchange(client, server, &warm_up);
  for (int burst = 0; burst < bursts; ++burst) {
    struct spent spent = {0};
    for (int i = 0; i < exchanges; ++i) exchange(client, server, &spent);
    const double calls = 2.0 * kCalls * exchanges;
    writes[burst] = (double)spent.writing_ns / calls;
    reads[burst] = (double)spent.reading_ns / calls;
  }
  print_quantiles(writes, bursts);
  print_quantiles(reads, bursts);
  printf("\n");
  fflush(stdout);
}

static void run_connection(SSL_CTX* context, int listener, const struct sockaddr_in* address,
                           int bursts, int exchanges) {
  const int connecting = socket(AF_INET, SOCK_STREAM, 0);
  require(connecting >= 0, "socket");
  require(connect(connecting, (const struct sockaddr*)address, sizeof(*address)) == 0, "connect");
  const int accepted = accept(listener, NULL, NULL);
  require(accepted >= 0, "accept");
  SSL* const client = make_end(context, connecting);
  SSL* const server = make_end(context, accepted);
  set_blocking(client, 0);
  set_blocking(server, 0);
  shake_hands(client, server);
  set_blocking(client, 1);
  set_blocking(server, 1);
  run(client, server, bursts, exchanges);
  SSL_free(client);
  SSL_free(server);
  close(connecting);
  close(accepted);
}

int main(int argc, char** argv) {
  int bursts, exchanges;
  struct sockaddr_in address;
  if (argc != 3) return 2;
  pin((size_t)atoi(argv[1]));
  by_ex = strcmp(argv[2], "ex") == 0;
  SSL_CTX* const context = make_context();
  const int listener = make_listener(&address);
  printf("%d\n", ntohs(address.sin_port));
  fflush(stdout);
  while (scanf("%d %d", &bursts, &exchanges) == 2) {
    if (bursts < 1 || bursts > kMaxBursts || exchanges < 1) return 2;
    run_connection(context, listener, &address, bursts, exchanges);
  }
  return 0;
}
