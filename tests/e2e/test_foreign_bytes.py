"""Bytes that aren't HTTP/1: no trace line, no http_server series, no new series, and the target works as before."""
import random
import socket
import ssl
import subprocess
import unittest

from harness import Agent, main, required_program, wait_until
from http_client import Request, send_once
from observed import Labels
from targets import EchoServer, GoServer, RedisServer, Server

# RFC 9113 §3.4: the preface, then SETTINGS, here an empty one.
HTTP2_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes.fromhex("000000040000000000")
RANDOM_SIZES = (1, 2, 15, 16, 17, 255, 256, 257, 1500, 4096, 65_536, 300_000)


def client_hello() -> bytes:
    """The first flight of a real TLS client."""
    outgoing = ssl.MemoryBIO()
    context = ssl.create_default_context()
    client = context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="localhost")
    try:
        client.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outgoing.read()


def echo(port: int, sent: bytes) -> bytes:
    """Sends the bytes and reads as many back."""
    received = bytearray()
    with socket.create_connection(("127.0.0.1", port), 10) as connection:
        for start in range(0, len(sent), 32_768):  # in pieces: neither side's buffer may fill up
            piece = sent[start : start + 32_768]
            connection.sendall(piece)
            end = len(received) + len(piece)
            while len(received) < end:
                chunk = connection.recv(65_536)
                if not chunk:
                    raise ConnectionError("the echo server closed the connection")
                received += chunk
    return bytes(received)


class ForeignBytesTest(unittest.TestCase):
    def assert_unmoved(self, agent: Agent, series: set[tuple[str, Labels]]) -> None:
        """Events of the bytes have been delivered, and nothing came of them."""
        wait_until(lambda: agent.scrape().total("beyla_events_generated_total") > 0, 5, "events of the foreign bytes")
        wait_until(
            lambda: agent.scrape().total("beyla_events_generated_total")
            == agent.scrape().total("beyla_events_delivered_total") + agent.scrape().total("beyla_events_lost_total"),
            5, "all events are accounted for",
        )
        metrics = agent.scrape()
        self.assertEqual(agent.lines(), [])
        self.assertFalse(metrics.has("http_server"), metrics.text)
        self.assertEqual(set(metrics.samples), series)

    def check_echo(self, payloads: list[bytes]) -> None:
        with EchoServer() as server, Agent({"OPEN_PORT": str(server.port)}) as agent:
            series = set(agent.scrape().samples)
            for payload in payloads:
                self.assertTrue(echo(server.port, payload) == payload, f"{len(payload)} bytes came back changed")
            self.assert_unmoved(agent, series)

    def test_tls_client_hello(self) -> None:
        self.check_echo([client_hello()] * 20)

    def test_http2_preface(self) -> None:
        self.check_echo([HTTP2_PREFACE] * 20)

    def test_random_bytes(self) -> None:
        source = random.Random(4)
        self.check_echo([source.randbytes(size) for size in RANDOM_SIZES for _ in range(5)])

    def test_redis(self) -> None:
        with RedisServer() as server, Agent({"OPEN_PORT": str(server.port)}) as agent:
            series = set(agent.scrape().samples)
            client = [required_program("redis-cli"), "-p", str(server.port)]
            self.assertEqual(self.output([*client, "set", "fruit", "apple"]), "OK")
            self.assertEqual(self.output([*client, "get", "fruit"]), "apple")
            benchmark = [required_program("redis-benchmark"), "-p", str(server.port)]
            self.assertIn("requests per second", self.output([*benchmark, "-n", "1000", "-q", "-t", "set,get"]))
            self.assertEqual(self.output([*client, "get", "fruit"]), "apple")
            self.assert_unmoved(agent, series)

    def output(self, command: list[str]) -> str:
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=30).stdout.strip()

    def test_http_server_goes_on_after_foreign_bytes(self) -> None:
        with GoServer() as server, Agent({"OPEN_PORT": str(server.port)}) as agent:
            for payload in (client_hello(), b"\x00\xff" * 500):
                self.send_and_forget(server, payload)
            self.assertEqual(send_once(server.port, Request("GET", "/after")), 200)
            agent.wait_for_line("200 GET /after ")

    def send_and_forget(self, server: Server, payload: bytes) -> None:
        with socket.create_connection(("127.0.0.1", server.port), 10) as connection:
            connection.sendall(payload)


if __name__ == "__main__":
    main()
