#!/usr/bin/env python3
"""Plaintext is that of the socket it is said to be of, whichever way a program uses OpenSSL: never that of
another one; and where every message can be told, each one is."""
from __future__ import annotations

import ctypes.util
import os
import subprocess
import sys
import tempfile
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(REPOSITORY / "tests" / folder) for folder in ("e2e", "matrix")]

from harness import FULL, wait_until  # noqa: E402

TOOLS = REPOSITORY / "build" / "dev" / "tests" / "tls_kernel"
RECORDS = os.environ.get("TLS_RECORDS", str(TOOLS / "tls_records"))
TRAFFIC = os.environ.get("TLS_TRAFFIC", str(TOOLS / "tls_traffic"))
ODD = os.environ.get("TLS_ODD", str(TOOLS / "tls_odd"))
WAIT_SECONDS = 600 if FULL else 120
CONNECTIONS = int(os.environ.get("TLS_CONNECTIONS", "12500" if FULL else "150"))
MESSAGES = int(os.environ.get("TLS_MESSAGES", "4"))
ODD_WAYS = ("threads", "longjmp", "nested", "peek")
ODD_CONNECTIONS, ODD_MESSAGES = 40, 20
PAIRS = 8  # of tls_traffic.cpp: as many connections are open at a time
MIDWAY_RECORDS = 5000  # that are waited for


def library_of(pid: int) -> str:
    for line in Path(f"/proc/{pid}/maps").read_text().split("\n"):
        if "/libssl.so" in line:
            return f"/proc/{pid}/root" + line.split(maxsplit=5)[5]
    raise AssertionError(f"{ctypes.util.find_library('ssl')} is not there")


def fields(text: str, what: str) -> dict[str, int]:
    line = next(line for line in text.split("\n") if line.startswith(what + " "))
    return {key: int(value) for key, value in (field.split("=") for field in line.split(" ")[1:])}


def run(how: str, version: int, connections: int = CONNECTIONS, messages: int = MESSAGES,
        midway: bool = False, probed: str = "named") -> tuple[int, dict[str, int], str]:
    """How many messages there were, what became of them, and all that was printed. midway: the probes come when
    the connections are there. probed: "inner" for the functions behind SSL_read and its like."""
    with tempfile.TemporaryFile(mode="w+") as said, tempfile.TemporaryFile(mode="w+") as sent:
        def text(file) -> str:
            return os.pread(file.fileno(), 1 << 26, 0).decode(errors="replace")

        program = [ODD, how] if how in ODD_WAYS else [TRAFFIC, how, str(version)]
        traffic = subprocess.Popen([*program, str(connections), str(messages)],
                                   stdin=subprocess.PIPE, stdout=sent)
        wait_until(lambda: "/libssl.so" in Path(f"/proc/{traffic.pid}/maps").read_text(), WAIT_SECONDS, "its library")
        if midway:
            traffic.stdin.write(b"\n")
            traffic.stdin.flush()
        quiet = [] if midway or os.environ.get("TLS_VERBOSE") else ["quiet"]
        records = subprocess.Popen([RECORDS, str(traffic.pid), library_of(traffic.pid), probed, *quiet],
                                   stdin=subprocess.PIPE, stdout=said)
        wait_until(lambda: "ready" in text(said) or records.poll() is not None, WAIT_SECONDS, "probes")
        assert records.poll() is None, text(said)
        if midway:
            wait_until(lambda: text(said).count("port=") > MIDWAY_RECORDS, WAIT_SECONDS, "plaintext")
            traffic.stdin.write(b"\n")
            traffic.stdin.flush()
        else:
            traffic.stdin.write(b"\n")
            traffic.stdin.flush()
        wait_until(lambda: "messages=" in text(sent) or traffic.poll() is not None, WAIT_SECONDS, "its end")
        traffic.stdin.close()
        assert traffic.wait(WAIT_SECONDS) == 0, "the traffic failed"
        records.stdin.close()
        assert records.wait(WAIT_SECONDS) == 0, text(said)
        out = text(said)
        return int(text(sent).strip().split("=")[1]), fields(out, "judged") | fields(out, "books"), out


def report(how: str, version: int, messages: int, became: dict[str, int], out: str) -> None:
    print(how, f"TLS 1.{version}", messages, became, flush=True)
    kinds = ("data", "open", "close", "fin", "cost") if os.environ.get("TLS_VERBOSE") else ("cost",)
    print("\n".join(line for line in out.split("\n") if line.startswith(kinds)), flush=True)
    assert became["wrong"] == 0, "plaintext of one connection was taken for that of another"
    assert became["without_open"] == became["wrong_opens"] == became["wrong_closes"] == became["open"] == 0
    assert became["lost"] == 0


def join_midway() -> None:
    """What is found out about connections that were there before is right, and something is."""
    for how in ("fd", "memory", "late"):
        messages, became, out = run(how, 3, PAIRS, 0, midway=True)
        report(f"midway {how}", 3, messages, became, out)


def use_it_oddly() -> None:
    for how in ODD_WAYS:
        messages, became, out = run(how, 3, ODD_CONNECTIONS, ODD_MESSAGES)
        report(how, 3, messages, became, out)
        # Of TLS inside of TLS the inner plaintext is seen: OpenSSL's BIO calls no function that has probes.
        assert became["right"] == 2 * messages, f"{became['right']} of {2 * messages}"
        assert became["unbound"] == became["misfit"] == 0


def main() -> None:
    if sys.argv[1:] == ["odd"]:
        use_it_oddly()
        return
    for how in sys.argv[1:] or ("fd", "memory", "eager", "late"):
        for version in (2, 3):
            # Both ways of probing it, and each with both ways to use it.
            probed = "inner" if (version == 3) == (how == "memory") else "named"
            messages, became, out = run(how, version, probed=probed)
            assert (out.count("inner") == 2) == (probed == "inner"), out
            report(f"{how} {probed}", version, messages, became, out)
            if how != "late":
                # Each message is sent by one side and received by the other.
                assert became["right"] == 2 * messages, f"{became['right']} of {2 * messages}"
                assert became["gaps"] == 0
    if not sys.argv[1:]:
        join_midway()
        use_it_oddly()


if __name__ == "__main__":
    main()
