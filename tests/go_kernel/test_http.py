"""The records of net/http servers and clients, each kind on real requests, with the oldest and newest Go."""
import http.client
import socket
import ssl
import struct
import subprocess
import unittest

from watched import Record, Watch

from go_builds import Cell
from go_targets import GoTarget, drive
from harness import free_port, main, required_program

OLDEST, NEWEST = Cell("1.17", "default", "nethttp"), Cell("1.26", "stripped", "nethttp")
PARSED_PATTERN = Cell("1.22", "default", "nethttp")  # its Request has the pattern only as `pat`
TLS, FAILED, IN_HTTP, MORE_PIECES, BARE_TARGET = 1, 2, 4, 8, 16


def get(target: GoTarget, *paths: str, secure: bool = False) -> list[tuple[int, bytes, int]]:
    """Status, body and own port of requests over one connection."""
    context = ssl._create_unverified_context()
    make = (lambda: http.client.HTTPSConnection("127.0.0.1", target.port, context=context, timeout=10)) if secure else (
        lambda: http.client.HTTPConnection("127.0.0.1", target.port, timeout=10))
    connection, answers = make(), []
    for path in paths:
        connection.request("GET", path)
        answer = connection.getresponse()
        answers.append((answer.status, answer.read(), connection.sock.getsockname()[1] if connection.sock else 0))
    connection.close()
    return answers


def without_read_ahead(records: list[Record]) -> list[Record]:
    """While a handler runs, net/http reads one byte on another goroutine: of a client that is quick, the next request's."""
    return [record for record in records if record.what != "received" or record["bytes"] != "1"]


def curl(*arguments: str) -> None:
    subprocess.run([required_program("curl"), "-sk", "-m", "5", "-o", "/dev/null", *arguments], check=False)


class Http1Test(unittest.TestCase):
    def test_begin_and_route_stand_between_what_came_and_what_went(self) -> None:
        for cell in (NEWEST, PARSED_PATTERN):
            with self.subTest(str(cell)), GoTarget(cell) as target:
                with Watch(target.process.pid, probes=[1]) as watch:
                    get(target, "/users/7", "/users/7/orders/a/b")
                    watch.wait_for("route", 2)
                records = without_read_ahead(watch.records)
                self.assertEqual([record.what for record in records],
                                 ["received", "http1_begin", "route", "sent"] * 2)
                self.assertEqual([record["target"] for record in watch.of("route")],
                                 ["/users/{id}", "/users/{id}/orders/{rest...}"])
                self.assertEqual(len({record["g"] for record in records}), 1)
                self.assertEqual(len({record["goid"] for record in watch.calls} - {"0"}), 1)
                self.assertEqual({record["connection"] for record in watch.of("route")},
                                 {record["connection"] for record in watch.of("sent")})
                first, second = watch.of("http1_begin")
                self.assertNotEqual(first["context"], "0")
                self.assertNotEqual(first["context"], second["context"])
                self.assertEqual(first["flags"], "0")

    def test_without_traces_the_route_tells_when_the_handler_began(self) -> None:
        with GoTarget(NEWEST) as target, Watch(target.process.pid, mode="metrics") as watch:
            get(target, "/users/7", "/nowhere", "/users/8")
            curl(target.url() + "/panic")
            watch.wait_for("panic")
        records = without_read_ahead(watch.records)
        self.assertEqual([record.what for record in records if record.what != "received"],
                         ["route", "sent", "sent", "route", "sent", "route", "panic"])
        one, two, panicked = (int(record["owner"], 16) for record in watch.of("route"))
        self.assertTrue(0 < one < two < panicked)
        self.assertEqual(int(watch.of("panic")[0]["owner"], 16), panicked)

    def test_a_panic_of_what_nobody_saw_begin_says_how(self) -> None:
        for cell in (OLDEST, NEWEST):
            with self.subTest(str(cell)), GoTarget(cell) as target:
                with Watch(target.process.pid, probes=[22], mode="metrics") as watch:
                    curl(target.url() + "/panic")
                    curl(target.url() + "/panic?abort")
                    watch.wait_for("panic", 2)
                self.assertEqual([record.number("flags") for record in watch.of("panic")], [0, FAILED])
                self.assertEqual([record["g"] for record in watch.of("panic")],
                                 [record["g"] for record in without_read_ahead(watch.of("received"))])

    def test_before_go_1_22_there_is_no_route(self) -> None:
        with GoTarget(OLDEST) as target, Watch(target.process.pid) as watch:
            get(target, "/users/7")
            watch.wait_for("http1_begin")
        self.assertEqual([record.what for record in watch.records], ["received", "http1_begin", "sent"])

    def test_panic_and_hijack(self) -> None:
        for cell in (OLDEST, NEWEST):
            with self.subTest(str(cell)), GoTarget(cell) as target, Watch(target.process.pid) as watch:
                curl(target.url() + "/panic")
                curl("-m", "1", target.url() + "/hijack")
                curl(target.url() + "/panic?abort")
                watch.wait_for("hijack")
                watch.wait_for("panic", 2)
            begins = watch.of("http1_begin")
            [panic, abort], [hijack] = watch.of("panic"), watch.of("hijack")
            self.assertEqual((panic.number("flags"), abort.number("flags")), (0, FAILED))
            self.assertEqual(panic["goid"], begins[0]["goid"])
            self.assertEqual(hijack["call"], begins[1]["call"])

    def test_a_route_is_reported_once_under_load(self) -> None:
        for framework in ("nethttp", "gin"):
            with self.subTest(framework), GoTarget(Cell("1.26", "default", framework)) as target:
                with Watch(target.process.pid, probes=[1, 18, 25]) as watch:
                    truth = drive("http", "-url", target.url(), "-routes", target.spelling, "-passes", 20,
                                  "-connections", 16, "-out=false", "-broken=false")
                routed = sum(row["count"] for row in truth["server"] if row.get("route"))
                requests = sum(row["count"] for row in truth["server"])
                begun, routes = len(watch.of("http1_begin")), len(watch.of("route"))
                self.assertEqual(begun, requests)
                self.assertLessEqual(routes, routed)
                # Gin's contexts are pooled: one that another request has taken over in time says nothing.
                self.assertGreaterEqual(routes, routed if framework == "nethttp" else routed * 99 // 100)
                # In the framework's spelling: user space takes method and host off.
                self.assertEqual({record["target"].split(" ")[-1].removeprefix("hosted.test")
                                  for record in watch.of("route")},
                                 {row["route"] for row in truth["server"] if row.get("route")})
                self.assertEqual(watch.books["generated"], watch.books["read"] + watch.books["lost"])

    def test_behind_tls_the_end_says_all(self) -> None:
        with GoTarget(Cell("1.26", "stripped", "tls")) as target, Watch(target.process.pid) as watch:
            [(_, body, port), _] = get(target, "/users/7?status=404&size=50", "/nowhere", secure=True)
            watch.wait_for("http1_end", 2)
        begin, end = watch.of("http1_begin")[0], watch.of("http1_end")[0]
        self.assertEqual((begin["call"], begin["g"]), (end["call"], end["g"]))
        self.assertEqual((begin.number("flags"), end.number("flags")), (TLS, TLS))
        self.assertEqual((end["method"], end["target"], end["status"]), ("GET", "/users/7?status=404&size=50", "404"))
        self.assertEqual((end["name"], end.number("out")), (f"127.0.0.1:{port}", len(body)))
        self.assertEqual([record["target"] for record in watch.of("route")], ["/users/{id}"])


    def test_tls_below_a_wrapper_is_told_at_the_end_and_known_from_then_on(self) -> None:
        """net/http knows of no TLS where the connection is of another type (cmux, PROXY protocol)."""
        with GoTarget(Cell("1.26", "default", "nethttp"), "-tls", "-wrap") as target:
            with Watch(target.process.pid) as watch:
                get(target, "/users/7?status=404&delay=20ms", "/users/8", secure=True)
                watch.wait_for("http1_end", 2)
        told = [record for record in watch.calls if record.what in ("http1_begin", "http1_end")]
        self.assertEqual([(record.what, record.number("flags")) for record in told],
                         [("http1_begin", 0), ("http1_begin", TLS), ("http1_end", TLS), ("http1_begin", TLS), ("http1_end", TLS)])
        first, again, end = told[:3]
        self.assertEqual((first["call"], first["context"]), (again["call"], again["context"]))
        self.assertEqual((end["call"], end["status"], end["target"]), (first["call"], "404", "/users/7?status=404&delay=20ms"))
        self.assertEqual(watch.of("route")[-1]["target"], "/users/{id}")

    def test_deadlines_that_others_set_are_no_ends(self) -> None:
        """The end under TLS is a call of SetWriteDeadline, which handlers and net/http's timeouts make, too."""
        with GoTarget(Cell("1.26", "stripped", "tls"), "-deadlines") as target:
            with Watch(target.process.pid) as watch:
                answers = get(target, "/users/7?status=404&size=50000", "/users/8?status=201", secure=True)
                watch.wait_for("http1_end", 2)
        told = [(record.what, record["call"]) for record in watch.calls if record.what.startswith("http1")]
        [(_, one), (_, two)] = [(what, call) for what, call in told if what == "http1_begin"]
        self.assertEqual(told, [("http1_begin", one), ("http1_end", one), ("http1_begin", two), ("http1_end", two)])
        self.assertEqual([(end.number("status"), end.number("out")) for end in watch.of("http1_end")],
                         [(status, len(body)) for status, body, _ in answers])

    def test_a_client_that_resets_its_connection_ends_a_request_once(self) -> None:
        with GoTarget(Cell("1.26", "stripped", "tls"), "-deadlines") as target:
            with Watch(target.process.pid) as watch:
                plain = socket.create_connection(("127.0.0.1", target.port), timeout=10)
                plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                secure = ssl._create_unverified_context().wrap_socket(plain)
                secure.sendall(b"GET /users/7?delay=200ms HTTP/1.1\r\nHost: a\r\n\r\n")
                watch.wait_for("http1_begin")
                secure.close()
                watch.wait_for("http1_end")
                get(target, "/users/8", secure=True)
                watch.wait_for("http1_end", 2)
        self.assertEqual([record["call"] for record in watch.of("http1_begin")],
                         [record["call"] for record in watch.of("http1_end")])

    def test_a_wrapper_without_tls_changes_nothing(self) -> None:
        with GoTarget(Cell("1.26", "default", "nethttp"), "-wrap") as target, Watch(target.process.pid) as watch:
            get(target, "/users/7", "/users/8")
            watch.wait_for("route", 2)
        self.assertEqual([record.what for record in without_read_ahead(watch.records)],
                         ["received", "http1_begin", "route", "sent"] * 2)


class Http2Test(unittest.TestCase):
    def check(self, cell: Cell, scheme: str, *options: str) -> None:
        with self.subTest(str(cell)), GoTarget(cell) as target, Watch(target.process.pid) as watch:
            url = f"{scheme}://127.0.0.1:{target.port}"
            curl(*options, "-d", "hello", f"{url}/users/7?status=503&size=2000")
            curl(*options, f"{url}/panic")
            curl(*options, f"{url}/silent")
            watch.wait_for("http2_end", 2)
            watch.wait_for("http2_panic")
        begins, ends = watch.of("http2_begin"), watch.of("http2_end")
        self.assertEqual([len(begins), len(ends)], [3, 2])
        self.assertEqual([record["status"] for record in begins], ["1", "1", "1"])  # the first stream of each
        self.assertEqual([record["call"] for record in ends], [begins[0]["call"], begins[2]["call"]])
        [panic] = watch.of("http2_panic")
        self.assertEqual((panic["owner"], panic["status"]), (begins[1]["owner"], begins[1]["status"]))
        answered, silent = ends
        self.assertEqual((answered["method"], answered["target"], answered["status"]),
                         ("POST", "/users/7?status=503&size=2000", "503"))
        self.assertEqual((answered["in"], answered["out"]), ("5", "2000"))
        self.assertRegex(answered["name"], r"^127\.0\.0\.1:\d+$")
        self.assertEqual((silent["status"], silent["out"]), ("0", "0"))
        self.assertEqual([record["target"] for record in watch.of("route") if record["call"] == answered["call"]],
                         ["/users/{id}"])

    def test_bundled(self) -> None:
        self.check(Cell("1.26", "stripped", "tls"), "https", "--http2")

    def test_of_x_net(self) -> None:
        self.check(Cell("1.26", "default", "h2c"), "http", "--http2-prior-knowledge")


class ClientTest(unittest.TestCase):
    def parent_of(self, watch: Watch, begin: Record) -> Record | None:
        ancestors = begin["ancestors"].split(",")
        return next((server for server in watch.of("http1_begin") if server["context"] in ancestors), None)

    def test_calls_know_what_they_serve_and_where_they_go(self) -> None:
        for cell in (OLDEST, NEWEST):
            for how in ("direct", "go", "group", "pool"):
                with self.subTest(f"{cell} {how}"), GoTarget(cell) as target, GoTarget(NEWEST) as backend:
                    with Watch(target.process.pid) as watch:
                        get(target, f"/out?how={how}&url={backend.url()}/users/3?status=404")
                        watch.wait_for("client_end")
                    [begin], [link], [end] = (watch.of(f"client_{what}") for what in ("begin", "link", "end"))
                    self.assertEqual((begin["method"], begin["name"], begin["target"], begin["flags"]),
                                     ("GET", f"127.0.0.1:{backend.port}", "/users/3", "0"))
                    self.assertEqual((begin["g"], begin["call"]), (link["g"], link["call"]))
                    self.assertEqual((end["g"], end["status"], end["flags"]), (begin["g"], "404", "0"))
                    sent = next(record for record in watch.of("sent") if record.text.startswith("GET /users/3"))
                    self.assertEqual(link["connection"], sent["connection"])
                    server = self.parent_of(watch, begin)
                    if how != "go":  # there it has no context
                        self.assertIsNotNone(server)
                    elif cell == NEWEST:
                        self.assertEqual(begin["parent"], watch.of("http1_begin")[0]["goid"])

    def test_a_refused_one_fails(self) -> None:
        with GoTarget(NEWEST) as target, Watch(target.process.pid) as watch:
            get(target, f"/out?how=direct&url=http://127.0.0.1:{free_port()}/hello")
            watch.wait_for("client_end")
        [end] = watch.of("client_end")
        self.assertEqual((end.number("flags"), end["status"], watch.of("client_link")), (FAILED, "0", []))

    def test_behind_tls(self) -> None:
        with GoTarget(NEWEST) as target, GoTarget(Cell("1.26", "stripped", "tls")) as backend:
            with Watch(target.process.pid) as watch:
                get(target, f"/out?how=direct&url={backend.url(secure=True)}/hello")
                watch.wait_for("client_end")
        [begin], [end] = watch.of("client_begin"), watch.of("client_end")
        self.assertEqual((begin.number("flags"), end["status"]), (TLS, "200"))


class FrameworkTest(unittest.TestCase):
    def routes(self, cell: Cell, *paths: str) -> list[Record]:
        with GoTarget(cell) as target, Watch(target.process.pid) as watch:
            get(target, *paths)
            watch.wait_for("http1_begin", len(paths))
        return watch.of("route")

    def test_gin(self) -> None:
        routes = self.routes(Cell("1.26", "default", "gin"), "/users/7/orders/a", "/nowhere", "/api/v1/items/3")
        self.assertEqual([route["target"] for route in routes], ["/users/:id/orders/*rest", "/api/v1/items/:item"])

    def test_gorilla_tells_the_whole_template_first(self) -> None:
        for cell in (Cell("1.17", "default", "mux"), Cell("1.26", "stripped", "mux")):
            with self.subTest(str(cell)):
                routes = self.routes(cell, "/api/v1/items/3", "/nowhere")
                self.assertEqual([route["target"] for route in routes],
                                 ["/api/v1/items/{item:[0-9]+}", "/api/v1", "/api"])
                self.assertEqual({route.number("flags") for route in routes}, {MORE_PIECES | BARE_TARGET})


if __name__ == "__main__":
    main()
