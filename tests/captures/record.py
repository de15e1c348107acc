"""Records the captures of this folder anew, with the lines and metrics that they replay to. Needs root.

Usage: record.py [--expectations] [NAME...]; all captures unless named. With --expectations the recordings stay as they
are and only what is expected of them is written: for a change of the trace line or of a metric, after a look at the
difference. BEYLA_BINARY names the agent; build/release/beyla unless set.
"""
from __future__ import annotations

import argparse
from pathlib import Path

from replaying import CAPTURES, MAX_BYTES, Replayer, summary
from recording import CAPTURED, Capture, record, requests_part, same_lines
from traffic import SECRET_MARK

from harness import BEYLA_BINARY


def record_anew(capture: Capture, recording: Path, replayer: Replayer) -> None:
    """Replaces the recording only by one that holds what the live agent said."""
    fresh = replayer.folder / recording.name
    live = record(capture.server(), capture.conversations(), fresh)
    replayer.take(fresh)
    page = replayer.output(fresh, "--metrics")
    problems = {
        "the agent said something else than was sent": sorted(live.said(), key=str) != live.expected,
        "the replayed lines differ from the live ones": not same_lines(live.lines, replayer.output(fresh)),
        "the replayed metrics differ from the live ones": requests_part(live.page) != requests_part(page),
        "it holds a secret": SECRET_MARK.encode() in fresh.read_bytes(),
        f"it is larger than {MAX_BYTES} bytes": fresh.stat().st_size > MAX_BYTES,
    }
    found = [problem for problem, is_there in problems.items() if is_there]
    if found:
        raise SystemExit(f"{recording.name} is not written: {'; '.join(found)}")
    recording.write_bytes(fresh.read_bytes())


def write_expectations(recording: Path, replayer: Replayer) -> None:
    copy = replayer.take(recording)
    recording.with_suffix(".lines").write_text(replayer.output(copy))
    recording.with_suffix(".metrics").write_text(summary(replayer.output(copy, "--metrics")))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--expectations", action="store_true", help="keep the recordings")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(capture.name for capture in CAPTURED))
    arguments = parser.parse_args()
    known = {capture.name: capture for capture in CAPTURED}
    unknown = set(arguments.names) - set(known)
    if unknown:
        raise SystemExit(f"no such capture: {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    for name in arguments.names or known:
        recording = CAPTURES / f"{name}.beyla"
        with Replayer(BEYLA_BINARY) as replayer:
            if not arguments.expectations:
                record_anew(known[name], recording, replayer)
            write_expectations(recording, replayer)
        print(f"{recording.name}: {recording.stat().st_size} bytes")


if __name__ == "__main__":
    main()
