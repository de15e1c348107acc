"""Which Go targets are tried: every pair of Go version, way of building and framework that can be, in 58 cells."""
from __future__ import annotations

from go_builds import FORCED, FRAMEWORKS, MODES, RELEASES, Cell

LINKED = tuple(mode for mode in MODES if mode != FORCED)
SERVED = ("nethttp", "mux", "gin", "grpc", "h2c", "tls")  # the driver is no target
# What cannot be built, and why.
IMPOSSIBLE = {
    **{(go, "pgo"): "the compiler takes no profile before Go 1.20" for go in ("1.17", "1.18", "1.19")},
    **{
        (go, framework): "the versions of its modules that it could build are not asked for: net/http and mux only"
        for go in ("1.17", "1.18") for framework in ("gin", "grpc", "h2c", "tls")
    },
}


def _frameworks_of(go: str) -> list[str]:
    return [framework for framework in SERVED if (go, framework) not in IMPOSSIBLE]


def all_cells() -> list[Cell]:
    """A Latin square: each version meets each mode and each framework once, and so does each mode each framework."""
    cells = []
    for row, go in enumerate(RELEASES):
        frameworks = _frameworks_of(go)
        modes = [mode for mode in LINKED if (go, mode) not in IMPOSSIBLE]
        for column in range(max(len(modes), len(frameworks))):
            # A version without all modes meets the last frameworks in its first modes again.
            mode = modes[column % len(modes)]
            cells.append(Cell(go, mode, frameworks[(row + column) % len(frameworks)]))
    return cells


# The end of each request inlined, and the begin: docs/design/0016-inlined-ends.md.
INLINED = tuple(Cell(go, FORCED, framework) for go, framework in (
    ("1.26", "tls"), ("1.25", "h2c"), ("1.24", "nethttp"), ("1.23", "tls"), ("1.22", "h2c"), ("1.21", "tls"), ("1.20", "h2c"),
))

# For `make test`: what the machine's own toolchain builds fast, and two old ones.
SLICE = (
    Cell("1.26", "default", "nethttp"),
    Cell("1.26", "stripped", "tls"),
    Cell("1.26", "stripped", "mux"),
    Cell("1.26", "default", "gin"),
    Cell("1.26", "stripped", "grpc"),
    Cell("1.26", "default", "h2c"),
    INLINED[0],
    Cell("1.17", "stripped", "nethttp"),
    Cell("1.21", "pie", "mux"),
)


def missing_pairs(cells: list[Cell]) -> set[tuple[str, str]]:
    """The possible pairs that no cell has; none, for all_cells()."""
    assert set(SERVED) <= set(FRAMEWORKS)
    wanted = {(go, mode) for go in RELEASES for mode in LINKED} | {(go, one) for go in RELEASES for one in SERVED}
    wanted |= {(mode, framework) for mode in LINKED for framework in SERVED}
    met = {pair for cell in cells for pair in ((cell.go, cell.mode), (cell.go, cell.framework), (cell.mode, cell.framework))}
    return wanted - met - set(IMPOSSIBLE)
