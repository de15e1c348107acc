"""The records of gRPC-Go, of servers and clients, with shared and with embedded streams."""
import collections
import subprocess
import unittest

from watched import Watch

from go_builds import Cell, program_of
from go_targets import GoTarget, drive
from harness import end_process, main

CELLS = (Cell("1.21", "default", "grpc"), Cell("1.26", "stripped", "grpc"))
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
