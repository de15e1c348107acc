#define _GNU_SOURCE
#include "io_ways.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum { kPieceBytes = 16384, kFirstPiece = 7, kManyPieces = 96, kSmallPiece = 16 };

static void wait_for(int fd, short events) {
  struct pollfd one = {.fd = fd, .events = events};
  if (poll(&one, 1, -1) < 0 && errno != EINTR) fail("poll");
}

/* Cuts the bytes for a vectored call: in two, or (many) into small pieces with empty ones between.
 * Returns the number of pieces; they may end before the bytes do. */
static int cut(struct iovec* pieces, const char* data, size_t size) {
  const size_t longest = has("many") ? kSmallPiece : size;
  const int limit = has("many") ? kManyPieces : 2;
  size_t at = 0;
  for (int i = 0; i < limit; ++i) {
    size_t length = i == 0 ? kFirstPiece : longest;
    if (i % 3 == 2) length = 0;
    if (length > size - at) length = size - at;
    pieces[i] = (struct iovec){(void*)(data + at), length};
    at += length;
  }
  return limit;
}

/* One call of the chosen kind; tries first and waits after EAGAIN. 0: end, -1: the connection is
 * broken. */
static ssize_t receive(int fd, char* buffer, size_t size) {
  struct iovec pieces[kManyPieces];
  struct msghdr message = {.msg_iov = pieces};
  message.msg_iovlen = (size_t)cut(pieces, buffer, size);
  for (;;) {
    ssize_t got = -1;
    if (has("read"))
      got = read(fd, buffer, size);
    else if (has("readv"))
      got = readv(fd, pieces, (int)message.msg_iovlen);
    else if (has("recvmsg"))
      got = recvmsg(fd, &message, 0);
    else if (!has("peek"))
      got = recv(fd, buffer, size, 0);
    else if ((got = recv(fd, buffer, size, MSG_PEEK)) > 0)
      got = recv(fd, buffer, (size_t)got, 0);
    if (got >= 0) return got;
    if (errno == EAGAIN)
      wait_for(fd, POLLIN);
    else if (errno != EINTR)
      return -1;
  }
}

/* Sends all by the chosen call. */
bool transmit(int fd, const char* data, size_t size) {
  while (size > 0) {
    struct iovec pieces[kManyPieces];
    struct msghdr message = {.msg_iov = pieces};
    message.msg_iovlen = (size_t)cut(pieces, data, size);
    ssize_t sent;
    if (has("write"))
      sent = write(fd, data, size);
    else if (has("writev"))
      sent = writev(fd, pieces, (int)message.msg_iovlen);
    else if (has("sendmsg"))
      sent = sendmsg(fd, &message, MSG_NOSIGNAL);
    else
      sent = send(fd, data, size, MSG_NOSIGNAL | (has("zerocopy") ? MSG_ZEROCOPY : 0));
    if (sent >= 0) {
      data += sent;
      size -= (size_t)sent;
    } else if (errno == EAGAIN) {
      wait_for(fd, POLLOUT);
    } else if (errno != EINTR) {
      return false;
    }
  }
  return true;
}

bool transmit_by_sendfile(int fd, size_t size) {
  int file = memfd_create("body", MFD_CLOEXEC);
  off_t at = 0;
  if (file < 0 || write(file, body, size) != (ssize_t)size) fail("memfd");
  while ((size_t)at < size) {
    if (sendfile(fd, file, &at, size - (size_t)at) < 0) {
      if (errno != EAGAIN) break;
      wait_for(fd, POLLOUT);
    }
  }
  close(file);
  return (size_t)at == size;
}

bool transmit_by_splice(int fd, size_t size) {
  int ends[2];
  size_t done = 0;
  if (pipe(ends)) fail("pipe");
  while (done < size) {
    size_t piece = size - done < kPieceBytes ? size - done : kPieceBytes;
    if (write(ends[1], body + done, piece) != (ssize_t)piece) fail("pipe write");
    for (size_t moved = 0; moved < piece;) {
      ssize_t count = splice(ends[0], NULL, fd, NULL, piece - moved, SPLICE_F_MOVE);
      if (count > 0)
        moved += (size_t)count;
      else if (count < 0 && errno == EAGAIN)
        wait_for(fd, POLLOUT);
      else {
        close(ends[0]);
        close(ends[1]);
        return false;
      }
    }
    done += piece;
  }
  close(ends[0]);
  close(ends[1]);
  return true;
}

static bool receive_by_splice(int fd, size_t size) {
  int ends[2];
  size_t done = 0;
  if (pipe(ends)) fail("pipe");
  while (done < size) {
    ssize_t count = splice(fd, NULL, ends[1], NULL,
                           size - done < kPieceBytes ? size - done : kPieceBytes, SPLICE_F_MOVE);
    if (count <= 0 && errno == EAGAIN) {
      wait_for(fd, POLLIN);
      continue;
    }
    if (count <= 0) break;
    for (ssize_t copied = 0; copied < count;) {
      ssize_t got = read(ends[0], body + done, (size_t)(count - copied));
      if (got <= 0) fail("pipe read");
      copied += got;
      done += (size_t)got;
    }
  }
  close(ends[0]);
  close(ends[1]);
  return done == size;
}

/* The notifications must be read, or the socket's memory for them ends. */
void reap_zerocopy(int fd) {
  char control[128];
  struct msghdr message = {.msg_control = control, .msg_controllen = sizeof(control)};
  while (recvmsg(fd, &message, MSG_ERRQUEUE | MSG_DONTWAIT) >= 0)
    message.msg_controllen = sizeof(control);
}

static bool takes_head_exactly(void) { return has("waitall") || has("trunc") || has("splice-in"); }

/* Reads a head; what came behind it is left at the begin of `body`, its size in *extra. Length of
 * the head or 0. */
size_t receive_head(int fd, char* head, size_t* extra) {
  size_t size = 0;
  *extra = 0;
  while (size < kHeadBytes) {
    ssize_t got;
    if (takes_head_exactly()) {
      wait_for(fd, POLLIN);
      got = recv(fd, head, kHeadBytes, MSG_PEEK);
      size = 0;
    } else {
      got = receive(fd, head + size, kHeadBytes - size);
    }
    if (got <= 0) return 0;
    size += (size_t)got;
    char* end = memmem(head, size, "\r\n\r\n", 4);
    if (!end) continue;
    size_t length = (size_t)(end + 4 - head);
    if (takes_head_exactly())
      return recv(fd, head, length, MSG_WAITALL) == (ssize_t)length ? length : 0;
    *extra = size - length;
    memcpy(body, head + length, *extra);
    return length;
  }
  return 0;
}

bool receive_body(int fd, size_t have, size_t size) {
  if (have > size) return false; /* no pipelining here */
  if (has("splice-in")) return receive_by_splice(fd, size);
  while (have < size) {
    ssize_t got;
    if (has("waitall"))
      got = recv(fd, body + have, size - have, MSG_WAITALL);
    else if (has("trunc"))
      got = recv(fd, body, size - have, MSG_TRUNC);
    else
      got = receive(fd, body + have, size - have);
    if (got <= 0) return false;
    have += (size_t)got;
  }
  return true;
}
