"""The records of gRPC-Go, of servers and clients, with shared and with embedded streams."""
import collections
import subprocess
import unittest

from watched import Watch

from go_builds import Cell, program_of
from go_targets import GoTarget, drive
from grpc_calls import many_calls
from harness import end_process, main

CELLS = (Cell("1.21", "default", "grpc"), Cell("1.26", "stripped", "grpc"))
PARENT, CALLS = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", 10
IN_HTTP, NOT_FOUND, UNIMPLEMENTED = 4, 5, 12


class GrpcServerTest(unittest.TestCase):
    def test_methods_codes_and_clients(self) -> None:
        for cell in CELLS:
            with self.subTest(str(cell)), GoTarget(cell) as target:
                with Watch(target.process.pid) as watch:
                    truth = drive("grpc", "-address", f"127.0.0.1:{target.port}", "-passes", 5, "-connections", 3)
                expected = collections.Counter()
                for row in truth["rpc"]:
                    expected[("targets.Calls/" + row["method"], row["code"])] += row["count"]
                ends = {record["call"] + record["g"]: record for record in watch.of("grpc_end")}
                found, open_calls = collections.Counter(), {}
                for record in watch.calls:
                    if record.what == "grpc_begin":
                        open_calls[record["call"]] = record
                    elif record.what == "grpc_end" and record["call"] in open_calls:
                        begin = open_calls.pop(record["call"])
                        self.assertEqual(begin["owner"], record["owner"])
                        found[(begin["target"].lstrip("/"), record.number("status"))] += 1
                self.assertEqual(found, expected)
                self.assertFalse(open_calls)
                for end in ends.values():
                    self.assertRegex(end["remote"], r"^\[::ffff:127\.0\.0\.1\]:[1-9]\d*$")

    def test_through_net_http(self) -> None:
        for cell in CELLS:
            with self.subTest(str(cell)), GoTarget(cell, "-serve", "handler") as target:
                with Watch(target.process.pid) as watch:
                    drive("grpc", "-address", f"127.0.0.1:{target.port}", "-passes", 1, "-connections", 1)
                exchanges = {record["call"] for record in watch.of("http2_begin")}
                ends = watch.of("grpc_end")
                self.assertGreater(len(ends), 5)
                self.assertEqual({end.number("flags") for end in ends}, {IN_HTTP})
                self.assertLessEqual({end["context"] for end in ends}, exchanges)
                self.assertEqual(len(watch.of("http2_begin")), len(watch.of("grpc_begin")))


class TraceParentTest(unittest.TestCase):
    def sent(self, target: GoTarget, *headers: str) -> Watch:
        with Watch(target.process.pid) as watch:
            many_calls(target.port, "http", "/targets.Calls/Unary", b"", CALLS, headers)
        return watch

    def test_each_stream_has_its_own(self) -> None:
        """The frame is another argument since gRPC 1.60; net/http's and x/net's differ in the places of fields."""
        for cell in CELLS:
            for serve, begin in (("native", "grpc_begin"), ("handler", "http2_begin")):
                with self.subTest(f"{cell} {serve}"), GoTarget(cell, "-serve", serve) as target:
                    watch = self.sent(target, f"traceparent: {PARENT}")
                    announced = [(record["owner"], record["status"]) for record in watch.of("trace_parent")]
                    self.assertEqual(announced, list(dict.fromkeys(announced)))
                    self.assertEqual(set(announced), {(record["owner"], record["status"]) for record in watch.of(begin)})
                    self.assertEqual(len(announced), CALLS)
                    self.assertEqual({record["name"] for record in watch.of("trace_parent")}, {PARENT})
                    self.assertEqual([record["target"] for record in watch.of("trace_parent")], [""] * CALLS)

    def test_what_is_doubtful_is_not_reported(self) -> None:
        many = [f"x-{number}: 1" for number in range(140)]
        doubtful = ([], [f"traceparent: {PARENT}"] * 2, [f"traceparent: {PARENT}-"], [f"xtraceparen: {PARENT}"],
                    [*many, f"traceparent: {PARENT}"])
        with GoTarget(CELLS[1]) as target:
            for headers in doubtful:
                watch = self.sent(target, *headers)
                self.assertEqual((len(watch.of("grpc_begin")), watch.of("trace_parent")), (CALLS, []), headers)
            watch = self.sent(target, *many[:100], f"traceparent: {PARENT}")
            self.assertEqual(len(watch.of("trace_parent")), CALLS)


class GrpcClientTest(unittest.TestCase):
    def test_codes_of_calls(self) -> None:
        for cell in CELLS:
            with self.subTest(str(cell)), GoTarget(CELLS[1]) as server:
                calls = ["-call", f"127.0.0.1:{server.port}", "-passes", "1000000", "-connections", "1"]
                client = subprocess.Popen([program_of(cell), *calls], stdout=subprocess.DEVNULL)
                try:
                    with Watch(client.pid) as watch:
                        watch.wait_for("grpc_client_end", 200)
                finally:
                    end_process(client)
                codes = collections.defaultdict(set)
                open_calls = {}
                for record in watch.calls:
                    if record.what == "grpc_client_begin":
                        open_calls[record["call"]] = record
                        self.assertEqual(record["name"], f"127.0.0.1:{server.port}")
                    elif record.what == "grpc_client_end" and record["call"] in open_calls:
                        codes[open_calls.pop(record["call"])["target"]].add(record.number("status"))
                self.assertEqual(codes["/targets.Calls/Absent"], {UNIMPLEMENTED})
                self.assertLessEqual({0, NOT_FOUND}, codes["/targets.Calls/Unary"])
                self.assertEqual(set(codes), {f"/targets.Calls/{name}" for name in (
                    "Unary", "ServerStream", "ClientStream", "Bidirectional", "Absent")})


if __name__ == "__main__":
    main()
