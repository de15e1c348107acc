"""Go services of every version, way of building and framework: each request is counted once, with its status, its route,
its handler's time, its trace and its parent. See tests/matrix/README.md.

GO_CELLS=all is the whole matrix (`make test-matrix`); GO_CELLS='go1.21-pgo-grpc;…' are these cells; without it a slice.
FULL=1 sends more and starts gRPC in all its ways.
"""
import os
import unittest

import go_targets  # noqa: F401  puts tests/matrix into the path
from go_cells import IMPOSSIBLE, INLINED, SLICE, all_cells
from go_rows import run_cell
from harness import main

GO_CELLS = os.environ.get("GO_CELLS", "")
WRONG_SHOWN = 15  # of each outcome


def chosen() -> list:
    if GO_CELLS == "all":
        return [*all_cells(), *INLINED]
    names = {name.strip() for name in GO_CELLS.split(";")} - {""}
    known = {str(cell): cell for cell in (*SLICE, *all_cells(), *INLINED)}
    if unknown := names - known.keys():
        raise AssertionError(f"no cell is called {unknown}")
    return [known[name] for name in sorted(names)] or list(SLICE)


class GoCellsTest(unittest.TestCase):
    def test_each_cell(self) -> None:
        if GO_CELLS == "all":
            for (first, second), reason in IMPOSSIBLE.items():
                print(f"impossible: Go {first} with {second}: {reason}", flush=True)
        for index, cell in enumerate(chosen()):
            with self.subTest(str(cell)):
                outcomes = run_cell(cell, agent_first=index % 2 == 0)
                print(*outcomes, sep="\n", flush=True)
                wrong = [f"{outcome.name}: {what}" for outcome in outcomes for what in outcome.wrong[:WRONG_SHOWN]]
                self.assertFalse(wrong, "\n".join(["", *wrong]))


if __name__ == "__main__":
    main()
