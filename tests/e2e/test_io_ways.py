"""Every way of socket input and output, of getting a listener or a connection, and of being there before the agent.

Each counts exactly: method, path, status, and a size that is right or said to be unknown; the target's answers are
byte-equal to what they must be.
"""
from __future__ import annotations

import unittest
from collections import Counter
from pathlib import Path
from typing import Callable, Sequence

from harness import Agent, free_port, main, wait_until
from http_messages import following, get, plain_answer, request
from io_targets import (
    Exchanger, IoServer, SelfClient, connect, connect_in_namespace, connect_unix, fast_opens_in, free_ports,
)
from judge import Judge
from raw_http import Conversation, Pace, Seen, Stage, Step, client, closing, server

LARGE = 100_000
BODIES = (b"", b"sixsix", b"", bytes(range(256)) * (LARGE // 256))
INPUTS = ("read", "readv", "recv", "recvmsg", "peek", "waitall", "trunc", "splice-in")
OUTPUTS = ("write", "writev", "send", "sendmsg", "sendfile", "splice-out", "zerocopy")
# Ways in which the kernel half cannot read the bytes: they are counted, and the reason is told.
UNREADABLE = {"trunc", "sendfile", "splice-out"}
# A receive that no hook sees: its bytes may be missed when the next ones come; of a body nothing is lost by that.
UNSEEN_BODIES_BEFORE_A_REQUEST = {"splice-in": 1}
EARLY_AGENT_TARGETS = 50
FAST_OPENS = 5


def body_of_answer(words: Sequence[str], body: bytes) -> bytes:
    return body if body and "trunc" not in words else b"%d bytes\n" % len(body)


def connect_to(target: IoServer) -> Exchanger:
    return Exchanger(connect("127.0.0.1", target.port))


def connect_inside(target: IoServer) -> Exchanger:
    return Exchanger(connect_in_namespace(target.process.pid, target.port))


class IoWaysTest(unittest.TestCase):
    """The agent starts before the servers: one agent for all of them; or after a server: then one of its own."""

    @classmethod
    def setUpClass(cls) -> None:
        cls.ports = free_ports(EARLY_AGENT_TARGETS)
        cls.agent = cls.enterClassContext(Agent({"OPEN_PORT": ",".join(map(str, cls.ports))}))
        cls.judge = Judge(cls.agent, "server")

    @classmethod
    def tearDownClass(cls) -> None:
        print(cls.judge.table(), flush=True)

    def check(
        self, words: Sequence[str], connections: int = 1,
        open_connection: Callable[[IoServer], Exchanger] = connect_to, both_orders: bool = False,
    ) -> None:
        """Each connection carries a few exchanges."""
        with self.subTest("+".join(words)), IoServer(words, self.ports.pop()) as target:
            self.check_talk(self.judge, target, connections, open_connection)
        if both_orders:
            with self.subTest("+".join(words) + " before the agent"), IoServer(words) as target:
                with Agent({"OPEN_PORT": str(target.port)}) as agent:
                    self.check_talk(Judge(agent, "server"), target, connections, open_connection)

    def check_talk(
        self, judge: Judge, target: IoServer, connections: int, open_connection: Callable[[IoServer], Exchanger]
    ) -> None:
        before = judge.begin()
        conversation = self.talk(target, connections, open_connection)
        judge.check(self, " ".join(target.words), conversation, before)
        degraded = judge.moved("beyla_capture_degraded_total", "reason", before)
        self.assertEqual(set(degraded), {"unreadable"} if UNREADABLE & set(target.words) else set())

    def talk(
        self, target: IoServer, connections: int, open_connection: Callable[[IoServer], Exchanger]
    ) -> Conversation:
        exchanges = []
        for connection_number in range(connections):
            with open_connection(target) as connection:
                for number, body in enumerate(BODIES):
                    method, path = "POST" if body else "GET", f"/{connection_number}/{number}"
                    status, answer = connection.exchange(method, path, body)
                    self.assertEqual(status, 200)
                    self.assertTrue(answer == body_of_answer(target.words, body), f"{path}: the answer is changed")
                    exchanges.append(Seen(method, path, 200, len(body)))
        gaps = sum(UNSEEN_BODIES_BEFORE_A_REQUEST.get(word, 0) for word in target.words)
        return Conversation([], exchanges, gaps=gaps)

    def test_inputs(self) -> None:
        for word in INPUTS:
            self.check([word])

    def test_outputs(self) -> None:
        for word in OUTPUTS:
            self.check([word])

    def test_non_blocking(self) -> None:
        for words in (["read", "write"], ["readv", "writev"], ["recvmsg", "sendmsg"], ["peek", "sendfile"]):
            self.check([*words, "nonblocking"])

    def test_vectors_of_many_pieces(self) -> None:
        for words in (["readv", "writev"], ["recvmsg", "sendmsg"]):
            self.check([*words, "many"])

    def test_sockets_that_move(self) -> None:
        for word in ("dup", "pass", "forking", "inetd"):
            self.check([word], connections=3, both_orders=True)

    def test_listeners_with_several_owners(self) -> None:
        for word in ("reuseport", "prefork", "exec"):
            self.check([word], connections=12, both_orders=True)

    def test_deferred_accept(self) -> None:
        self.check(["defer"], connections=2)

    def test_fast_open(self) -> None:
        """The first request comes with the SYN: it may be read before the connection is established."""
        with IoServer(["netns", "fastopen"], self.ports.pop()) as target:
            before = self.judge.begin()
            for number in range(FAST_OPENS):
                first = request("GET", f"/{number}/first")
                fast = connect_in_namespace(target.process.pid, target.port, fast_open=first)
                with Exchanger(fast) as connection:
                    self.assertEqual(connection.read_answer(), (200, b"0 bytes\n"))
                    self.assertEqual(connection.exchange("POST", f"/{number}/next", b"six"), (200, b"six"))
            truth = [
                Seen(method, f"/{number}/{name}", 200, size)
                for number in range(FAST_OPENS) for method, name, size in (("GET", "first", 0), ("POST", "next", 3))
            ]
            self.assertEqual(fast_opens_in(target.process.pid), FAST_OPENS)
            self.judge.check(self, "fastopen", Conversation([], truth), before)

    def test_address_families(self) -> None:
        for words, address in ((["v6"], "::1"), (["dual"], "::1"), (["dual"], "127.0.0.1"), (["v4"], "127.0.0.2")):
            self.check(words, open_connection=lambda target: Exchanger(connect(address, target.port)))

    def test_other_namespaces(self) -> None:
        for word in ("netns", "namespaces"):
            self.check([word], open_connection=connect_inside, both_orders=True)

    def test_a_process_that_talks_to_itself(self) -> None:
        """Both ends of the connection are its own: the server's end counts, once."""
        count = 20
        before = self.agent.scrape()
        with SelfClient(self.ports.pop(), count):
            expected = before.requests() + Counter({("POST", 201): count})
            after = self.agent.wait_for_requests(expected)
            self.assertEqual(after.requests(), expected)
            name = "http_server_request_size_bytes_sum"
            self.assertEqual(after.total(name) - before.total(name), count * (count + 1) / 2)

    def test_unix_sockets_are_none_of_ours(self) -> None:
        """A process that is watched serves HTTP on a unix socket: nothing of it is told."""
        with IoServer(["unix"], self.ports.pop()) as target:
            child = Path(f"/proc/{target.process.pid}/task/{target.process.pid}/children").read_text().strip()
            wait_until(lambda: f"io_server pid={child} " in self.agent.stderr(), 5, "the child is selected")
            before = self.agent.quiet_metrics()
            with Exchanger(connect_unix(target.port)) as connection:
                self.assertEqual(connection.exchange("POST", "/unix", b"sixsix"), (200, b"sixsix"))
            after = self.agent.quiet_metrics()
            name = "beyla_events_generated_total"
            self.assertEqual(after.total(name, kind="data"), before.total(name, kind="data"))
            self.assertEqual([line for line in self.agent.lines() if "/unix" in line], [])


class EarlierConnectionTest(unittest.TestCase):
    """The agent starts at some point of a conversation: what it saw the begin of is exact, nothing else is told."""

    def check(self, name: str, earlier: list[Step], later: list[Step], exchanges: list[Seen]) -> None:
        port = free_port()
        with self.subTest(name), Stage(port) as stage:
            stage.play(Conversation(earlier, []), Pace())
            with Agent({"OPEN_PORT": str(port)}) as agent:
                judge = Judge(agent, "server")
                before = judge.begin()
                more_steps, more_exchanges = following(f"/{name}")
                for step in [*later, *more_steps, *closing()]:
                    stage.take(step, Pace())
                judge.check(self, name, Conversation([], exchanges + more_exchanges), before)

    def test_idle(self) -> None:
        earlier = [get("/old"), server(plain_answer(200, 5))]
        later = [get("/new"), server(plain_answer(404, 9))]
        self.check("idle", earlier, later, [Seen("GET", "/new", 404, 0)])

    def test_never_used(self) -> None:
        self.check("unused", [], [get("/new"), server(plain_answer(404, 9))], [Seen("GET", "/new", 404, 0)])

    def test_in_the_head_of_a_request(self) -> None:
        sent = request("GET", "/old")
        later = [client(sent[30:]), server(plain_answer(404, 9))]
        self.check("in-head", [client(sent[:30])], later, [])

    def test_in_the_body_of_a_request(self) -> None:
        sent = request("POST", "/old", "Content-Length: 1000") + b"b" * 1000
        later = [client(sent[-500:]), server(plain_answer(404, 9))]
        self.check("in-body", [client(sent[:-500])], later, [])

    def test_before_the_answer(self) -> None:
        self.check("before-answer", [get("/old")], [server(plain_answer(404, 9))], [])

    def test_in_the_answer(self) -> None:
        answer = plain_answer(404, 900)
        self.check("in-answer", [get("/old"), server(answer[:-500])], [server(answer[-500:])], [])


if __name__ == "__main__":
    main()
