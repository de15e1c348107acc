/* Loads an HTTP/1.1 server in short bursts and reads the server's CPU time around each of them,
 * when it has answered everything: a burst during which the machine did something else is an
 * outlier that a median leaves out, which it could not be in a second of load.
 *
 * Usage: bench_load CORE PORT CONNECTIONS MILLISECONDS PID...
 * Prints the number of requests, of bursts, and the 5th percentile and the median over the bursts
 * of the CPU time of all PIDs, in ns per request. */
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

enum {
  kMaxConnections = 256,
  kMaxServers = 64,
  kMaxBursts = 100000,
  kMinBursts = 20,
  kRequestsPerConnection = 16, /* in a burst */
  kBufferBytes = 4096,
};

struct server {
  clockid_t clocks[kMaxServers];
  int clock_count;
  int connections[kMaxConnections];
  int connection_count;
  size_t answer_bytes; /* the same each time: no field of it changes its length */
};

static const char request[] =
    "GET /hello HTTP/1.1\r\nHost: localhost\r\nUser-Agent: bench/1.0\r\nAccept: */*\r\n\r\n";

static void require(int is_good, const char* what) {
  if (is_good) return;
  perror(what);
  exit(1);
}

static int64_t clock_ns(clockid_t clock) {
  struct timespec now;
  require(clock_gettime(clock, &now) == 0, "clock_gettime");
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int64_t server_ns(const struct server* server) {
  int64_t sum = 0;
  for (int i = 0; i < server->clock_count; ++i) sum += clock_ns(server->clocks[i]);
  return sum;
}

static void pin(size_t core) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(core, &set);
  require(sched_setaffinity(0, sizeof(set), &set) == 0, "sched_setaffinity");
}

static int open_connection(const char* port) {
  const int one = 1;
  const struct sockaddr_in address = {.sin_family = AF_INET,
                                      .sin_port = htons((uint16_t)atoi(port)),
                                      .sin_addr = {htonl(INADDR_LOOPBACK)}};
  const int made = socket(AF_INET, SOCK_STREAM, 0);
  require(made >= 0, "socket");
  require(connect(made, (const struct sockaddr*)&address, sizeof(address)) == 0, "connect");
  require(setsockopt(made, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) == 0, "TCP_NODELAY");
  return made;
}

static void send_request(int connection) {
  const ssize_t length = sizeof(request) - 1;
  require(send(connection, request, (size_t)length, MSG_NOSIGNAL) == length, "send");
}

static size_t receive(int connection, char* buffer, size_t limit) {
  const ssize_t got = recv(connection, buffer, limit, 0);
  require(got > 0, "recv");
  return (size_t)got;
}

/* The first answer tells the length of all: its head and what Content-Length says. */
static size_t learn_answer_bytes(int connection) {
  static const char field[] = "content-length:";
  char buffer[kBufferBytes] = "";
  size_t got = 0;
  char *end = NULL, *length = NULL;
  send_request(connection);
  while (!end) {
    got += receive(connection, buffer + got, sizeof(buffer) - 1 - got);
    buffer[got] = '\0';
    end = strstr(buffer, "\r\n\r\n");
  }
  length = strcasestr(buffer, field);
  require(strncmp(buffer, "HTTP/1.1 200 ", 13) == 0, "an answer with status 200");
  require(length && length < end, "an answer with Content-Length");
  const size_t total = (size_t)(end + 4 - buffer) + (size_t)atoi(length + sizeof(field) - 1);
  while (got < total) got += receive(connection, buffer, sizeof(buffer));
  return total;
}

static void take_answer(const struct server* server, int connection) {
  char buffer[kBufferBytes];
  size_t got = 0;
  while (got < server->answer_bytes) got += receive(connection, buffer, server->answer_bytes - got);
}

/* Each connection has always a request under way, until the end: the server is kept busy, and has
 * nothing left to do when its clock is read. */
static void burst(const struct server* server) {
  for (int i = 0; i < server->connection_count; ++i) send_request(server->connections[i]);
  for (int n = 1; n < kRequestsPerConnection; ++n) {
    for (int i = 0; i < server->connection_count; ++i) {
      take_answer(server, server->connections[i]);
      send_request(server->connections[i]);
    }
  }
  for (int i = 0; i < server->connection_count; ++i) take_answer(server, server->connections[i]);
}

static int by_value(const void* left, const void* right) {
  const double a = *(const double*)left, b = *(const double*)right;
  return (a > b) - (a < b);
}

/* Bursts until the time is over; returns how many. */
static int run(const struct server* server, int64_t limit_ns, double* ns_per_request) {
  const int64_t end = clock_ns(CLOCK_MONOTONIC) + limit_ns;
  int bursts = 0;
  while (bursts < kMaxBursts && (bursts < kMinBursts || clock_ns(CLOCK_MONOTONIC) < end)) {
    const int64_t before = server_ns(server);
    burst(server);
    ns_per_request[bursts++] =
        (double)(server_ns(server) - before) / (kRequestsPerConnection * server->connection_count);
  }
  return bursts;
}

static void open_server(struct server* server, int argc, char** argv) {
  server->connection_count = atoi(argv[3]);
  for (int i = 5; i < argc && server->clock_count < kMaxServers; ++i) {
    require(clock_getcpuclockid(atoi(argv[i]), &server->clocks[server->clock_count++]) == 0,
            argv[i]);
  }
  for (int i = 0; i < server->connection_count; ++i) {
    server->connections[i] = open_connection(argv[2]);
    server->answer_bytes = learn_answer_bytes(server->connections[i]);
  }
}

int main(int argc, char** argv) {
  static double ns_per_request[kMaxBursts];
  static struct server server;
  if (argc < 6 || atoi(argv[3]) < 1 || atoi(argv[3]) > kMaxConnections) return 2;
  pin((size_t)atoi(argv[1]));
  open_server(&server, argc, argv);
  const int bursts = run(&server, atoll(argv[4]) * 1000000, ns_per_request);
  qsort(ns_per_request, (size_t)bursts, sizeof(*ns_per_request), by_value);
  const int requests =
      (bursts * kRequestsPerConnection + 1) * server.connection_count; /* and those that learned */
  printf("%d %d %.1f %.1f\n", requests, bursts, ns_per_request[bursts / 20],
         ns_per_request[bursts / 2]);
  return 0;
}
