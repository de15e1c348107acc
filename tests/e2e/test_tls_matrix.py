"""Each request over TLS is told once, with its path, status and peers, by each side that is watched.

ROWS chooses rows by name, separated by semicolons; ROWS=all is the whole matrix (`make test-matrix`); without it the
rows that need Debian packages only, each in one order. FULL=1 sends the acceptance numbers.
"""
from __future__ import annotations

import os
import sys
import unittest
from pathlib import Path
from typing import Callable, Iterator, Sequence

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "matrix"))

from harness import main
from tls_rows import TABLE_HEAD, Outcome, run_client_row, run_server_row, table_line
from tls_targets import CLIENTS, SERVERS, TlsClient, TlsServer

ROWS = os.environ.get("ROWS", "")
NAMES = [name.strip() for name in ROWS.split(";")]


Row = TlsServer | TlsClient


def chosen(rows: Sequence[Row]) -> Iterator[tuple[Row, bool]]:
    """Rows, and whether the agent is there first."""
    wanted = [row for row in rows if ROWS == "all" or row.name in NAMES or (not ROWS and row.in_ci)]
    for number, row in enumerate(wanted):
        yield from ((row, agent_first) for agent_first in ((False, True) if ROWS else (number % 2 == 1,)))


class TlsMatrixTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        unknown = set(NAMES) - {row.name for row in (*SERVERS, *CLIENTS)} - {"", "all"}
        if unknown:
            raise AssertionError(f"no row is called {unknown}")
        print(f"\n{TABLE_HEAD}", flush=True)

    def check(self, run: Callable[[], Outcome]) -> None:
        outcome = run()
        print(table_line(outcome), flush=True)
        if outcome.wrong:
            self.fail("\n".join([outcome.name, *outcome.wrong]))

    def test_servers(self) -> None:
        for row, agent_first in chosen(SERVERS):
            with self.subTest(row=row.name, agent_first=agent_first):
                self.check(lambda: run_server_row(row, agent_first))

    def test_clients(self) -> None:
        for row, agent_first in chosen(CLIENTS):
            with self.subTest(row=row.name, agent_first=agent_first):
                self.check(lambda: run_client_row(row, agent_first))


if __name__ == "__main__":
    main()
