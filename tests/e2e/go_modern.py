"""Go programs that nobody here wrote, built from their modules with today's Go: see tests/matrix/go_modules.py."""
from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Sequence

import go_modules
from curl_client import HTTP1, Ask, Curl, Sent, by_method_and_status
from go_etcd import Etcd
from go_programs import MANY, Account, GoProgram, Prometheus, Rpcs
from grpc_calls import many_calls
from harness import free_port
from observed import Metrics


class ModernEtcd(Etcd):
    name = "etcd 3.6"

    def program(self) -> Path:
        return go_modules.etcd()


class ModernPrometheus(Prometheus):
    name = "prometheus 3"

    def program(self) -> Path:
        return go_modules.prometheus()


class Nats(GoProgram):
    """Serves its monitoring over HTTP; counts requests by path."""

    name = "nats-server"
    asks = (
        Ask("GET", "/varz", MANY), Ask("GET", "/connz", MANY), Ask("POST", "/healthz", 5, "x"),
        Ask("HEAD", "/subsz", 4), Ask("GET", "/nothing", 9),  # 404, which it does not count
    )
    counted_paths = ("/varz", "/connz", "/healthz", "/subsz")

    def program(self) -> Path:
        return go_modules.nats_server()

    def arguments(self) -> list[str]:
        return ["-a", "127.0.0.1", "-p", str(free_port()), "-m", str(self.port)]

    def own_account(self, curl: Curl) -> Account:
        counted = json.loads(curl.fetch(HTTP1, "/varz"))["http_req_stats"]
        return Counter({(path,): count for path, count in counted.items() if path in self.counted_paths})

    def told_alike(self, sent: Sent) -> Account:
        account: Account = Counter()
        for (path, _, _), count in sent.items():
            if path in self.counted_paths:
                account[path,] += count
        return account


CREDENTIALS = "minioadmin"
UNSIGNED = ("x-amz-content-sha256: UNSIGNED-PAYLOAD",)


def signed(method: str, target: str, count: int = 1, body: str = "") -> Ask:
    options = ("--aws-sigv4", "aws:amz:us-east-1:s3", "--user", f"{CREDENTIALS}:{CREDENTIALS}")
    return Ask(method, target, count, body, UNSIGNED, options)


class Minio(GoProgram):
    """An S3 server; counts by operation, and those that failed by class of status."""

    name = "minio"
    # Operation, request, whether it fails.
    operations: Sequence[tuple[str, Ask, bool]] = (
        ("PutBucket", signed("PUT", "/bucket"), False),
        ("PutObject", signed("PUT", "/bucket/object", MANY // 2, "abcdef" * 100), False),
        ("GetObject", signed("GET", "/bucket/object", MANY), False),
        ("HeadObject", signed("HEAD", "/bucket/object", 5), False),
        ("HeadObject", signed("HEAD", "/bucket/none", 3), True),
        ("GetObject", Ask("GET", "/bucket/object", MANY // 2), True),  # 403: nobody asks
        ("DeleteObject", signed("DELETE", "/bucket/object", 2), False),
        ("ListBuckets", Ask("GET", "/", 4), True),
    )
    asks = tuple(ask for _, ask, _ in operations)

    def program(self) -> Path:
        return go_modules.minio()

    def prepare(self) -> None:
        super().prepare()
        self._environment |= {
            "MINIO_ROOT_USER": CREDENTIALS, "MINIO_ROOT_PASSWORD": CREDENTIALS, "MINIO_PROMETHEUS_AUTH_TYPE": "public",
            "MINIO_UPDATE": "off", "MINIO_BROWSER": "off", "HOME": str(self.folder),
        }

    def arguments(self) -> list[str]:
        return ["server", "--quiet", "--address", f"127.0.0.1:{self.port}", str(self.folder / "data")]

    def own_account(self, curl: Curl) -> Account:
        metrics = Metrics(curl.fetch(HTTP1, "/minio/metrics/v3/api/requests"))
        account: Account = Counter()
        for label, name in (("all", "minio_api_requests_total"), ("failed", "minio_api_requests_4xx_errors_total")):
            for (operation,), count in metrics.by(name, "name").items():
                account[label, operation] += int(count)
        return account

    def told_alike(self, sent: Sent) -> Account:
        account: Account = Counter()
        for operation, ask, fails in self.operations:
            account["all", operation] += ask.count
            if fails:
                account["failed", operation] += ask.count
        return account


SEMANTIC_CODES = {"OK": 0, "INTERNAL": 13}  # as the semantic conventions spell those that are driven here
EXPORT = "/opentelemetry.proto.collector.{signal}.v1.{service}/Export"
TRACES = EXPORT.format(signal="trace", service="TraceService")
METRICS = EXPORT.format(signal="metrics", service="MetricsService")
LOGS = EXPORT.format(signal="logs", service="LogsService")  # no pipeline takes them: Unimplemented, not counted
UNIMPLEMENTED = 12


class Collector(GoProgram):
    """The OpenTelemetry Collector: HTTP on one port, gRPC on another, its own metrics on a third."""

    name = "otelcol"
    json_header = ("content-type: application/json",)
    asks = (
        Ask("POST", "/v1/traces", MANY, '{"resourceSpans":[]}', json_header),
        Ask("POST", "/v1/metrics", MANY, '{"resourceMetrics":[]}', json_header),
        Ask("POST", "/v1/traces", MANY // 2, '{"resource', json_header),  # 400
        Ask("POST", "/v1/traces", 6, "spans", ("content-type: text/plain",)),  # 415
        Ask("GET", "/v1/traces", 5),  # 405
        Ask("GET", "/nothing", 4),  # 404
    )

    def __init__(self, tls: bool = False) -> None:
        super().__init__(tls)
        self.grpc_port, self.metrics_port = free_port(), free_port()

    def program(self) -> Path:
        return go_modules.collector()

    def prepare(self) -> None:
        super().prepare()
        tls = {"tls": {"cert_file": str(self.certificate), "key_file": str(self.key)}} if self.tls else {}
        protocols = {
            "grpc": {"endpoint": f"127.0.0.1:{self.grpc_port}"} | tls,
            "http": {"endpoint": f"127.0.0.1:{self.port}"} | tls,
        }
        reader = {"pull": {"exporter": {"prometheus": {"host": "127.0.0.1", "port": self.metrics_port}}}}
        settings = {
            "receivers": {"otlp": {"protocols": protocols}},
            "exporters": {name: options for name, options in self.exporters().values()},
            "service": {
                "telemetry": {"logs": {"level": "error"}, "metrics": {"level": "detailed", "readers": [reader]}},
                "pipelines": {
                    signal: {"receivers": ["otlp"], "exporters": [name]}
                    for signal, (name, _) in self.exporters().items()
                },
            },
        }
        (self.folder / "collector.yaml").write_text(json.dumps(settings))

    def exporters(self) -> dict[str, tuple[str, dict]]:
        """Name and options of what takes each signal."""
        return {"traces": ("debug", {}), "metrics": ("debug", {})}

    def arguments(self) -> list[str]:
        return ["--config", f"file:{self.folder}/collector.yaml"]

    def drive(self, curl: Curl) -> None:
        super().drive(curl)
        scheme = self.ways[0].scheme
        many_calls(self.grpc_port, scheme, TRACES, b"", MANY * 10)
        many_calls(self.grpc_port, scheme, METRICS, b"", MANY)
        many_calls(self.grpc_port, scheme, TRACES, b"\xff\xff", MANY // 2)  # no protocol buffer: Internal
        many_calls(self.grpc_port, scheme, LOGS, b"", MANY // 4)
        self.unseen_rpcs["_OTHER", UNIMPLEMENTED] += MANY // 4

    def _metrics(self, curl: Curl) -> Metrics:
        own = Curl(self.metrics_port)
        metrics = Metrics(own.fetch(HTTP1, "/metrics"))
        curl.sent += own.sent
        return metrics

    def own_account(self, curl: Curl) -> Account:
        counted = self._metrics(curl).by(
            "http_server_request_duration_count", "http_request_method", "http_response_status_code"
        )
        return Counter({(method, int(status)): int(count) for (method, status), count in counted.items()})

    def told_alike(self, sent: Sent) -> Account:
        return Counter(by_method_and_status(Counter({
            key: count for key, count in sent.items() if key[0] != "/metrics"
        })))

    def own_rpcs(self, curl: Curl) -> Rpcs:
        return self.unseen_rpcs + self.rpcs_of_role(curl, "server")

    def rpcs_of_role(self, curl: Curl, role: str) -> Rpcs:
        counted = self._metrics(curl).by(f"rpc_{role}_call_duration_count", "rpc_method", "rpc_response_status_code")
        return Counter({(f"/{method}", SEMANTIC_CODES[code]): int(count) for (method, code), count in counted.items()})
