/* A target of the end-to-end tests: a keep-alive HTTP/1 server whose main thread has ended; another
 * thread serves, one connection at a time. Usage: leaderless_server PORT */
#include <arpa/inet.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char kAnswer[] = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello\n";
static int listener;

/* Each request comes in one piece: the tests' client writes it so, and waits for the answer. */
static void *serve(void *unused) {
  (void)unused;
  while (1) {
    char request[4096];
    int connection = accept(listener, NULL, NULL);
    while (read(connection, request, sizeof(request)) > 0)
      if (write(connection, kAnswer, strlen(kAnswer)) < 0) break;
    close(connection);
  }
  return NULL;
}

int main(int count, char **arguments) {
  if (count != 2) return 2;
  signal(SIGPIPE, SIG_IGN);
  struct sockaddr_in address = {.sin_family = AF_INET,
                                .sin_port = htons((unsigned short)atoi(arguments[1]))};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int one = 1;
  listener = socket(AF_INET, SOCK_STREAM, 0);
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
  if (bind(listener, (struct sockaddr *)&address, sizeof(address)) || listen(listener, 8)) return 1;
  pthread_t thread;
  if (pthread_create(&thread, NULL, serve, NULL)) return 1;
  pthread_exit(NULL);
}
