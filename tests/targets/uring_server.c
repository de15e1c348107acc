/* A target of the end-to-end tests: a keep-alive HTTP/1 server on io_uring, one thread, one request
 * per connection and direction at a time. Usage: uring_server PORT MODE
 * MODE: send | message | vector | file | registered | provided | async | sqpoll | zerocopy | linked
 *       | direct
 * Answers any request with status 200, or with the number behind "?status=". */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <liburing.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum {
  kEntries = 256,
  kConnections = 256, /* connection n has descriptor n: more are refused */
  kBytes = 4096,
  kGroup = 1,
  kBuffers = 64, /* a power of two */
};

enum operation { kAccept, kReceive, kSend, kOther };

struct connection {
  char request[kBytes + 1];
  size_t request_bytes;
  char answer[256];
  size_t answer_bytes;
  size_t head_bytes;
  struct iovec pieces[2];
  struct msghdr message;
  int parts; /* sends that are under way */
  bool closing; /* after this answer */
  bool ended;   /* by the peer */
};

static struct connection connections[kConnections];
static struct io_uring ring;
static struct io_uring_buf_ring *provided;
static char buffers[kBuffers][kBytes];
static const char *mode;
static int listener;

static bool is(const char *name) { return strcmp(mode, name) == 0; }

static void fail(const char *what, int error) {
  fprintf(stderr, "uring_server: %s: %s\n", what, strerror(error));
  exit(1);
}

static struct io_uring_sqe *next_entry(void) {
  struct io_uring_sqe *entry = io_uring_get_sqe(&ring);
  if (!entry) {
    io_uring_submit(&ring);
    entry = io_uring_get_sqe(&ring);
  }
  if (!entry) fail("io_uring_get_sqe", ENOSPC);
  return entry;
}

static void mark(struct io_uring_sqe *entry, enum operation operation, int fd) {
  entry->user_data = (unsigned long long)operation << 32 | (unsigned)fd;
  if (operation != kAccept && is("async")) entry->flags |= IOSQE_ASYNC;
  if (operation != kAccept && is("direct")) entry->flags |= IOSQE_FIXED_FILE;
}

static void accept_next(void) {
  struct io_uring_sqe *entry = next_entry();
  if (is("provided")) io_uring_prep_multishot_accept(entry, listener, NULL, NULL, 0);
  else io_uring_prep_accept(entry, listener, NULL, NULL, 0);
  /* Not by prep_accept_direct: that of liburing 2.3 makes an ordinary descriptor of this number. */
  if (is("direct")) entry->file_index = IORING_FILE_INDEX_ALLOC;
  mark(entry, kAccept, listener);
}

/* A message header and a vector that nobody needs once the request is submitted. */
static void split_message(struct connection *c, char *bytes, size_t first, size_t all) {
  c->pieces[0] = (struct iovec){bytes, first};
  c->pieces[1] = (struct iovec){bytes + first, all - first};
  c->message = (struct msghdr){.msg_iov = c->pieces, .msg_iovlen = 2};
}

static void receive_next(int fd) {
  struct connection *c = &connections[fd];
  struct io_uring_sqe *entry = next_entry();
  char *to = c->request + c->request_bytes;
  size_t room = kBytes - c->request_bytes;
  if (is("message")) {
    split_message(c, to, 7, room);
    io_uring_prep_recvmsg(entry, fd, &c->message, 0);
  } else if (is("vector")) {
    split_message(c, to, 7, room);
    io_uring_prep_readv(entry, fd, c->pieces, 2, 0);
  } else if (is("file")) {
    io_uring_prep_read(entry, fd, to, (unsigned)room, 0);
  } else if (is("registered")) {
    io_uring_prep_read_fixed(entry, fd, to, (unsigned)room, 0, 0);
  } else if (is("provided")) {
    io_uring_prep_recv_multishot(entry, fd, NULL, 0, 0);
    entry->flags |= IOSQE_BUFFER_SELECT;
    entry->buf_group = kGroup;
  } else {
    io_uring_prep_recv(entry, fd, to, room, 0);
  }
  mark(entry, kReceive, fd);
}

static void send_linked(int fd, struct connection *c) {
  struct io_uring_sqe *head = next_entry();
  io_uring_prep_send(head, fd, c->answer, c->head_bytes, MSG_WAITALL);
  mark(head, kSend, fd);
  head->flags |= IOSQE_IO_LINK;
  struct io_uring_sqe *body = next_entry();
  io_uring_prep_send(body, fd, c->answer + c->head_bytes, c->answer_bytes - c->head_bytes,
                     MSG_WAITALL);
  mark(body, kSend, fd);
  c->parts = 2;
}

static void send_answer(int fd) {
  struct connection *c = &connections[fd];
  if (is("linked")) {
    send_linked(fd, c);
    return;
  }
  struct io_uring_sqe *entry = next_entry();
  c->parts = 1;
  if (is("message")) {
    split_message(c, c->answer, c->head_bytes, c->answer_bytes);
    io_uring_prep_sendmsg(entry, fd, &c->message, 0);
  } else if (is("vector")) {
    split_message(c, c->answer, c->head_bytes, c->answer_bytes);
    io_uring_prep_writev(entry, fd, c->pieces, 2, 0);
  } else if (is("file")) {
    io_uring_prep_write(entry, fd, c->answer, (unsigned)c->answer_bytes, 0);
  } else if (is("registered")) {
    io_uring_prep_write_fixed(entry, fd, c->answer, (unsigned)c->answer_bytes, 0, 0);
  } else if (is("zerocopy")) {
    io_uring_prep_send_zc(entry, fd, c->answer, c->answer_bytes, 0, 0);
  } else {
    io_uring_prep_send(entry, fd, c->answer, c->answer_bytes, 0);
  }
  mark(entry, kSend, fd);
}

static void shut(int fd) {
  struct io_uring_sqe *entry = next_entry();
  if (is("direct")) io_uring_prep_close_direct(entry, (unsigned)fd);
  else io_uring_prep_close(entry, fd);
  entry->user_data = (unsigned long long)kOther << 32;
}

/* The length of the whole request at the front of the buffer, 0 if it is not complete. */
static size_t whole_request(struct connection *c) {
  c->request[c->request_bytes] = 0;
  char *end = strstr(c->request, "\r\n\r\n");
  if (!end) return 0;
  char *length = strcasestr(c->request, "\r\ncontent-length:");
  size_t bytes = (size_t)(end + 4 - c->request);
  if (length && length < end) bytes += strtoul(length + strlen("\r\ncontent-length:"), NULL, 10);
  return bytes <= c->request_bytes ? bytes : 0;
}

/* Answers the request at the front, or reads on. */
static void go_on(int fd) {
  struct connection *c = &connections[fd];
  size_t bytes = whole_request(c);
  if (bytes == 0) {
    if (!is("provided")) receive_next(fd);
    return;
  }
  char *line_end = strstr(c->request, "\r\n");
  char *wanted = strstr(c->request, "?status=");
  int status = wanted && wanted < line_end ? atoi(wanted + strlen("?status=")) : 200;
  char *close_wish = strcasestr(c->request, "\r\nconnection: close");
  c->closing = close_wish && close_wish < strstr(c->request, "\r\n\r\n");
  c->head_bytes = (size_t)snprintf(c->answer, sizeof(c->answer),
                                   "HTTP/1.1 %d Answer\r\nContent-Length: 6\r\n\r\n", status);
  memcpy(c->answer + c->head_bytes, "hello\n", 6);
  c->answer_bytes = c->head_bytes + 6;
  c->request_bytes -= bytes;
  memmove(c->request, c->request + bytes, c->request_bytes);
  send_answer(fd);
}

static void on_accept(const struct io_uring_cqe *answer) {
  int fd = answer->res;
  if (!(answer->flags & IORING_CQE_F_MORE)) accept_next();
  if (fd < 0) return;
  if (fd >= kConnections) fail("too many connections", EMFILE);
  connections[fd] = (struct connection){0};
  receive_next(fd);
}

static void on_receive(int fd, const struct io_uring_cqe *answer) {
  struct connection *c = &connections[fd];
  if (answer->res <= 0) {
    c->ended = true;
    if (c->parts == 0) shut(fd); /* else on_send() does: nothing must name a closed descriptor */
    return;
  }
  if (answer->flags & IORING_CQE_F_BUFFER) {
    int id = (int)(answer->flags >> IORING_CQE_BUFFER_SHIFT);
    if (c->request_bytes + (size_t)answer->res > kBytes) fail("request too long", E2BIG);
    memcpy(c->request + c->request_bytes, buffers[id], (size_t)answer->res);
    io_uring_buf_ring_add(provided, buffers[id], kBytes, (unsigned short)id, kBuffers - 1, 0);
    io_uring_buf_ring_advance(provided, 1);
    if (!(answer->flags & IORING_CQE_F_MORE)) receive_next(fd);
  }
  c->request_bytes += (size_t)answer->res;
  go_on(fd);
}

static void on_send(int fd, const struct io_uring_cqe *answer) {
  struct connection *c = &connections[fd];
  if (answer->flags & IORING_CQE_F_NOTIF) return; /* zero copy: the pages are free again */
  if (--c->parts > 0) return;
  bool over = c->closing || answer->res < 0;
  if (c->ended || (over && !is("provided"))) {
    shut(fd);
  } else if (over) {
    /* The armed receive holds the file: it ends by this, and the peer sees the end. No request of
     * the ring: a worker would run it, perhaps on the next connection with this descriptor. */
    shutdown(fd, SHUT_RDWR);
  } else {
    go_on(fd);
  }
}

static void provide_buffers(void) {
  void *memory = NULL;
  if (posix_memalign(&memory, 4096, kBuffers * sizeof(struct io_uring_buf))) fail("memory", ENOMEM);
  provided = memory;
  struct io_uring_buf_reg registration = {
      .ring_addr = (unsigned long)memory, .ring_entries = kBuffers, .bgid = kGroup};
  int error = io_uring_register_buf_ring(&ring, &registration, 0);
  if (error) fail("io_uring_register_buf_ring", -error);
  io_uring_buf_ring_init(provided);
  for (int id = 0; id < kBuffers; ++id)
    io_uring_buf_ring_add(provided, buffers[id], kBytes, (unsigned short)id, kBuffers - 1, id);
  io_uring_buf_ring_advance(provided, kBuffers);
}

static void set_up(int port) {
  struct io_uring_params parameters = {.flags = is("sqpoll") ? IORING_SETUP_SQPOLL : 0,
                                       .sq_thread_idle = 50};
  int error = io_uring_queue_init_params(kEntries, &ring, &parameters);
  if (error) fail("io_uring_queue_init", -error);
  if (is("provided")) provide_buffers();
  if (is("registered")) {
    struct iovec all = {connections, sizeof(connections)};
    error = io_uring_register_buffers(&ring, &all, 1);
    if (error) fail("io_uring_register_buffers", -error);
  }
  if (is("direct") && (error = io_uring_register_files_sparse(&ring, kConnections)))
    fail("io_uring_register_files", -error);
  listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  int one = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
  setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)); /* children inherit it */
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(listener, (struct sockaddr *)&address, sizeof(address)) || listen(listener, 128))
    fail("listen", errno);
}

int main(int count, char **arguments) {
  if (count != 3) {
    fprintf(stderr, "usage: uring_server PORT MODE\n");
    return 2;
  }
  mode = arguments[2];
  signal(SIGPIPE, SIG_IGN);
  set_up(atoi(arguments[1]));
  accept_next();
  while (true) {
    struct io_uring_cqe *answer = NULL;
    int error = io_uring_submit_and_wait(&ring, 1);
    if (error < 0 && error != -EINTR) fail("io_uring_submit_and_wait", -error);
    while (io_uring_peek_cqe(&ring, &answer) == 0) {
      struct io_uring_cqe copy = *answer;
      io_uring_cqe_seen(&ring, answer);
      int fd = (int)(unsigned)copy.user_data;
      enum operation operation = (enum operation)(copy.user_data >> 32);
      if (operation == kAccept) on_accept(&copy);
      else if (operation == kReceive) on_receive(fd, &copy);
      else if (operation == kSend) on_send(fd, &copy);
    }
  }
}
