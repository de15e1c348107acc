"""Compares what the agent says of a conversation with the conversation itself, to the unit."""
from __future__ import annotations

import unittest
from collections import Counter
from dataclasses import dataclass, replace

from harness import Agent, settle
from observed import Metrics, Trace
from raw_http import Conversation, Seen

UNKNOWN_SIZE = " size:?B"
SETTLE_SECONDS = 3.0
WEAK_SETTLE_SECONDS = 0.5  # exchanges that don't come are not worth a longer wait


def seen_of(line: str) -> Seen:
    unknown = line.endswith(UNKNOWN_SIZE)
    trace = Trace.parse(line.removesuffix(UNKNOWN_SIZE) + " size:0B" if unknown else line)
    return Seen(trace.method, trace.path, trace.status, None if unknown else trace.size)


def agrees(seen: Seen, expected: Seen) -> bool:
    """The same exchange; a size that can be known may still be said to be unknown."""
    return seen in (expected, replace(expected, size=None))


@dataclass
class Mark:
    """Where the agent stood before a conversation."""

    metrics: Metrics
    lines: int


class Judge:
    def __init__(self, agent: Agent, role: str) -> None:
        self._agent = agent
        self._role = role
        self._unknown: list[tuple[str, int, int]] = []  # conversation, sizes unknown, exchanges
        self._weaker: list[tuple[str, str, int, int]] = []  # conversation, why, exchanges told, exchanges
        self._checked = self._exchanges = 0

    def begin(self) -> Mark:
        return Mark(self._agent.scrape(), len(self._agent.lines()))

    def check(
        self, test: unittest.TestCase, name: str, truth: Conversation, before: Mark, known_weakness: str = ""
    ) -> None:
        """With a known weakness exchanges may be missing, if that is said in a counter; never one invented.
        REQUIRES: the conversation's connection is closed, and it is the only one."""
        settle(lambda: self._is_told(truth, before), WEAK_SETTLE_SECONDS if known_weakness else SETTLE_SECONDS)
        after = self._agent.scrape()
        lines = [seen_of(line) for line in self._agent.lines()[before.lines :]]
        self._note_unknown(name, truth, lines)
        problems = self._differences(truth, lines) + self._count_differences(truth, lines, before.metrics, after)
        if problems and known_weakness:
            self._weaker.append((name, known_weakness, len(lines), len(truth.exchanges)))
            problems = self._lies(truth, lines, before.metrics, after)
        test.assertEqual(problems, [], f"{name}\nexpected {truth.exchanges[:4]}…\nseen {lines[:4]}…")

    def _lies(self, truth: Conversation, lines: list[Seen], before: Metrics, after: Metrics) -> list[str]:
        """What was told is true and in order, and what was not told is counted."""
        remaining = iter(truth.exchanges)
        invented = [seen for seen in lines if not any(agrees(seen, expected) for expected in remaining)]
        problems = [f"invented or out of order: {seen}" for seen in invented]
        said = sum(self._incomplete(before, after).values()) + sum(
            after.total(name) - before.total(name)
            for name in ("beyla_exchanges_unpaired_total", "beyla_connections_opaque_total")
        )
        if len(lines) < len(truth.exchanges) and not said:
            problems.append("exchanges are missing and nothing says so")
        return problems

    def _is_told(self, truth: Conversation, before: Mark) -> bool:
        lines = len(self._agent.lines()) - before.lines
        if lines < len(truth.exchanges):
            return False
        after = self._agent.scrape()
        return after.total("beyla_connections") == 0 and self._incomplete(before.metrics, after) == truth.incomplete

    def _note_unknown(self, name: str, truth: Conversation, lines: list[Seen]) -> None:
        self._checked += 1
        self._exchanges += len(truth.exchanges)
        known = {(seen.path, seen.method) for seen in truth.exchanges if seen.size is not None}
        weaker = sum(1 for seen in lines if seen.size is None and (seen.path, seen.method) in known)
        if weaker:
            self._unknown.append((name, weaker, len(truth.exchanges)))

    def _differences(self, truth: Conversation, lines: list[Seen]) -> list[str]:
        problems = []
        if len(lines) != len(truth.exchanges):
            problems.append(f"{len(lines)} exchanges instead of {len(truth.exchanges)}")
        for index, (expected, seen) in enumerate(zip(truth.exchanges, lines)):
            if not agrees(seen, expected):
                problems.append(f"exchange {index}: {seen} instead of {expected}")
        return problems[:6]

    def _count_differences(
        self, truth: Conversation, lines: list[Seen], before: Metrics, after: Metrics
    ) -> list[str]:
        expected = {
            f"http_{self._role}_duration_seconds_count": len(truth.exchanges),
            f"http_{self._role}_request_size_bytes_count": sum(seen.size is not None for seen in lines),
            f"http_{self._role}_request_size_bytes_sum": sum(seen.size or 0 for seen in lines),
            "beyla_request_sizes_unknown_total": sum(seen.size is None for seen in lines),
            "beyla_exchanges_unpaired_total": 0, "beyla_events_lost_total": 0,
            "beyla_connections_opaque_total": truth.opaque,
        }
        problems = []
        for name, value in expected.items():
            moved = after.total(name) - before.total(name)
            if moved != value:
                problems.append(f"{name} moved by {moved:g} instead of {value}")
        gaps = after.total("beyla_connection_gaps_total") - before.total("beyla_connection_gaps_total")
        if gaps > truth.gaps:
            problems.append(f"{gaps:g} gaps instead of at most {truth.gaps}")
        incomplete = self._incomplete(before, after)
        if incomplete != truth.incomplete:
            problems.append(f"incomplete {dict(incomplete)} instead of {dict(truth.incomplete)}")
        if connections := after.total("beyla_connections"):
            problems.append(f"{connections:g} connections are still remembered")
        return problems

    def _incomplete(self, before: Metrics, after: Metrics) -> Counter[str]:
        name = "beyla_exchanges_incomplete_total"
        moved: Counter[str] = Counter()
        for labels, value in after.select(name, role=self._role).items():
            moved[dict(labels)["reason"]] += int(value - before.samples.get((name, labels), 0))
        return +moved

    def moved(self, name: str, label: str, before: Mark) -> Counter[str]:
        """By how much each series of `name` grew, by the value of `label`."""
        after, earlier = self._agent.scrape().by(name, label), before.metrics.by(name, label)
        return +Counter({value: int(count - earlier[value,]) for (value,), count in after.items()})

    def table(self) -> str:
        unknown = sum(weaker for _, weaker, _ in self._unknown)
        lines = [
            f"{self._checked} conversations, {self._exchanges} exchanges; exact size {self._exchanges - unknown}, "
            f"said to be unknown {unknown}:"
        ]
        lines += [f"  {name:50} {weaker:3} of {count}" for name, weaker, count in self._unknown]
        if self._weaker:
            lines.append(f"exchanges told in {len(self._weaker)} conversations with a known weakness:")
        lines += [f"  {name:50} {told:3} of {count}: {why}" for name, why, told, count in self._weaker]
        return "\n".join(lines)
