"""A target of the end-to-end tests: one process that is server and client of the same connection.
Usage: self_client.py PORT COUNT. Sends itself COUNT requests with bodies of 1, 2, 3 … bytes, then only listens."""
import http.client
import signal
import sys
import threading
from http.server import ThreadingHTTPServer

from http_server import Handler


def main(port: int, count: int) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    connection = http.client.HTTPConnection("127.0.0.1", port)
    for number in range(1, count + 1):
        connection.request("POST", "/self?status=201", b"b" * number)
        connection.getresponse().read()
    connection.close()
    signal.pause()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
