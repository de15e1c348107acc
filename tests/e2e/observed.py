"""What the agent says, parsed: its trace lines and its /metrics."""
from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import Collection, Mapping

DURATION = r"(?:\d+h)?(?:\d+m)?\d+(?:\.\d{1,2})?(?:ns|µs|ms|s)"
TRACE_LINE = re.compile(
    r"(?P<time>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) "
    rf"\((?P<total>{DURATION})\[(?P<handler>{DURATION})\]\) "
    r"(?P<status>\d{3}) (?P<method>\S+) (?P<path>\S*) "
    r"\[(?P<peer>[^\]\s]+)\]->\[(?P<host>\S+):(?P<port>\d+)\] size:(?P<size>\d+)B"
)
PROCESS_EVENTS = ("process",)  # a kind of record
SECONDS_PER_UNIT = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "µs": 1e-6, "ns": 1e-9}


def parse_duration(text: str) -> float:
    """Seconds of a duration in Go's notation."""
    parts = re.findall(r"([\d.]+)(h|ms|m|s|µs|ns)", text)
    return sum(float(number) * SECONDS_PER_UNIT[unit] for number, unit in parts)


@dataclass(frozen=True)
class Trace:
    time: str
    total: float  # seconds
    handler: float  # seconds
    status: int
    method: str
    path: str
    peer: str
    host: str
    port: int
    size: int  # bytes

    @staticmethod
    def parse(line: str) -> Trace:
        match = TRACE_LINE.fullmatch(line)
        if not match:
            raise AssertionError(f"not a trace line: {line!r}")
        return Trace(
            match["time"], parse_duration(match["total"]), parse_duration(match["handler"]), int(match["status"]),
            match["method"], match["path"], match["peer"], match["host"], int(match["port"]), int(match["size"]),
        )


SAMPLE = re.compile(r"(?P<name>[a-zA-Z_:][\w:]*)(?:\{(?P<labels>.*)\})? (?P<value>\S+)")
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
Labels = frozenset[tuple[str, str]]


class Metrics:
    """One scrape: the samples of the text, found by name and some of their labels."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.samples: dict[tuple[str, Labels], float] = {}
        for line in text.split("\n"):  # a label may hold any other line break
            if line and not line.startswith("#"):
                self._add(line)

    def _add(self, line: str) -> None:
        match = SAMPLE.fullmatch(line)
        if not match:
            raise AssertionError(f"not a metric line: {line!r}")
        key = (match["name"], frozenset(LABEL.findall(match["labels"] or "")))
        if key in self.samples:
            raise AssertionError(f"the series appears twice: {line!r}")
        self.samples[key] = float(match["value"])

    def select(self, name: str, **labels: str) -> dict[Labels, float]:
        wanted = labels.items()
        return {found: value for (sample, found), value in self.samples.items() if sample == name and wanted <= found}

    def total(self, name: str, **labels: str) -> float:
        return sum(self.select(name, **labels).values())

    def by(self, name: str, *label_names: str) -> Counter[tuple[str, ...]]:
        """Sums of the samples of `name` for each combination of values of the named labels."""
        sums: Counter[tuple[str, ...]] = Counter()
        for labels, value in self.select(name).items():
            values = dict(labels)
            sums[tuple(values.get(label, "") for label in label_names)] += value
        return sums

    def bucket(self, name: str, upper: float, **labels: str) -> float:
        """The cumulative count of the buckets of histogram `name` with that upper bound; fails when it has none."""
        found = [
            value for key, value in self.select(f"{name}_bucket", **labels).items() if float(dict(key)["le"]) == upper
        ]
        if not found:
            raise AssertionError(f"no bucket le={upper} of {name} with {labels}")
        return sum(found)

    def has(self, prefix: str) -> bool:
        return any(name.startswith(prefix) for name, _ in self.samples)

    def requests(self) -> Counter[tuple[str, int]]:
        """Counted server requests for each (method, status), as LoadResult.counts."""
        counted = self.by("http_server_duration_seconds_count", "http_method", "http_status_code")
        return Counter({(method, int(status)): int(count) for (method, status), count in counted.items()})

    def services(self) -> Counter[str]:
        counted = self.by("http_server_duration_seconds_count", "service_name")
        return Counter({name: int(count) for (name,), count in counted.items()})


def is_balanced(metrics: Metrics) -> bool:
    generated, accounted = books(metrics)
    return generated == accounted


def books(metrics: Metrics, ignored: Collection[tuple[str]] = ()) -> tuple[dict, dict]:
    """Records that the kernel half made, and those that were delivered or lost, by kind."""
    generated = metrics.by("beyla_events_generated_total", "kind")
    accounted = metrics.by("beyla_events_delivered_total", "kind")
    accounted.update(metrics.by("beyla_events_lost_total", "kind"))
    accounted = {kind: count for kind, count in accounted.items() if kind in generated or count}
    return without(generated, ignored), without(accounted, ignored)


def without(counts: Mapping[tuple[str], float], ignored: Collection[tuple[str]]) -> dict:
    return {kind: count for kind, count in counts.items() if kind not in ignored}
