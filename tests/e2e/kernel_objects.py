"""What of an agent outlives it, if anything: its processes, its BPF objects, changed text of a target."""
from __future__ import annotations

import contextlib
import re
import socket
from pathlib import Path

from kernel_books import bpftool

KINDS = ("prog", "map", "link")
Ids = dict[str, set[int]]


def bpf_ids_of(pid: int) -> Ids:
    """The kernel's ids of the BPF programs, maps and links that the process holds; none when it has ended."""
    ids: Ids = {kind: set() for kind in KINDS}
    with contextlib.suppress(OSError):
        for info in Path(f"/proc/{pid}/fdinfo").iterdir():
            with contextlib.suppress(OSError):  # closed meanwhile
                # The first of an entry: a link names its program, too.
                found = re.search(r"^(prog|map|link)_id:\s*(\d+)$", info.read_text(), re.MULTILINE)
                if found:
                    ids[found[1]].add(int(found[2]))
    return ids


def bpf_ids_in_kernel() -> Ids:
    return {kind: {entry["id"] for entry in bpftool(kind, "list")} for kind in KINDS}


def bpf_ids_left(held: Ids) -> Ids:
    """By id and not by number: other tests load programs at the same time."""
    now = bpf_ids_in_kernel()
    return {kind: ids & now[kind] for kind, ids in held.items() if ids & now[kind]}


def pids_with(variable: str) -> set[int]:
    """The processes that began with NAME=VALUE in their environment, whoever their parent is by now."""
    wanted = variable.encode()
    found = set()
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with contextlib.suppress(OSError):
                if wanted in (folder / "environ").read_bytes().split(b"\0"):
                    found.add(int(folder.name))
    return found


def can_listen(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # old connections are no listener
        try:
            probe.bind(("", port))
            probe.listen()
        except OSError:
            return False
    return True


def changed_text(pid: int) -> list[str]:
    """The executable mappings of the process whose bytes are not those of their file."""
    changed = []
    with open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            addresses, rights, offset, _, inode, *path = line.split(maxsplit=5)
            if "x" not in rights or inode == "0":
                continue
            begin, end = (int(address, 16) for address in addresses.split("-"))
            memory.seek(begin)
            with open(path[0], "rb") as file:
                file.seek(int(offset, 16))
                expected = file.read(end - begin)
                if memory.read(len(expected)) != expected:
                    changed.append(f"{path[0]} at {addresses}")
    return changed
