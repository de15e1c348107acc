// HTTPS server with OpenSSL linked into it: PORT, FILE with key and certificate. A thread for each
// connection; /missing is answered with 404, /broken with 500, anything else with 200.
#include <arpa/inet.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { kRequestBytes = 4096 };

static SSL_CTX* context;

static int status_of(const char* request) {
  if (strncmp(request, "GET /missing", 12) == 0) return 404;
  return strncmp(request, "GET /broken", 11) == 0 ? 500 : 200;
}

static void answer_requests(SSL* tls) {
  char request[kRequestBytes + 1];
  size_t got = 0;
  for (;;) {
    const int more = SSL_read(tls, request + got, (int)(kRequestBytes - got));
    if (more <= 0) return;
    got += (size_t)more;
    request[got] = 0;
    if (strstr(request, "\r\n\r\n") == NULL) continue;
    char answer[128];
    const int bytes = snprintf(answer, sizeof(answer), "HTTP/1.1 %d Text\r\nContent-Length: 5\r\n\r\nhello",
                               status_of(request));
    if (SSL_write(tls, answer, bytes) <= 0) return;
    got = 0;
  }
}

static void* serve(void* fd) {
  SSL* tls = SSL_new(context);
  SSL_set_fd(tls, (int)(long)fd);
  if (SSL_accept(tls) == 1) {
    answer_requests(tls);
    SSL_shutdown(tls);
  }
  SSL_free(tls);
  close((int)(long)fd);
  return NULL;
}

int main(int count, char** arguments) {
  if (count != 3) return EXIT_FAILURE;
  signal(SIGPIPE, SIG_IGN);
  context = SSL_CTX_new(TLS_server_method());
  if (SSL_CTX_use_PrivateKey_file(context, arguments[2], SSL_FILETYPE_PEM) != 1 ||
      SSL_CTX_use_certificate_file(context, arguments[2], SSL_FILETYPE_PEM) != 1) {
    return EXIT_FAILURE;
  }
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  const int yes = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
  struct sockaddr_in address = {.sin_family = AF_INET,
                                .sin_port = htons((unsigned short)atoi(arguments[1])),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  if (bind(listener, (struct sockaddr*)&address, sizeof(address)) != 0) return EXIT_FAILURE;
  if (listen(listener, 128) != 0) return EXIT_FAILURE;
  for (;;) {
    const int fd = accept(listener, NULL, NULL);
    pthread_t thread;
    if (fd >= 0 && pthread_create(&thread, NULL, serve, (void*)(long)fd) == 0) pthread_detach(thread);
  }
}
