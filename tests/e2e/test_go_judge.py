"""The judge of the Go matrix finds what it is there to find, and the matrix has every pair. Needs no agent."""
import copy
import unittest

import go_targets  # noqa: F401  puts tests/matrix into the path
from go_builds import RELEASES, Cell
from go_cells import SLICE, all_cells, missing_pairs
from go_judge import GoTruth, wrong_lines, wrong_losses, wrong_metrics, wrong_traces
from observed import Metrics

TRACE, OTHER_TRACE = "ab" * 16, "cd" * 16
ACCOUNT = {
    "server": [
        {"method": "GET", "path": "/users/6", "route": "/users/{id}", "status": 200, "count": 2, "body_bytes": 0,
         "delay_seconds": 0.1},
        {"method": "POST", "path": "/out", "route": "/out", "status": 502, "count": 1, "body_bytes": 6,
         "delay_seconds": 0.0},
        {"method": "GET", "path": "/missing", "route": "", "status": 404, "count": 1, "body_bytes": 0,
         "delay_seconds": 0.0},
    ],
    "client": [{"method": "GET", "address": "127.0.0.1:80", "status": 0, "count": 1}],
    "traces": [{"path": "/out", "trace_id": TRACE, "span_id": "12" * 8}],
    "rpc_traces": [{"method": "Absent", "trace_id": TRACE, "span_id": "34" * 8}],
    "rpc": [{"method": "Unary", "code": 5, "count": 2, "delay_seconds": 0.05},
            {"method": "Absent", "code": 12, "count": 1, "delay_seconds": 0}],
}
METRICS = """
http_server_duration_seconds_count{http_method="GET",http_route="/users/{id}",http_status_code="200"} 2
http_server_duration_seconds_sum{http_method="GET",http_route="/users/{id}",http_status_code="200"} 0.11
http_server_duration_seconds_count{http_method="POST",http_route="/out",http_status_code="502"} 1
http_server_duration_seconds_sum{http_method="POST",http_route="/out",http_status_code="502"} 0.001
http_server_duration_seconds_count{http_method="GET",http_status_code="404"} 1
http_client_duration_seconds_count{http_method="GET",http_status_code="599"} 1
rpc_server_duration_seconds_count{rpc_grpc_status_code="5",rpc_method="/targets.Calls/Unary",rpc_system="grpc"} 2
rpc_server_duration_seconds_sum{rpc_grpc_status_code="5",rpc_method="/targets.Calls/Unary",rpc_system="grpc"} 0.055
rpc_server_duration_seconds_count{rpc_grpc_status_code="12",rpc_method="_OTHER",rpc_system="grpc"} 1
beyla_events_lost_total{kind="data"} 0
"""


def http_line(kind: str, method: str, path: str, span: str, **others: object) -> dict:
    known = {"route": "http.route", "status": "http.response.status_code", "parent": "parent_span_id",
             "size": "http.request.body.size", "port": "server.port", "address": "server.address"}
    line = {"kind": kind, "http.request.method": method, "url.path": path, "span_id": span, "trace_id": OTHER_TRACE,
            "duration_ns": 60_000_000, "handler_ns": 1_000_000}
    return line | {known.get(name, name): value for name, value in others.items()}


def good_lines() -> list[dict]:
    call = {"kind": "SERVER", "trace_id": OTHER_TRACE, "rpc.system": "grpc", "rpc.method": "/targets.Calls/Unary", "rpc.grpc.status_code": 5}
    return [
        http_line("SERVER", "GET", "/users/6", "a1", route="/users/{id}", status=200, handler_ns=50_100_000),
        http_line("SERVER", "GET", "/users/6", "a2", route="/users/{id}", status=200, handler_ns=50_200_000, size=0),
        http_line("SERVER", "POST", "/out", "a3", route="/out", status=502, trace_id=TRACE, parent="12" * 8, size=6),
        http_line("SERVER", "GET", "/missing", "a4", status=404),
        http_line("CLIENT", "GET", "", "a5", trace_id=TRACE, parent="a3", address="127.0.0.1", port=80),
        call | {"span_id": "a6"}, call | {"span_id": "a7"},
        call | {"span_id": "a8", "rpc.method": "_OTHER", "rpc.method_original": "/targets.Calls/Absent", "rpc.grpc.status_code": 12,
                "trace_id": TRACE, "parent_span_id": "34" * 8},
    ]


class JudgeTest(unittest.TestCase):
    def setUp(self) -> None:
        self.truth = GoTruth()
        self.truth.add(copy.deepcopy(ACCOUNT))

    def wrong(self, text: str, lines: list[dict]) -> list[str]:
        metrics = Metrics(text)
        return (wrong_metrics(metrics, self.truth) + wrong_losses(metrics) + wrong_lines(lines, self.truth)
                + wrong_traces(lines, self.truth))

    def test_finds_nothing_when_all_is_right(self) -> None:
        self.assertEqual(self.wrong(METRICS, good_lines()), [])
        self.assertEqual(self.truth.sent, 8)

    def test_finds_each_wrong_metric(self) -> None:
        for right, false in (
            ('"200"} 2', '"200"} 3'), ('http_route="/out",', ""), ('{id}', "6"), ('"404"} 1', '"404"} 0'),
            ('"200"} 0.11', '"200"} 0.04'), ('"200"} 0.11', '"200"} 1.1'), ('"599"', '"200"'), ('code="5"', 'code="2"'),
            ('"grpc"} 0.055', '"grpc"} 0.01'), ('Calls/Unary",rpc_system="grpc"} 2', 'Calls/Other",rpc_system="grpc"} 2'),
            ('"data"} 0', '"data"} 1'), ('rpc_method="_OTHER"', 'rpc_method="/targets.Calls/Absent"'),
        ):
            with self.subTest(false):
                self.assertIn(right, METRICS)
                self.assertNotEqual(self.wrong(METRICS.replace(right, false), good_lines()), [])

    def test_finds_each_wrong_line(self) -> None:
        for index, change in (
            (0, {"url.path": "/users/7"}), (0, {"http.route": "/users/6"}), (0, {"http.response.status_code": 201}),
            (0, {"handler_ns": 40_000_000}), (0, {"handler_ns": 90_000_000}), (1, {"http.request.body.size": 6}),
            (2, {"parent_span_id": "a1"}), (2, {"trace_id": OTHER_TRACE}), (0, {"span_id": "a2"}), (0, {"span_id": ""}),
            (3, {"http.route": "/missing"}), (3, {"handler_ns": 55_000_000}), (4, {"parent_span_id": "a1"}),
            (4, {"parent_span_id": ""}), (4, {"trace_id": OTHER_TRACE}), (4, {"server.port": 81}),
            (4, {"http.response.status_code": 200}), (4, {"kind": "INTERNAL"}), (5, {"rpc.grpc.status_code": 2}),
            (5, {"rpc.method": "Unary"}), (5, {"kind": "CLIENT"}),
            (7, {"trace_id": OTHER_TRACE}), (7, {"parent_span_id": ""}), (7, {"rpc.method": "/targets.Calls/Absent"}), (7, {"rpc.method_original": "/targets.Calls/Unary"}),
        ):
            with self.subTest(f"{index}: {change}"):
                lines = good_lines()
                lines[index] |= change
                self.assertNotEqual(self.wrong(METRICS, lines), [])

    def test_finds_missing_and_doubled_lines(self) -> None:
        for index in range(len(good_lines())):
            with self.subTest(index):
                lines = good_lines()
                self.assertNotEqual(self.wrong(METRICS, lines[:index] + lines[index + 1:]), [])
                self.assertNotEqual(self.wrong(METRICS, [*lines, lines[index] | {"span_id": "b1"}]), [])


class CellsTest(unittest.TestCase):
    def test_has_every_pair_that_can_be(self) -> None:
        cells = all_cells()
        self.assertEqual(missing_pairs(cells), set())
        self.assertLessEqual(len(cells), 60)
        self.assertEqual(len(cells), len(set(cells)))

    def test_finds_a_pair_that_is_missing(self) -> None:
        without = [cell for cell in all_cells() if (cell.go, cell.mode) != ("1.21", "pie")]
        self.assertIn(("1.21", "pie"), missing_pairs(without))

    def test_the_slice_has_old_and_new(self) -> None:
        self.assertTrue({"1.17", list(RELEASES)[-1]} <= {cell.go for cell in SLICE})
        self.assertEqual({cell.framework for cell in SLICE}, {"nethttp", "mux", "gin", "grpc", "h2c", "tls"})
        self.assertTrue(all(isinstance(cell, Cell) for cell in SLICE))


if __name__ == "__main__":
    unittest.main(verbosity=2)
