"""An OpenTelemetry Collector that sends what it gets to another: a Go client of gRPC and of HTTP."""
from __future__ import annotations

import signal
from collections import Counter

from curl_client import Ask, Curl, Sent
from go_modern import METRICS, TRACES, Collector
from go_programs import MANY, Rpcs
from grpc_calls import many_calls


def field(number: int, content: bytes) -> bytes:
    """A length-delimited field of a protocol buffer, short enough for one byte of length."""
    return bytes([number << 3 | 2, len(content)]) + content


# One span; nothing is passed on of a message without any. opentelemetry/proto/{collector/,}trace/v1.
SPAN = field(1, b"t" * 16) + field(2, b"s" * 8) + field(5, b"name")
ONE_SPAN = field(1, field(2, field(2, SPAN)))
# One point of a gauge: opentelemetry/proto/{collector/,}metrics/v1. Its value is the double that eight zeros are.
POINT = b"\x21" + bytes(8)
ONE_POINT = field(1, field(2, field(2, field(1, b"gauge") + field(5, field(1, POINT)))))


class Relay(Collector):
    """Traces go on by gRPC, metrics by HTTP, one call for each that came in."""

    name = "otelcol relay"
    asks = (
        Ask("POST", "/v1/traces", MANY, ONE_SPAN, ("content-type: application/x-protobuf",)),
        Ask("POST", "/v1/metrics", MANY, ONE_POINT, ("content-type: application/x-protobuf",)),
    )

    def start(self, wait: bool = True) -> None:
        self._receiver = Collector()
        self._receiver.start()
        super().start(wait)

    def stop(self, signal_number: int = signal.SIGTERM) -> None:
        super().stop(signal_number)
        self._receiver.stop()

    def exporters(self) -> dict[str, tuple[str, dict]]:
        at_once = {"sending_queue": {"enabled": False}, "retry_on_failure": {"enabled": False}}
        grpc = {"endpoint": f"127.0.0.1:{self._receiver.grpc_port}", "tls": {"insecure": True}}
        http = {"endpoint": f"http://127.0.0.1:{self._receiver.port}"}
        return {"traces": ("otlp", grpc | at_once), "metrics": ("otlphttp", http | at_once)}

    def drive(self, curl: Curl) -> None:
        for way in self.ways:
            for ask in self.asks:
                curl.ask(way, ask)
        many_calls(self.grpc_port, "http", TRACES, ONE_SPAN, MANY)
        many_calls(self.grpc_port, "http", METRICS, ONE_POINT, MANY)

    def passed_on(self, sent: Sent) -> Counter[tuple[str, int]]:
        return Counter({("POST", 200): sent["/v1/metrics", "POST", 200] + MANY})

    def passed_on_rpcs(self, curl: Curl) -> Rpcs:
        return self.rpcs_of_role(curl, "client")
