"""Clients that take their time and check each answer, for hours if need be: what an agent's end does to a target."""
from __future__ import annotations

import multiprocessing
import threading
from dataclasses import dataclass
from multiprocessing.connection import Connection as Pipe
from typing import Callable

from http_client import Connection, Request

NEW_CONNECTION_EVERY = 50  # requests of each client


@dataclass(frozen=True)
class Question:
    request: Request
    status: int  # of the right answer


class Client(threading.Thread):
    def __init__(self, port: int, question: Callable[[int], Question], pause_seconds: float) -> None:
        super().__init__(daemon=True)
        self.answered, self.errors = 0, []
        self.stopping = threading.Event()
        self._port, self._question, self._pause = port, question, pause_seconds

    def run(self) -> None:
        while not self.stopping.is_set():
            try:
                with Connection(self._port) as connection:
                    self._ask(connection)
            except (OSError, ValueError) as error:
                self.errors.append(f"port {self._port}, request {self.answered}: {error!r}")
                self.stopping.wait(self._pause)

    def _ask(self, connection: Connection) -> None:
        for _ in range(NEW_CONNECTION_EVERY):
            question = self._question(self.answered)
            status = connection.exchange(question.request)
            if status != question.status:
                raise ValueError(f"{question.request.target} answered {status}")
            self.answered += 1
            if self.stopping.wait(self._pause):
                return


class SteadyClients:
    """Each asks, waits `pause_seconds` and asks again until stop(), which returns how many right answers came, and
    what went wrong: anything but the right status within the socket's time limit. They are a process of their own, so
    that the caller's clock is not held up by their threads."""

    def __init__(self, port: int, clients: int, question: Callable[[int], Question], pause_seconds: float) -> None:
        forking = multiprocessing.get_context("fork")
        self._pipe, its_pipe = forking.Pipe()
        arguments = (its_pipe, [(port, question, pause_seconds)] * clients)
        self._process = forking.Process(target=run_clients, args=arguments, daemon=True)
        self._process.start()

    def stop(self) -> tuple[int, list[str]]:
        self._pipe.send("stop")
        answered, errors = self._pipe.recv()
        self._process.join()
        return answered, errors


def run_clients(pipe: Pipe, clients: list[tuple]) -> None:
    threads = [Client(*arguments) for arguments in clients]
    for thread in threads:
        thread.start()
    pipe.recv()
    for thread in threads:
        thread.stopping.set()
    for thread in threads:
        thread.join()
    pipe.send((sum(thread.answered for thread in threads), [error for thread in threads for error in thread.errors]))
