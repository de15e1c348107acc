"""Compares what the agent says of a Go target, metrics and JSON trace lines, with the driver's account."""
from __future__ import annotations

import statistics
from collections import Counter
from dataclasses import dataclass, field
from typing import Callable, Iterable

from observed import Metrics

Key = tuple
NO_ANSWER = 0  # the status of a call that got none; in metrics 599, see docs/metrics.md
NO_ANSWER_IN_METRICS = 599
UNIMPLEMENTED = 12
NOTHING_LOST = (
    "beyla_events_lost_total", "beyla_events_malformed_total", "beyla_exchanges_unpaired_total",
    "beyla_exchanges_incomplete_total", "beyla_connection_gaps_total", "beyla_series_overflow_total",
)
# What a handler may take that was told to wait no longer than `delay`: other processes want the machine, too.
SLACK_SECONDS = 0.04
CLOCK_SECONDS = 0.0005  # a sleep may seem shorter by this to another clock


@dataclass
class GoTruth:
    """What several runs of the driver sent, added up."""

    server: list[dict] = field(default_factory=list)
    client: list[dict] = field(default_factory=list)
    traces: list[dict] = field(default_factory=list)
    rpc_traces: list[dict] = field(default_factory=list)
    rpc_server: list[dict] = field(default_factory=list)
    rpc_client: list[dict] = field(default_factory=list)

    def add(self, account: dict) -> None:
        """Of the driver towards a server; gRPC's is told by its rows."""
        self.server += account.get("server", [])
        self.client += account.get("client", [])
        self.traces += account.get("traces", [])
        self.rpc_traces += account.get("rpc_traces", [])
        self.rpc_server += account.get("rpc", [])

    @property
    def sent(self) -> int:
        rows = (*self.server, *self.client, *self.rpc_server, *self.rpc_client)
        return sum(row["count"] for row in rows)


def _sums(rows: Iterable[dict], key: Callable[[dict], Key]) -> Counter[Key]:
    sums: Counter[Key] = Counter()
    for row in rows:
        sums[key(row)] += row["count"]
    return sums


def _differences(what: str, agent: Counter[Key], truth: Counter[Key]) -> list[str]:
    return [
        f"{what} {key}: agent {agent[key]:.0f}, truth {truth[key]}"
        for key in sorted(agent.keys() | truth.keys(), key=str) if agent[key] != truth[key]
    ]


def _counted(metrics: Metrics, name: str, *labels: str) -> Counter[Key]:
    """By labels, the last of which is a number; that a label is not there reads "" and 0."""
    counted: Counter[Key] = Counter()
    for values, count in metrics.by(f"{name}_duration_seconds_count", *labels).items():
        counted[(*values[:-1], int(values[-1] or 0))] += count
    return counted


def full_method(row: dict) -> str:
    return f"/targets.Calls/{row['method']}"


def told_method(row: dict, by_server: bool) -> str:
    """What a server does not know may be called anything by its clients."""
    return "_OTHER" if by_server and row["code"] == UNIMPLEMENTED else full_method(row)


def wrong_metrics(metrics: Metrics, truth: GoTruth) -> list[str]:
    return wrong_numbers(metrics, truth) + wrong_times(metrics, truth)


def wrong_numbers(metrics: Metrics, truth: GoTruth) -> list[str]:
    wrong = _differences(
        "http_server", _counted(metrics, "http_server", "http_method", "http_route", "http_status_code"),
        _sums(truth.server, lambda row: (row["method"], row["route"], row["status"])),
    )
    wrong += _differences(
        "http_client", _counted(metrics, "http_client", "http_method", "http_status_code"),
        _sums(truth.client, lambda row: (row["method"], row["status"] or NO_ANSWER_IN_METRICS)),
    )
    for role, rows in (("rpc_server", truth.rpc_server), ("rpc_client", truth.rpc_client)):
        wrong += _differences(
            role, _counted(metrics, role, "rpc_system", "rpc_method", "rpc_grpc_status_code"),
            _sums(rows, lambda row, role=role: ("grpc", told_method(row, role == "rpc_server"), row["code"])),
        )
    return wrong


def _too_far(what: str, found: float, least: float, count: int) -> list[str]:
    most = least + count * SLACK_SECONDS
    if least - count * CLOCK_SECONDS <= found <= most:
        return []
    return [f"{what} took {found:.3f} s in all, told were {least:.3f} s and at most {most:.3f} s are sane"]


def wrong_times(metrics: Metrics, truth: GoTruth) -> list[str]:
    """The sums of the durations hold what the handlers were told to wait, and little else."""
    wrong = []
    rows = {row["route"] for row in truth.server if row["route"]}
    for route in sorted(rows):
        of_route = [row for row in truth.server if row["route"] == route]
        found = metrics.total("http_server_duration_seconds_sum", http_route=route)
        least, count = sum(row["delay_seconds"] for row in of_route), sum(row["count"] for row in of_route)
        wrong += _too_far(f"route {route}", found, least, count)
    for role, calls in (("rpc_server", truth.rpc_server), ("rpc_client", truth.rpc_client)):
        found = metrics.total(f"{role}_duration_seconds_sum")
        least, count = sum(row["delay_seconds"] for row in calls), sum(row["count"] for row in calls)
        wrong += _too_far(role, found, least, count)
    return wrong


def wrong_losses(metrics: Metrics) -> list[str]:
    return [
        f"{name}{dict(labels)} is {value:.0f}"
        for name in NOTHING_LOST for labels, value in metrics.select(name).items() if value
    ]


def _is(line: dict, kind: str, rpc: bool) -> bool:
    return line.get("kind") == kind and ("rpc.system" in line) == rpc


def wrong_lines(lines: list[dict], truth: GoTruth) -> list[str]:
    served = [line for line in lines if _is(line, "SERVER", rpc=False)]
    asked = [line for line in lines if _is(line, "CLIENT", rpc=False)]
    wrong = _differences(
        "line of server", Counter(
            (line.get("http.request.method", ""), line.get("url.path", ""), line.get("http.route", ""),
             line.get("http.response.status_code", NO_ANSWER)) for line in served
        ), _sums(truth.server, lambda row: (row["method"], row["path"], row["route"], row["status"])),
    )
    wrong += _differences(
        "line of client", Counter(
            (line.get("http.request.method", ""), f"{line.get('server.address')}:{line.get('server.port')}",
             line.get("http.response.status_code", NO_ANSWER)) for line in asked
        ), _sums(truth.client, lambda row: (row["method"], row["address"], row["status"])),
    )
    for kind, rows in (("SERVER", truth.rpc_server), ("CLIENT", truth.rpc_client)):
        wrong += _differences(
            f"rpc line of {kind}", Counter(
                (line.get("rpc.method"), line.get("rpc.method_original", line.get("rpc.method")), line.get("rpc.grpc.status_code"))
                for line in lines if _is(line, kind, rpc=True)
            ), _sums(rows, lambda row, kind=kind: (told_method(row, kind == "SERVER"), full_method(row), row["code"])),
        )
    others = [line for line in lines if line.get("kind") not in ("SERVER", "CLIENT")]
    wrong += [f"a line of neither side: {line}" for line in others[:3]]
    return wrong + wrong_sizes(served, truth) + wrong_handlers(served, truth)


def wrong_sizes(served: list[dict], truth: GoTruth) -> list[str]:
    """A size that is told is that of one of the requests sent to this path."""
    sizes: dict[Key, set[int]] = {}
    for row in truth.server:
        sizes.setdefault((row["method"], row["path"]), set()).add(row["body_bytes"])
    return [
        f"{_asked(line)}: size {line['http.request.body.size']}"
        for line in served
        if line.get("http.request.body.size", None) not in {None, *sizes.get(_asked(line), ())}
    ][:5]


def _asked(line: dict) -> Key:
    return line.get("http.request.method", ""), line.get("url.path", "")


def wrong_handlers(served: list[dict], truth: GoTruth) -> list[str]:
    """Each handler that waited did so in its own time, and the others took next to none."""
    wrong = []
    delays = {(row["method"], row["path"]): row["delay_seconds"] / row["count"] for row in truth.server}
    times: dict[Key, list[float]] = {}
    for line in served:
        handler, total = line.get("handler_ns", 0) / 1e9, line["duration_ns"] / 1e9
        if not handler <= total:
            wrong.append(f"{_asked(line)}: the handler took {handler} s of {total} s")
        times.setdefault(_asked(line), []).append(handler)
    for key, seconds in sorted(times.items()):
        delay, median = delays.get(key, 0.0), statistics.median(seconds)
        if min(seconds) < delay - CLOCK_SECONDS or median > delay + SLACK_SECONDS:
            wrong.append(f"handlers of {key} took from {min(seconds):.4f} s, median {median:.4f} s; told: {delay} s")
    return wrong


def wrong_traces(lines: list[dict], truth: GoTruth) -> list[str]:
    """Ids are there and differ; what came with a traceparent goes on with it; calls have the request as their parent."""
    spans = Counter(line.get("span_id", "") for line in lines)
    idless = sum(not (line.get("trace_id") and line.get("span_id")) for line in lines)
    wrong = [f"{idless} lines without trace_id or span_id"] if idless else []
    wrong += [f"span_id {span}: {count} lines" for span, count in spans.items() if span and count > 1][:3]
    incoming = Counter(
        (line.get("url.path", ""), line["trace_id"], line.get("parent_span_id")) for line in lines
        if _is(line, "SERVER", rpc=False) and line.get("trace_id")
    )
    called = Counter(
        (line.get("rpc.method_original", line.get("rpc.method")), line["trace_id"], line.get("parent_span_id"))
        for line in lines if _is(line, "SERVER", rpc=True) and line.get("trace_id")
    )
    lost = [row for row in truth.traces if incoming[row["path"], row["trace_id"], row["span_id"]] != 1]
    lost += [row for row in truth.rpc_traces if called[full_method(row), row["trace_id"], row["span_id"]] != 1]
    sent = len(truth.traces) + len(truth.rpc_traces)
    wrong += [f"{len(lost)} of {sent} traceparents not taken over, so {lost[0]}"] if lost else []
    return wrong + wrong_parents(lines)


def wrong_parents(lines: list[dict]) -> list[str]:
    servers = {line["span_id"]: line for line in lines if _is(line, "SERVER", rpc=False) and line.get("span_id")}
    orphans: Counter[str] = Counter()
    strangers: Counter[str] = Counter()
    for line in lines:
        if not _is(line, "CLIENT", rpc=False):
            continue
        parent = servers.get(line.get("parent_span_id"))
        if parent is None:
            orphans[line.get("url.path", "")] += 1
        elif (parent.get("url.path"), parent.get("trace_id")) != ("/out", line.get("trace_id")):
            strangers[f"{line.get('url.path', '')} of {parent.get('url.path', '')}"] += 1
    wrong = [f"calls without their request as parent: {dict(orphans)}"] if orphans else []
    return wrong + ([f"calls with another request as parent: {dict(strangers)}"] if strangers else [])
