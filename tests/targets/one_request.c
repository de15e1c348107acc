// A client of the end-to-end tests: one request to 127.0.0.1, then it ends. Exit code 0: answered with 200.
// Usage: one_request PORT PATH
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int argc, char **argv) {
  char text[4096];
  struct sockaddr_in address = {.sin_family = AF_INET};
  if (argc != 3) return 2;
  address.sin_port = htons((unsigned short)atoi(argv[1]));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0) return 3;
  int length = snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", argv[2]);
  if (write(fd, text, (size_t)length) != length) return 4;
  ssize_t got = read(fd, text, sizeof(text) - 1);
  close(fd);
  return got > 0 && strncmp(text, "HTTP/1.1 200 ", 13) == 0 ? 0 : 5;
}
