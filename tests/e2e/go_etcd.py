"""etcd: gRPC and HTTP on one port. Without TLS a multiplexer gives gRPC its own HTTP/2 server, with TLS gRPC is served
through net/http's (grpc.Server.ServeHTTP)."""
from __future__ import annotations

import subprocess
from collections import Counter

from curl_client import Ask, Curl, Sent
from go_programs import MANY, Account, GoProgram, Rpcs
from grpc_calls import CODES, many_calls
from harness import end_process, free_port, required_program, wait_until
from observed import Metrics

STEP_SECONDS = 10
KV = "/etcdserverpb.KV"
WATCH = "/etcdserverpb.Watch/Watch"
RANGE_OF_A = b"\x0a\x01a"  # RangeRequest{key: "a"}
# One process of etcdctl each; some fail by intent.
STEPS = (
    ("put", "a", "one"), ("put", "b", "two"), ("get", "a"), ("get", "", "--prefix"), ("del", "b"),
    ("put", "", "no key"),  # InvalidArgument
    ("lease", "revoke", "1234"),  # NotFound
    ("lease", "grant", "100"), ("lease", "list"), ("compact", "2"), ("compact", "2"),  # the second: OutOfRange
    ("member", "list"), ("user", "add", "root:root"), ("user", "add", "root:root"),  # FailedPrecondition
)
# Such calls do not reach the interceptor in which etcd counts.
UNKNOWN_CALLS = 10
UNKNOWN = (f"{KV}/Nothing", "/no.such.Service/Nothing")


class Etcd(GoProgram):
    name = "etcd"
    executable = "etcd"
    asks = (
        Ask("GET", "/version", MANY), Ask("GET", "/health", 5), Ask("GET", "/none", 6), Ask("POST", "/version", 3),
    )

    def prepare(self) -> None:
        super().prepare()
        self._peer_port = free_port()

    def arguments(self) -> list[str]:
        scheme = "https" if self.tls else "http"
        client, peer = f"{scheme}://127.0.0.1:{self.port}", f"http://127.0.0.1:{self._peer_port}"
        tls = ["--cert-file", str(self.certificate), "--key-file", str(self.key)] if self.tls else []
        return [
            "--data-dir", str(self.folder / "data"), "--listen-client-urls", client, "--advertise-client-urls", client,
            "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", f"default={peer}",
            *tls,
        ]

    def drive(self, curl: Curl) -> None:
        super().drive(curl)
        for step in STEPS:
            self._etcdctl(*step)
        many_calls(self.port, self.ways[0].scheme, f"{KV}/Range", RANGE_OF_A, MANY * 10)
        for method in UNKNOWN:
            many_calls(self.port, self.ways[0].scheme, method, b"", UNKNOWN_CALLS)
            self.unseen_rpcs["_OTHER", CODES["Unimplemented"]] += UNKNOWN_CALLS
        self._end_a_watch(curl)

    def _etcdctl_command(self, *words: str) -> list[str]:
        endpoint = f"{self.ways[0].scheme}://127.0.0.1:{self.port}"
        authority = ["--cacert", str(self.certificate)] if self.tls else []
        return [required_program("etcdctl"), "--endpoints", endpoint, *authority, *words]

    def _etcdctl(self, *words: str) -> None:
        environment = self._environment | {"ETCDCTL_API": "3"}
        subprocess.run(self._etcdctl_command(*words), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, timeout=STEP_SECONDS, env=environment)

    def _end_a_watch(self, curl: Curl) -> None:
        """A stream of both directions that its client leaves."""
        with subprocess.Popen(self._etcdctl_command("watch", "a"), stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                              env=self._environment | {"ETCDCTL_API": "3"}) as watch:
            try:
                self._wait_for_watch(curl, "grpc_server_msg_sent_total")
            finally:
                end_process(watch)
        self._wait_for_watch(curl, "grpc_server_handled_total")

    def _wait_for_watch(self, curl: Curl, counter: str) -> None:
        counted = lambda: self._metrics(curl).total(counter, grpc_method="Watch")  # noqa: E731
        wait_until(counted, STEP_SECONDS, f"{counter} of a watch")

    def _metrics(self, curl: Curl) -> Metrics:
        return Metrics(curl.fetch(self.ways[0], "/metrics"))

    def own_account(self, curl: Curl) -> Account:
        """Of its requests over HTTP etcd counts only those for its metrics, each when it has ended."""
        counted = self._metrics(curl).by("promhttp_metric_handler_requests_total", "code")
        return Counter({("/metrics", int(code)): int(count) for (code,), count in counted.items() if count})

    def told_alike(self, sent: Sent) -> Account:
        scrapes = sent["/metrics", "GET", 200] - 1  # the one that tells it has not ended
        return Counter({("/metrics", 200): scrapes} if scrapes else {})

    def rpcs_alike(self, rpcs: Rpcs) -> Rpcs:
        """A watch whose client has gone: one of some forty was Canceled for etcd's counter, and Unavailable where the
        agent read the status that gRPC gave to its transport. Who of them was right is not known."""
        codes = {CODES["Unavailable"]: CODES["Canceled"]}
        alike: Rpcs = Counter()
        for (method, code), count in rpcs.items():
            alike[method, codes.get(code, code) if method == WATCH else code] += count
        return alike

    def own_rpcs(self, curl: Curl) -> Rpcs:
        counted = self._metrics(curl).by("grpc_server_handled_total", "grpc_service", "grpc_method", "grpc_code")
        return self.unseen_rpcs + Counter({
            (f"/{service}/{method}", CODES[code]): int(count)
            for (service, method, code), count in counted.items() if count
        })
