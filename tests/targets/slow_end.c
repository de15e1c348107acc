// A target of the end-to-end tests on identity: listens and ends at once, which takes the kernel long. exit_itimers()
// deletes its timers after its last thread has left and before anybody is told of the end (do_exit, kernel/exit.c).
// Usage: slow_end PORT
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { kTimers = 20000, kEnough = 5000 };

static void fail(const char *what) {
  perror(what);
  exit(1);
}

int main(int argc, char **argv) {
  if (argc != 2) return 2;
  struct sigevent none = {.sigev_notify = SIGEV_NONE};
  timer_t timer;
  int timers = 0;  // as many as may be: each counts as a signal of the user's, RLIMIT_SIGPENDING
  while (timers < kTimers && timer_create(CLOCK_MONOTONIC, &none, &timer) == 0) ++timers;
  if (timers < kEnough) fail("timer_create");
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(argv[1]))};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int on = 1;
  if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0) fail("socket");
  if (bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0) fail("bind");
  if (listen(fd, 1) != 0) fail("listen");
  _exit(0);
}
