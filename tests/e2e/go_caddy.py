"""Caddy as Debian ships it: a web server with its own routing, and a client of another server, its reverse proxy."""
from __future__ import annotations

import json
import signal
from collections import Counter

from curl_client import Ask, Curl, Sent, by_method_and_status
from go_programs import MANY, Account, GoProgram
from targets import GoServer

CADDYFILE = """
{{
	admin off
	auto_https off
}}
{scheme}://:{port} {{
	bind 127.0.0.1
	{tls}
	log {{
		output file {folder}/access.log
	}}
	handle /hello {{
		respond "hello" 200
	}}
	handle /files/* {{
		root * {folder}
		file_server
	}}
	handle /proxied/* {{
		reverse_proxy 127.0.0.1:{upstream}
	}}
	handle {{
		respond "nothing" 404
	}}
}}
"""


class Caddy(GoProgram):
    """Writes an access log in JSON."""

    name = "caddy"
    executable = "caddy"
    asks = (
        Ask("GET", "/hello", MANY),
        Ask("GET", "/files/files/some.txt", MANY // 2),
        Ask("GET", "/files/none.txt", 5),  # 404
        Ask("PUT", "/anything", 6, "abcdef"),  # 404
        Ask("GET", "/proxied/items", MANY // 2),
        Ask("POST", "/proxied/post", MANY // 2, "abcdef"),
        Ask("GET", "/proxied/none?status=404", 8),
        Ask("GET", "/proxied/broken?status=500", 8),
    )

    def start(self, wait: bool = True) -> None:
        self._upstream = GoServer()
        self._upstream.start()
        super().start(wait)

    def stop(self, signal_number: int = signal.SIGTERM) -> None:
        super().stop(signal_number)
        self._upstream.stop()

    def prepare(self) -> None:
        super().prepare()
        (self.folder / "files").mkdir()
        (self.folder / "files" / "some.txt").write_text("text\n" * 1000)
        (self.folder / "Caddyfile").write_text(CADDYFILE.format(
            scheme="https" if self.tls else "http", port=self.port, folder=self.folder, upstream=self._upstream.port,
            tls=f"tls {self.certificate} {self.key}" if self.tls else "",
        ))
        self._environment |= dict.fromkeys(("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"), str(self.folder))

    def arguments(self) -> list[str]:
        return ["run", "--adapter", "caddyfile", "--config", str(self.folder / "Caddyfile")]

    def own_account(self, curl: Curl) -> Account:
        entries = [json.loads(line) for line in (self.folder / "access.log").read_text().splitlines()]
        return Counter((entry["request"]["method"], entry["status"]) for entry in entries)

    def passed_on(self, sent: Sent) -> Counter[tuple[str, int]]:
        return by_method_and_status(Counter({
            key: count for key, count in sent.items() if key[0].startswith("/proxied/")
        }))
