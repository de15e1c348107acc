"""One end of a TCP conversation; it does what it is told, one socket call at a time.

Usage: scripted_peer.py COMMANDS_FD PACE_FD. Commands come as (method, arguments) over COMMANDS_FD, each is answered by
(result, error). PACE_FD leads to the other end's peer: a paced sender waits until the receiver has read each piece, so
that the kernel merges none.
"""
import socket
import struct
import sys
import tempfile
from multiprocessing.connection import Connection

RECEIVE_BYTES = 65536
TIMEOUT_SECONDS = 20.0
COUNT = struct.Struct("=Q")
LINGER_RESET = struct.pack("ii", 1, 0)  # close() sends RST instead of FIN
FILE_BLOCK = 1 << 20


class Peer:
    def __init__(self, pace: socket.socket) -> None:
        self.pace = pace
        self.listener: socket.socket | None = None
        self.connection: socket.socket | None = None

    def listen(self, port: int) -> None:
        self.listener = socket.create_server(("127.0.0.1", port))
        self.listener.settimeout(TIMEOUT_SECONDS)

    def accept(self) -> None:
        self.use(self.listener.accept()[0])

    def connect(self, port: int) -> None:
        self.use(socket.create_connection(("127.0.0.1", port), TIMEOUT_SECONDS))

    def use(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.settimeout(TIMEOUT_SECONDS)
        self.connection = connection

    def send(self, pieces: list[bytes], paced: bool) -> None:
        for piece in pieces:
            self.connection.sendall(piece)
            if paced:
                self.wait_until_read(len(piece))

    def send_vector(self, pieces: list[bytes], paced: bool) -> None:
        if self.connection.sendmsg(pieces) != sum(map(len, pieces)):
            raise OSError("the vector was not sent whole: make it smaller")
        if paced:
            self.wait_until_read(sum(map(len, pieces)))

    def send_file(self, size: int) -> None:
        with tempfile.TemporaryFile() as file:
            for start in range(0, size, FILE_BLOCK):
                file.write(b"f" * min(FILE_BLOCK, size - start))
            file.flush()
            self.connection.sendfile(file)

    def wait_until_read(self, count: int) -> None:
        while count > 0:
            count -= COUNT.unpack(self.pace.recv(COUNT.size, socket.MSG_WAITALL))[0]

    def receive(self, count: int, paced: bool) -> bytes:
        received = bytearray()
        while len(received) < count:
            piece = self.connection.recv(min(RECEIVE_BYTES, count - len(received)))
            if not piece:
                raise ConnectionError(f"closed after {len(received)} of {count} bytes")
            received += piece
            if paced:
                self.pace.sendall(COUNT.pack(len(piece)))
        return bytes(received)

    def skip(self, count: int) -> None:
        while count > 0:
            piece = self.connection.recv(min(RECEIVE_BYTES, count))
            if not piece:
                raise ConnectionError(f"closed with {count} bytes to come")
            count -= len(piece)

    def receive_end(self) -> None:
        if self.connection.recv(1):
            raise ConnectionError("a byte that is in no script")

    def receive_reset(self) -> None:
        try:
            self.connection.recv(1)
        except ConnectionResetError:
            return
        raise ConnectionError("no reset")

    def end_sending(self) -> None:
        self.connection.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        self.connection.close()

    def reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_RESET)
        self.connection.close()


def serve(commands: Connection, peer: Peer) -> None:
    while True:
        try:
            name, arguments = commands.recv()
        except EOFError:
            return
        try:
            commands.send((getattr(peer, name)(*arguments), None))
        except OSError as error:
            commands.send((None, f"{name}: {error!r}"))


if __name__ == "__main__":
    pace_socket = socket.socket(fileno=int(sys.argv[2]))
    pace_socket.settimeout(TIMEOUT_SECONDS)
    serve(Connection(int(sys.argv[1])), Peer(pace_socket))
