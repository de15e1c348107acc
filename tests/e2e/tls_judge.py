"""Compares what the agent tells of encrypted requests with what was asked: each count and each line."""
from __future__ import annotations

import json
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Mapping

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "matrix"))

from books import NOTHING_LOST
from harness import QUIET_SECONDS, Agent, settle, wait_until
from observed import Metrics
from tls_load import Told

SETTLE_SECONDS = 15.0
SHOWN = 5
ALSO_NOTHING = (
    "beyla_trace_lines_dropped_total", "beyla_exchanges_partly_unknown_total", "beyla_request_sizes_unknown_total",
)
TLS_REASONS = ("tls_unbound", "tls_misfit", "tls_table_full")
# An agent that selects by name watches each new process until it is decided; that it ended before is no loss here.
OTHERS = ("reason", "undecided")


def told_by(line: str) -> Told:
    members = json.loads(line)
    for side in ("client", "server"):
        if members.get(f"{side}.address") not in ("127.0.0.1", "localhost"):
            raise AssertionError(f"not the address of the {side}: {line}")
    return Told(
        members.get("kind", ""), members["http.request.method"], members.get("url.path", ""),
        members.get("http.response.status_code", 0), members.get("http.request.body.size"),
        members["client.port"], members["server.port"],
    )


def counts_of(told: Counter[Told], kind: str) -> Counter[tuple[str, int]]:
    counts: Counter[tuple[str, int]] = Counter()
    for request, count in told.items():
        if request.kind == kind:
            counts[request.method, request.status] += count
    return counts


def counted(metrics: Metrics, kind: str) -> Counter[tuple[str, int]]:
    name = f"http_{kind.lower()}_duration_seconds_count"
    by_key = metrics.by(name, "http_method", "http_status_code")
    return Counter({(method, int(status)): int(count) for (method, status), count in by_key.items()})


def settled_metrics(agent: Agent, expected: int) -> Metrics:
    """Once all lines are there, or after the deadline; and again when no more come: something may be invented."""
    settle(lambda: len(agent.lines()) >= expected, SETTLE_SECONDS)

    def quiet() -> bool:
        before = len(agent.lines())
        time.sleep(QUIET_SECONDS)
        return len(agent.lines()) == before

    wait_until(quiet, SETTLE_SECONDS, "no more lines come")
    return agent.scrape()


def wrong_books(metrics: Metrics) -> list[str]:
    wrong = [
        f"{name}{sorted(labels)} is {value:.0f}"
        for name in (*NOTHING_LOST, *ALSO_NOTHING)
        for labels, value in metrics.select(name).items()
        if value and OTHERS not in labels
    ]
    for reason in TLS_REASONS:
        if count := metrics.total("beyla_capture_degraded_total", reason=reason):
            wrong.append(f"{reason}: {count:.0f}")
    return wrong


def some(what: str, requests: Counter[Told]) -> list[str]:
    shown = [f"  {tuple(request)} x{count}" for request, count in requests.most_common(SHOWN)]
    return [f"{requests.total()} {what}:", *shown] if requests else []


def everything_wrong(agent: Agent, expected: Counter[Told]) -> list[str]:
    """REQUIRES: all connections are closed."""
    metrics = settled_metrics(agent, expected.total())
    told = Counter(told_by(line) for line in agent.lines())
    wrong = some("are missing", expected - told) + some("are too many or wrong", told - expected)
    for kind in ("SERVER", "CLIENT"):
        wanted, found = counts_of(expected, kind), counted(metrics, kind)
        for key in sorted(wanted.keys() | found.keys()):
            if wanted[key] != found[key]:
                wrong.append(f"{kind} {key}: /metrics says {found[key]}, truth {wanted[key]}")
    return wrong + wrong_books(metrics)


def told_counts(agent: Agent) -> Mapping[str, int]:
    """For the table: how many lines of each kind."""
    return Counter(json.loads(line).get("kind", "?") for line in agent.lines())
