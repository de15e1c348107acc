"""Each request of each runtime is counted once on each side: see tests/matrix/README.md.

ROWS chooses rows by name, separated by semicolons; ROWS=all is the whole matrix (`make test-matrix`); without it the rows that
need no build of their own. FULL=1 sends the acceptance numbers.
"""
import os
import sys
import unittest
from pathlib import Path
from typing import Callable, Sequence

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "matrix"))

from clients import CLIENTS, ClientRuntime
from harness import main
from rows import TABLE_HEAD, Outcome, run_client_row, run_server_row, table_line
from servers import SERVERS, Runtime

ROWS = os.environ.get("ROWS", "")
Row = Runtime | ClientRuntime


def chosen(rows: Sequence[Row]) -> list[Row]:
    names = [name.strip() for name in ROWS.split(";")]
    return [row for row in rows if ROWS == "all" or row.name in names or (not ROWS and row.in_ci)]


class MatrixTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        print(f"\n{TABLE_HEAD}", flush=True)

    def check(self, run: Callable[[], Outcome]) -> None:
        outcome = run()
        print(table_line(outcome), flush=True)
        self.assertEqual(outcome.wrong, [], outcome.name)

    def test_servers(self) -> None:
        for runtime in chosen(SERVERS):
            for agent_first in (False, True):
                with self.subTest(runtime=runtime.name, agent_first=agent_first):
                    self.check(lambda: run_server_row(runtime, agent_first))

    def test_clients(self) -> None:
        for client in chosen(CLIENTS):
            with self.subTest(client=client.name):
                self.check(lambda: run_client_row(client))


if __name__ == "__main__":
    main()
