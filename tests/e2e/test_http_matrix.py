"""The HTTP/1 matrix: every framing in writes of every size, aborts at every stage, and what looks like HTTP but isn't.

Two scripted processes play each conversation; the script is the truth. Reported must be exactly its exchanges: method,
path, status, and a size that is right or said to be unknown; nothing may be invented. All of it runs once with the
server's process watched and once with the client's.
"""
from __future__ import annotations

import unittest

import http_aborts
import http_cases
from harness import FULL, Agent, free_port, main
from http_messages import Builder
from judge import Judge
from raw_http import Conversation, Pace, Stage

WRITE_SIZES = (1, 2, 7, 1460, 65536)
BODY_BYTES = {1: 200, 2: 400, 7: 1500, 1460: 20_000, 65536: 200_000}  # of each write size: some hundred writes
SENDFILE_BYTES = 1 << 30 if FULL else 64 << 20
# What the agent doesn't tell although it happened; it still must count that and invent nothing.
KNOWN_WEAKNESSES = {
    "poison_behind_a_false_end": "content looks like the end of chunks and a request: the connection is given up",
}
SEGMENT_BYTES = http_cases.LARGE_HEAD_BYTES // http_cases.HEAD_SEGMENTS


class ServerSideTest(unittest.TestCase):
    side = "server"

    @classmethod
    def setUpClass(cls) -> None:
        stage = cls.stage = cls.enterClassContext(Stage(free_port(), free_port() if cls.side == "client" else None))
        cls.agent = cls.enterClassContext(Agent({"OPEN_PORT": str(stage.client_port or stage.port)}))
        cls.judge = Judge(cls.agent, cls.side)

    @classmethod
    def tearDownClass(cls) -> None:
        print(f"{cls.side}'s side: {cls.judge.table()}", flush=True)

    def check(self, name: str, conversation: Conversation, pace: Pace) -> None:
        with self.subTest(name):
            before = self.judge.begin()
            self.stage.play(conversation, pace)
            self.judge.check(self, name, conversation, before, KNOWN_WEAKNESSES.get(name.split("/")[0], ""))

    def check_matrix(self, side: str) -> None:
        for framing, build in http_cases.MATRIX.items():
            for size in WRITE_SIZES:
                for paced in (True, False):
                    name = f"{framing}/{side}/{size}/{'paced' if paced else 'free'}"
                    pace = Pace(**{f"{side}_bytes": size}, paced=paced)
                    self.check(name, build(f"/{name}", BODY_BYTES[size]), pace)

    def test_writes_of_the_client(self) -> None:
        self.check_matrix("client")

    def test_writes_of_the_server(self) -> None:
        self.check_matrix("server")

    def test_single_cases(self) -> None:
        for case, build in http_cases.SINGLES.items():
            for size in (None, 1, 7, 1460):
                name = f"{case}/{size or 'whole'}"
                self.check(name, build(f"/{name}", 900), Pace(size, size))

    def test_large_heads(self) -> None:
        for paced in (True, False):
            name = f"large-heads/{'paced' if paced else 'free'}"
            self.check(name, http_cases.large_heads(f"/{name}", 0), Pace(SEGMENT_BYTES, SEGMENT_BYTES, paced))

    def check_poison(self, build: Builder) -> None:
        self.check(build.__name__, build(f"/{build.__name__}", 0), Pace())

    def test_a_body_that_looks_like_a_request_after_100_continue(self) -> None:
        self.check_poison(http_aborts.poison_after_continue)

    def test_a_body_that_looks_like_a_request_in_the_answer(self) -> None:
        self.check_poison(http_aborts.poison_in_the_answer)

    def test_a_body_that_looks_like_a_request_after_the_answer(self) -> None:
        self.check_poison(http_aborts.poison_after_the_answer)

    def test_a_body_that_looks_like_its_end_and_a_request(self) -> None:
        self.check_poison(http_aborts.poison_behind_a_false_end)

    def test_aborts(self) -> None:
        for size in (None, 7):
            suffix = size or "whole"
            for case in http_aborts.aborts(""):
                name = f"abort/{case}/{suffix}"
                self.check(name, http_aborts.aborts(f"/{name}")[case], Pace(size, size))

    def test_sendfile(self) -> None:
        conversation = http_cases.by_sendfile("/sendfile", SENDFILE_BYTES)
        self.check("sendfile", conversation, Pace())


class ClientSideTest(ServerSideTest):
    side = "client"


if __name__ == "__main__":
    main()
