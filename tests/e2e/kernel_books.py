"""The kernel half's own counts of an agent that cannot answer a scrape: read from its BPF map by bpftool."""
from __future__ import annotations

import json
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from harness import required_program

KINDS = ("open", "data", "fin", "close", "process", "call")  # abi/events.h, event_kind
COUNTS_MAP = "counts_by_kind"


@dataclass(frozen=True)
class Counts:
    generated: int
    lost: int


def counts_map_id(agent_pid: int) -> int:
    """Of this agent's map, whatever other agents run."""
    for info in Path(f"/proc/{agent_pid}/fdinfo").iterdir():
        found = re.search(r"^map_id:\s*(\d+)$", info.read_text(), re.MULTILINE)
        if found and bpftool("map", "show", "id", found[1])["name"] == COUNTS_MAP:
            return int(found[1])
    raise AssertionError(f"the agent holds no map {COUNTS_MAP}")


def read_counts(map_id: int) -> dict[str, Counts]:
    counts = {}
    for entry in bpftool("map", "dump", "id", str(map_id)):
        values = [cpu["value"] for cpu in entry["formatted"]["values"]]
        generated = sum(value["generated"] for value in values)
        counts[KINDS[entry["formatted"]["key"]]] = Counts(generated, sum(sum(value["lost"]) for value in values))
    return counts


def bpftool(*arguments: str) -> dict | list:
    command = [required_program("bpftool"), "--json", *arguments]
    return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
