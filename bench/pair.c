/* What one send with its receive costs, by the CPU time of the only thread: an HTTP exchange over a
 * TCP loopback connection whose two ends this process holds. An exchange is two such pairs.
 *
 * Usage: bench_pair CORE. Prints the port it listens on; then, for each line "BURSTS EXCHANGES" on
 * stdin, opens a new connection, runs that many bursts of that many exchanges and prints the 5th
 * percentile and the median over the bursts, in ns per exchange. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { kMaxBursts = 100000, kMaxExchanges = 100000, kBufferBytes = 4096, kWarmUpExchanges = 200 };

static const char request[] =
    "GET /api/v1/orders/4711 HTTP/1.1\r\nHost: shop.example.com\r\nUser-Agent: bench/1.0\r\n"
    "Accept: application/json\r\nAccept-Encoding: gzip, deflate\r\nConnection: keep-alive\r\n"
    "X-Request-Id: 6f1c9c3e-7d6b\r\n\r\n";
static const char response[] =
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nServer: bench/1.0\r\n"
    "Date: Thu, 01 Jan 1970 00:00:00 GMT\r\nContent-Length: 15\r\n\r\n{\"orders\":4711}";

struct connection {
  int client;
  int server;
};

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

static struct connection open_connection(int listener, const struct sockaddr_in* address) {
  const int one = 1;
  struct connection made = {.client = socket(AF_INET, SOCK_STREAM, 0)};
  require(made.client >= 0, "socket");
  require(connect(made.client, (const struct sockaddr*)address, sizeof(*address)) == 0, "connect");
  made.server = accept(listener, NULL, NULL);
  require(made.server >= 0, "accept");
  require(setsockopt(made.client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) == 0, "TCP_NODELAY");
  require(setsockopt(made.server, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) == 0, "TCP_NODELAY");
  return made;
}

/* On loopback a send of this size has arrived when it returns: one receive takes all of it. */
static void transfer(int from, int to, const char* bytes, ssize_t length) {
  char buffer[kBufferBytes];
  require(send(from, bytes, (size_t)length, 0) == length, "send");
  require(recv(to, buffer, sizeof(buffer), 0) == length, "recv of a whole message");
}

static void exchange(const struct connection* connection) {
  transfer(connection->client, connection->server, request, sizeof(request) - 1);
  transfer(connection->server, connection->client, response, sizeof(response) - 1);
}

static int by_value(const void* left, const void* right) {
  const double a = *(const double*)left, b = *(const double*)right;
  return (a > b) - (a < b);
}

static void run(const struct connection* connection, int bursts, int exchanges) {
  static double per_exchange[kMaxBursts];
  for (int i = 0; i < kWarmUpExchanges; ++i) exchange(connection);
  for (int burst = 0; burst < bursts; ++burst) {
    const int64_t start = thread_cpu_ns();
    for (int i = 0; i < exchanges; ++i) exchange(connection);
    per_exchange[burst] = (double)(thread_cpu_ns() - start) / exchanges;
  }
  qsort(per_exchange, (size_t)bursts, sizeof(*per_exchange), by_value);
  printf("%.1f %.1f\n", per_exchange[bursts / 20], per_exchange[bursts / 2]);
  fflush(stdout);
}

int main(int argc, char** argv) {
  int bursts, exchanges;
  struct sockaddr_in address;
  if (argc != 2) return 2;
  pin((size_t)atoi(argv[1]));
  const int listener = make_listener(&address);
  printf("%d\n", ntohs(address.sin_port));
  fflush(stdout);
  while (scanf("%d %d", &bursts, &exchanges) == 2) {
    if (bursts < 1 || bursts > kMaxBursts || exchanges < 1 || exchanges > kMaxExchanges) return 2;
    const struct connection connection = open_connection(listener, &address);
    run(&connection, bursts, exchanges);
    close(connection.client);
    close(connection.server);
  }
  return 0;
}
