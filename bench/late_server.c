/* A server whose life is stamped (ns of CLOCK_BOOTTIME), to see how soon the agent has it.
 *
 * bench_late_server launch PATH PORT  notes the time and replaces itself by PATH serve PORT TIME
 * bench_late_server serve PORT TIME   prints "TIME main listening" once it listens: TIME as given,
 *   when main() began, when listen() had returned; then answers requests of at most one segment,
 * one connection at a time, until it is ended. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
  kBacklog = 16,
  kBufferBytes = 4096,
  kDecimalBytes = 24,
  kSettleMicroseconds = 50000, /* the agent is done with our own exec before the one we measure */
};

static const char response[] = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello\n";

static void require(int is_good, const char* what) {
  if (is_good) return;
  perror(what);
  exit(1);
}

static int64_t boot_ns(void) {
  struct timespec now;
  require(clock_gettime(CLOCK_BOOTTIME, &now) == 0, "clock_gettime");
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void launch(char* path, char* port) {
  char stamp[kDecimalBytes];
  snprintf(stamp, sizeof(stamp), "%lld", (long long)boot_ns());
  execv(path, (char*[]){path, "serve", port, stamp, NULL});
  require(0, path);
}

static int start_listening(const char* port) {
  const int one = 1;
  const struct sockaddr_in address = {.sin_family = AF_INET,
                                      .sin_port = htons((uint16_t)atoi(port)),
                                      .sin_addr = {htonl(INADDR_LOOPBACK)}};
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  require(listener >= 0, "socket");
  require(setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) == 0, "SO_REUSEADDR");
  require(bind(listener, (const struct sockaddr*)&address, sizeof(address)) == 0, "bind");
  require(listen(listener, kBacklog) == 0, "listen");
  return listener;
}

static void serve(int listener) {
  char buffer[kBufferBytes];
  while (1) {
    const int connection = accept(listener, NULL, NULL);
    require(connection >= 0, "accept");
    while (recv(connection, buffer, sizeof(buffer), 0) > 0) {
      if (send(connection, response, sizeof(response) - 1, MSG_NOSIGNAL) < 0) break;
    }
    close(connection);
  }
}

int main(int argc, char** argv) {
  const int64_t main_ns = boot_ns();
  if (argc != 4) return 2;
  if (strcmp(argv[1], "launch") == 0) launch(argv[2], argv[3]);
  const int listener = start_listening(argv[2]);
  printf("%s %lld %lld\n", argv[3], (long long)main_ns, (long long)boot_ns());
  fflush(stdout);
  serve(listener);
}
