"""Clients that take their time and check each answer, for hours if need be: what an agent's end does to a target."""
from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass
from typing import Callable

from http_client import Connection, Request

NEW_CONNECTION_EVERY = 50  # requests of each client


@dataclass(frozen=True)
class Question:
    request: Request
    status: int  # of the right answer


class SteadyClients:
    """Each asks, waits `pause_seconds` and asks again until stop(), which returns what went wrong: anything but the
    right status within the socket's time limit."""

    def __init__(self, port: int, clients: int, question: Callable[[int], Question], pause_seconds: float) -> None:
        self.errors: list[str] = []
        self._answered: Counter[int] = Counter()  # by client
        self._port, self._question, self._pause = port, question, pause_seconds
        self._stopping = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(client,), daemon=True) for client in range(clients)]
        for thread in self._threads:
            thread.start()

    def answered(self) -> int:
        return sum(self._answered.values())

    def stop(self) -> list[str]:
        self._stopping.set()
        for thread in self._threads:
            thread.join()
        return self.errors

    def _ask(self, client: int) -> None:
        index = 0
        while not self._stopping.is_set():
            try:
                with Connection(self._port) as connection:
                    for _ in range(NEW_CONNECTION_EVERY):
                        self._check(connection, self._question(index))
                        self._answered[client] += 1
                        index += 1
                        if self._stopping.wait(self._pause):
                            return
            except (OSError, ValueError) as error:
                self.errors.append(f"request {index} of client {client}: {error!r}")

    def _check(self, connection: Connection, question: Question) -> None:
        status = connection.exchange(question.request)
        if status != question.status:
            raise ValueError(f"{question.request.target} answered {status}")
