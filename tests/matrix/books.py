"""Compares what the agent counted with what was really sent and served."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Sequence

from mix import Counts, Step, counts_of
from observed import Metrics

NOTHING_LOST = (
    "beyla_events_lost_total", "beyla_events_malformed_total", "beyla_exchanges_incomplete_total",
    "beyla_exchanges_unpaired_total", "beyla_connection_gaps_total", "beyla_series_overflow_total",
)
SIZES_UNKNOWN = "beyla_request_sizes_unknown_total"


@dataclass(frozen=True)
class Truth:
    """What one service was asked, in one role; `role` is "server" or "client", as in the metrics' names."""

    role: str
    service: str
    steps: Sequence[Step]
    sizes_may_be_unknown: int = 0  # how many requests, at most


def requests_of(metrics: Metrics, role: str) -> dict[str, Counts]:
    """Counted requests by service, then by (method, status)."""
    name = f"http_{role}_duration_seconds_count"
    found: dict[str, Counts] = {}
    for (service, method, status), count in metrics.by(
        name, "service_name", "http_method", "http_status_code"
    ).items():
        found.setdefault(service, Counts())[method, int(status)] += int(count)
    return found


def wrong_counts(metrics: Metrics, truths: Sequence[Truth]) -> list[str]:
    wrong = []
    for role in sorted({truth.role for truth in truths}):
        expected = {truth.service: counts_of(truth.steps) for truth in truths if truth.role == role}
        counted = requests_of(metrics, role)
        for service in sorted(expected.keys() | counted.keys()):
            wanted, found = expected.get(service, Counts()), counted.get(service, Counts())
            for key in sorted(wanted.keys() | found.keys()):
                if found[key] != wanted[key]:
                    wrong.append(f"{role} {service} {key}: agent {found[key]}, truth {wanted[key]}")
    return wrong


def wrong_sizes(metrics: Metrics, truth: Truth, unknown: int) -> list[str]:
    """Each bucket and the sum of the size histogram, if `unknown` of the service's requests are not in it."""
    name = f"http_{truth.role}_request_size_bytes"
    sizes = sorted(step.body_bytes for step in truth.steps)
    buckets = metrics.by(f"{name}_bucket", "service_name", "le")
    bounds = [bound for service, bound in buckets if service == truth.service]
    wrong = [] if bounds else [f"{name}: no bucket for {truth.service}"]
    for bound in bounds:
        most = sum(size <= float(bound) for size in sizes)
        found = buckets[truth.service, bound]
        if not most - unknown <= found <= most:
            wrong.append(f"{name} of {truth.service} le={bound}: agent {found:.0f}, truth {most}, unknown {unknown}")
    total = metrics.total(f"{name}_sum", service_name=truth.service)
    if not sum(sizes[: len(sizes) - unknown]) <= total <= sum(sizes[unknown:]):
        wrong.append(f"{name}_sum of {truth.service}: agent {total:.0f}, truth {sum(sizes)}, unknown {unknown}")
    return wrong


def wrong_books(metrics: Metrics, truths: Sequence[Truth], alone: bool) -> list[str]:
    """Nothing lost or unpaired; each request has a known size or is counted as unknown."""
    wrong = [
        f"{name}{dict(labels)} is {value:.0f}"
        for name in NOTHING_LOST
        for labels, value in metrics.select(name).items()
        if value and (alone or ("reason", "undecided") not in labels)
    ]
    unknown = metrics.total(SIZES_UNKNOWN)
    allowed = sum(truth.sizes_may_be_unknown for truth in truths)
    if unknown > allowed:
        wrong.append(f"{SIZES_UNKNOWN} is {unknown:.0f}, at most {allowed} are unknowable")
    sized = sum(metrics.total(f"http_{role}_request_size_bytes_count") for role in {truth.role for truth in truths})
    requests = sum(len(truth.steps) for truth in truths)
    if sized + unknown != requests:
        wrong.append(f"{sized:.0f} sizes known and {unknown:.0f} unknown of {requests} requests")
    return wrong


def wrong_log(whose: str, counted: Counts, expected: Counts) -> list[str]:
    keys = sorted(counted.keys() | expected.keys())
    return [
        f"{whose} {key}: {counted[key]}, sent {expected[key]}" for key in keys if counted[key] != expected[key]
    ]


def everything_wrong(metrics: Metrics, truths: Sequence[Truth], alone: bool) -> list[str]:
    """Not `alone`: the agent selects by name, so it watches each new process of the machine until it is decided, and
    counts as undecided what one did that ended before."""
    wrong = wrong_counts(metrics, truths) + wrong_books(metrics, truths, alone)
    unknown = int(metrics.total(SIZES_UNKNOWN))
    for truth in truths:
        not_sized = min(unknown, truth.sizes_may_be_unknown)
        wrong += wrong_sizes(metrics, truth, not_sized)
    return wrong
