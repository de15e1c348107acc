// A target of the end-to-end tests on identity: a small HTTP/1.1 server that starts in a millisecond.
// Usage: identity_server PORT [LISTENER_FD]. Any request is answered with 200; requests must arrive whole.
//   GATED=1            waits for a byte on standard input before it listens
//   SIGUSR1            replaces itself by the program in NEXT_IMAGE, which inherits the listener
//   SIGUSR2            forks STORM children; each answers one request or gives up after two seconds
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum { kEvents = 256, kBacklog = 4096, kRequestBytes = 4096, kStormWaitMs = 2000 };

static const char kAnswer[] = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n";

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static void use_all_descriptors(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) fail("getrlimit");
  limit.rlim_cur = limit.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0) fail("setrlimit");
}

static int open_listener(int port) {
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  int on = 1;
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0) fail("socket");
  if (bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0) fail("bind");
  if (getenv("GATED")) {
    char byte;
    if (read(STDIN_FILENO, &byte, 1) != 1) fail("gate");
  }
  if (listen(fd, kBacklog) != 0) fail("listen");
  return fd;
}

static void watch(int epoll, int fd) {
  struct epoll_event event = {.events = EPOLLIN, .data = {.fd = fd}};
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0) fail("epoll_ctl");
}

// Answers each whole request in what can be read; 0 when the connection has ended.
static int serve(int fd) {
  char request[kRequestBytes + 1];
  ssize_t got = read(fd, request, kRequestBytes);
  if (got <= 0) return 0;
  request[got] = 0;
  for (char *at = request; (at = strstr(at, "\r\n\r\n")); at += 4) {
    if (write(fd, kAnswer, sizeof(kAnswer) - 1) != (ssize_t)sizeof(kAnswer) - 1) return 0;
  }
  return 1;
}

static void serve_once(int listener) {
  struct pollfd waiting = {.fd = listener, .events = POLLIN};
  if (poll(&waiting, 1, kStormWaitMs) != 1) return;
  int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);  // may be gone: a sibling was faster
  if (fd < 0) return;
  serve(fd);
  close(fd);
}

static void fork_storm(int listener) {
  int children = atoi(getenv("STORM"));
  for (int i = 0; i < children; ++i) {
    pid_t child = fork();
    if (child < 0) fail("fork");
    if (child > 0) continue;
    serve_once(listener);
    _exit(0);
  }
}

static void exec_next(int listener, const char *port) {
  char number[16];
  snprintf(number, sizeof(number), "%d", listener);
  char *const arguments[] = {getenv("NEXT_IMAGE"), (char *)port, number, NULL};
  execv(arguments[0], arguments);
  fail("execv");
}

static int take_signals(void) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  sigaddset(&set, SIGUSR2);
  if (sigprocmask(SIG_BLOCK, &set, NULL) != 0) fail("sigprocmask");
  return signalfd(-1, &set, SFD_CLOEXEC);
}

int main(int argc, char **argv) {
  signal(SIGPIPE, SIG_IGN);
  signal(SIGCHLD, SIG_IGN);
  use_all_descriptors();
  int signals = take_signals();
  int listener = argc > 2 ? atoi(argv[2]) : open_listener(atoi(argv[1]));
  if (fcntl(listener, F_SETFL, O_NONBLOCK) != 0) fail("fcntl");
  int epoll = epoll_create1(EPOLL_CLOEXEC);
  watch(epoll, signals);
  watch(epoll, listener);
  struct epoll_event events[kEvents];
  for (;;) {
    int count = epoll_wait(epoll, events, kEvents, -1);
    if (count < 0 && errno != EINTR) fail("epoll_wait");
    for (int i = 0; i < count; ++i) {
      int fd = events[i].data.fd;
      struct signalfd_siginfo signal_info;
      if (fd == signals) {
        if (read(signals, &signal_info, sizeof(signal_info)) != sizeof(signal_info)) continue;
        if (signal_info.ssi_signo == SIGUSR1) exec_next(listener, argv[1]);
        else fork_storm(listener);
      } else if (fd == listener) {
        int accepted = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        if (accepted >= 0) watch(epoll, accepted);
      } else if (!serve(fd)) {
        close(fd);
      }
    }
  }
}
