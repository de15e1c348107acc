"""Messages in one, two and three pieces, cut at every byte: the copy of short vectors, and of those that are longer,
takes all pieces in order, empty ones too."""
import socket
import threading
import unittest
from collections import Counter

from harness import Agent, main

METHODS = ("GET", "PUT", "DELETE")
STATUSES = (200, 202, 404, 500, 503)
LIMIT = 4096


def request_of(number: int) -> bytes:
    return b"%s /cut HTTP/1.1\r\nHost: a\r\n\r\n" % METHODS[number % len(METHODS)].encode()


def answer_of(number: int) -> bytes:
    return b"HTTP/1.1 %d X\r\nContent-Length: 3\r\n\r\nabc" % STATUSES[number % len(STATUSES)]


def cut(message: bytes, number: int, pieces: int) -> list[bytes]:
    """The first piece ends at byte `number` of the message, the second in the middle of the rest."""
    first = number % (len(message) + 1)
    second = first + (len(message) - first) // 2
    return {1: [message], 2: [message[:first], message[first:]],
            3: [message[:first], message[first:second], message[second:]]}[pieces]


def serve(listener: socket.socket, rounds: int, pieces: int) -> None:
    connection, _ = listener.accept()
    with connection:
        for number in range(rounds):
            buffers = [bytearray(len(piece)) for piece in cut(request_of(number), number, pieces)]
            connection.recvmsg_into(buffers)
            connection.sendmsg(cut(answer_of(number), number, pieces))


class ShortVectorsTest(unittest.TestCase):
    def check(self, pieces: int) -> None:
        rounds = len(METHODS) * (len(answer_of(0)) + 1)
        expected = Counter(
            (METHODS[number % len(METHODS)], STATUSES[number % len(STATUSES)]) for number in range(rounds)
        )
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
            with Agent({"OPEN_PORT": str(port)}, print_traces=False) as agent:
                server = threading.Thread(target=serve, args=(listener, rounds, pieces))
                server.start()
                with socket.create_connection(("127.0.0.1", port)) as client:
                    for number in range(rounds):
                        client.sendall(request_of(number))
                        self.assertEqual(client.recv(LIMIT), answer_of(number))
                server.join()
                self.assertEqual(agent.wait_for_requests(expected).requests(), expected)

    def test_one_piece(self) -> None:
        self.check(1)

    def test_two_pieces(self) -> None:
        self.check(2)

    def test_three_pieces(self) -> None:
        self.check(3)


if __name__ == "__main__":
    main()
