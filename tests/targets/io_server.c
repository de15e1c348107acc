/* A target of the end-to-end tests: an HTTP/1.1 server that does its input and output in the way
 * the words say.
 *
 * Usage: io_server PORT [WORD...]
 *   input   read readv recv recvmsg peek waitall trunc splice-in     (default recv)
 *   output  write writev send sendmsg sendfile splice-out zerocopy   (default send)
 *           many: vectors of many small and some empty pieces
 *   listen  v4 v6 dual inherited                                     (default v4; inherited: fd 3)
 *   options fastopen (with netns) defer nonblocking
 *   spread  prefork pass reuseport forking inetd                     (default: one process)
 *   and     dup netns namespaces, unix (a child serves there, too), exec as the last word (a child
 *           by exec inherits the listener)
 * It answers a body with the same bytes (trunc: with their count), and serves one connection at a
 * time in each process. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io_ways.h"

enum { kInheritedFd = 3, kWorkers = 4, kBacklog = 128 };

static int word_count;
static char** words;
char body[kBodyBytes];

bool has(const char* word) {
  for (int i = 0; i < word_count; ++i)
    if (strcmp(words[i], word) == 0) return true;
  return false;
}

void fail(const char* what) {
  perror(what);
  exit(1);
}

static size_t content_length_of(char* head, size_t length) {
  head[length - 1] = 0;
  const char* field = strcasestr(head, "\r\nContent-Length:");
  return field ? strtoul(field + 17, NULL, 10) : 0;
}

static bool answer(int fd, size_t size) {
  char head[128];
  if (has("trunc") || size == 0) size = (size_t)snprintf(body, sizeof(body), "%zu bytes\n", size);
  int length = snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", size);
  if (!transmit(fd, head, (size_t)length)) return false;
  if (has("sendfile")) return transmit_by_sendfile(fd, size);
  if (has("splice-out")) return transmit_by_splice(fd, size);
  bool sent = transmit(fd, body, size);
  if (has("zerocopy")) reap_zerocopy(fd);
  return sent;
}

static void serve(int fd) {
  char head[kHeadBytes + 1];
  size_t extra, length;
  int one = 1;
  if (has("nonblocking")) fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
  if (has("zerocopy") && setsockopt(fd, SOL_SOCKET, SO_ZEROCOPY, &one, sizeof(one)))
    fail("SO_ZEROCOPY");
  if (has("dup")) {
    int copy = dup(fd);
    close(fd);
    fd = copy;
  }
  while ((length = receive_head(fd, head, &extra)) > 0) {
    size_t size = content_length_of(head, length);
    if (size > kBodyBytes || !receive_body(fd, extra, size) || !answer(fd, size)) break;
  }
  close(fd);
}

/* A child that doesn't outlive its parent; true in the child. */
static bool fork_child(void) {
  pid_t child = fork();
  if (child < 0) fail("fork");
  if (child > 0) return false;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  return true;
}

/* A child for each connection: it serves, or (inetd) another program image does, on its fd 0. */
static void serve_by_child(int fd) {
  if (fork_child()) {
    if (!has("inetd")) serve(fd);
    if (has("inetd") && dup2(fd, STDIN_FILENO) == STDIN_FILENO)
      execl("/proc/self/exe", "io_server", "0", "on-stdin", NULL);
    exit(0);
  }
  close(fd);
}

static void accept_and_serve(int listener) {
  for (;;) {
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0) continue;
    if (has("forking") || has("inetd"))
      serve_by_child(fd);
    else
      serve(fd);
  }
}

/* In the abstract name space, named as the port. */
static int listen_unix(const char* name) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name));
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  snprintf(address.sun_path + 1, sizeof(address.sun_path) - 1, "%s", name);
  if (fd < 0 || bind(fd, (struct sockaddr*)&address, size) || listen(fd, kBacklog)) fail("unix");
  return fd;
}

static int listen_tcp(const char* port_text) {
  uint16_t port = htons((uint16_t)atoi(port_text));
  bool six = has("v6") || has("dual");
  int one = 1, only = has("v6"), queue = kBacklog;
  struct sockaddr_in v4 = {
      .sin_family = AF_INET, .sin_port = port, .sin_addr.s_addr = htonl(INADDR_ANY)};
  struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = port, .sin6_addr = in6addr_any};
  int fd = socket(six ? AF_INET6 : AF_INET, SOCK_STREAM, 0);
  if (fd < 0) fail("socket");
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
  if (six) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof(only));
  if (has("fastopen") && setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN, &queue, sizeof(queue)))
    fail("TCP_FASTOPEN");
  if (has("defer")) setsockopt(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, &one, sizeof(one));
  if (has("reuseport")) setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one));
  if (bind(fd, six ? (struct sockaddr*)&v6 : (struct sockaddr*)&v4,
           six ? sizeof(v6) : sizeof(v4)) ||
      listen(fd, kBacklog))
    fail("listen");
  return fd;
}

static int listener_of(const char* port) {
  return has("inherited") ? kInheritedFd : listen_tcp(port);
}

static void receive_and_serve(int channel) {
  for (;;) {
    char byte, control[CMSG_SPACE(sizeof(int))];
    struct iovec part = {&byte, 1};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = sizeof(control)};
    if (recvmsg(channel, &message, MSG_CMSG_CLOEXEC) != 1) exit(0);
    int fd;
    memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(fd));
    serve(fd);
  }
}

static void accept_and_pass(int listener, int channel) {
  for (;;) {
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0) continue;
    char byte = 0, control[CMSG_SPACE(sizeof(int))] = {0};
    struct iovec part = {&byte, 1};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = sizeof(control)};
    struct cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(header), &fd, sizeof(fd));
    if (sendmsg(channel, &message, 0) != 1) fail("pass");
    close(fd);
  }
}

/* In this network namespace: both ends, without cookies (Documentation/networking/ip-sysctl.rst).
 */
static void allow_fast_open(void) {
  int fd = open("/proc/sys/net/ipv4/tcp_fastopen", O_WRONLY | O_CLOEXEC);
  if (fd < 0 || write(fd, "519", 3) != 3) fail("tcp_fastopen");
  close(fd);
}

static void enter_namespaces(void) {
  struct ifreq loopback = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
  if (unshare(CLONE_NEWNET | (has("namespaces") ? CLONE_NEWNS | CLONE_NEWPID : 0))) fail("unshare");
  int fd = socket(AF_INET, SOCK_DGRAM, 0);
  if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &loopback)) fail("lo");
  close(fd);
  if (has("fastopen")) allow_fast_open();
  if (!has("namespaces")) return;
  if (!fork_child()) { /* only a child is in the new pid namespace */
    while (wait(NULL) > 0) {
    }
    exit(0);
  }
}

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  word_count = argc - 2;
  words = argv + 2;
  if (has("netns") || has("namespaces")) enter_namespaces();
  if (has("on-stdin")) {
    serve(STDIN_FILENO);
    return 0;
  }
  if (has("forking") || has("inetd")) signal(SIGCHLD, SIG_IGN); /* nobody waits for them */
  if (has("pass")) {
    int channel[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, channel)) fail("socketpair");
    if (fork_child()) receive_and_serve(channel[1]); /* forked before there is a listener */
    accept_and_pass(listener_of(argv[1]), channel[0]);
  }
  if (has("reuseport") && fork_child()) accept_and_serve(listener_of(argv[1]));
  int listener = listener_of(argv[1]);
  if (has("unix") && fork_child()) accept_and_serve(listen_unix(argv[1]));
  if (has("exec")) { /* socket activation: the parent listens, its child is another program image */
    argv[word_count + 1] = "inherited";
    if (dup2(listener, kInheritedFd) < 0) fail("dup2");
    if (fork_child()) execv("/proc/self/exe", argv);
  } else if (has("prefork")) {
    for (int i = 0; i < kWorkers; ++i)
      if (fork_child()) accept_and_serve(listener);
  } else {
    accept_and_serve(listener);
  }
  while (wait(NULL) > 0) {
  }
  return 1;
}
