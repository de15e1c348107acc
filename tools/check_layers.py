#!/usr/bin/env python3
"""Fails when a room includes another room that the design does not let it know."""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent / "src"
# Room -> rooms it may include, besides itself. Stages never include each other.
ALLOWED = {
    "abi": set(),
    "base": set(),
    "model": {"base"},
    "discover": {"base", "model"},
    "probes": {"base", "model", "abi"},
    # Of the ELF worker: reading a hostile file. Rooms of their own, so that no other side gets them by "probes".
    "probes/elf": {"base"},
    "probes/x86": {"base"},
    "probes/go/image": {"base", "probes/elf"},
    "probes/go/sites": {"base", "probes/x86"},
    # "probes": what the kernel emulates is said once, in src/probes/proof.
    "probes/native": {"base", "abi", "probes", "probes/elf", "probes/x86"},
    # "probes": its tests decode with src/probes/proof what it makes.
    "probes/go/report": {"base", "abi", "probes", "probes/go/image", "probes/go/sites", "probes/elf", "probes/x86"},
    "capture": {"base", "model", "abi"},
    "protocols": {"base", "model"},
    "spans": {"base", "model"},
    "export": {"base", "model"},
    "agent/config": {"base", "abi", "agent/config/handover"},
    "agent/config/handover": {"base", "abi"},
    "agent/privileges": {"base"},
    "agent/spawn": {"base", "abi", "agent/privileges"},
    # "probes/go/report": its tests read a file as the worker does.
    "probes/tls/report": {"base", "abi", "probes", "probes/native", "probes/elf", "probes/go/report"},
    "agent/elf_worker": {"abi", "base", "probes/go/report", "probes/tls/report"},
    # The privileged side parses no traffic, no ELF file and no YAML; the other side touches no kernel.
    "agent/broker": {"abi", "base", "model", "discover", "probes", "agent/spawn", "agent/privileges"},
    "agent/processor": {"abi", "base", "model", "capture", "protocols", "spans", "export",
                        "agent/config/handover"},
    "agent": {"abi", "base", "model", "discover", "probes", "capture", "protocols", "spans", "export",
              "agent/config", "agent/config/handover", "agent/elf_worker", "agent/privileges", "agent/spawn",
              "agent/broker", "agent/processor"},
}
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.MULTILINE)


def room_of(path: str) -> str | None:
    return next((room for room in sorted(ALLOWED, key=len, reverse=True)
                 if path.startswith(room + "/")), None)


def main() -> int:
    wrong = []
    for file in sorted(ROOT.rglob("*")):
        if file.suffix not in {".h", ".cpp", ".c"}:
            continue
        name = file.relative_to(ROOT).as_posix()
        room = room_of(name)
        for included in INCLUDE.findall(file.read_text()):
            other = room_of(included)
            if other and room and other != room and other not in ALLOWED[room]:
                wrong.append(f"src/{name}: {room} must not include {included}")
    print("\n".join(wrong) if wrong else "layers: every include follows the design")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
