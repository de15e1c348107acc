/* The ways of input and output of io_server, chosen by the words of its command line. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum { kHeadBytes = 8192, kBodyBytes = 1 << 20 };

extern char body[kBodyBytes]; /* of the request, and of its answer */

bool has(const char* word);  /* on the command line */
void fail(const char* what); /* ends the process */

/* Reads a head; what came behind it goes to the begin of `body`, its size to *extra. Length of the
 * head, or 0. */
size_t receive_head(int fd, char* head, size_t* extra);
/* Reads the rest of a body of `size` bytes of which `have` are there. */
bool receive_body(int fd, size_t have, size_t size);

bool transmit(int fd, const char* data, size_t size);
bool transmit_by_sendfile(int fd, size_t size); /* from `body` */
bool transmit_by_splice(int fd, size_t size);   /* from `body` */
void reap_zerocopy(int fd);
