"""What of an agent outlives it, if anything: its processes, its BPF objects, changed text of a target."""
from __future__ import annotations

import contextlib
import ctypes
import errno
import re
import os
import select
import socket
from pathlib import Path

KINDS = ("prog", "map", "link")
LIBC = ctypes.CDLL(None, use_errno=True)
BPF_SYSCALL = 321  # x86-64
NEXT_ID_COMMANDS = {"prog": 11, "map": 12, "link": 31}  # BPF_*_GET_NEXT_ID, linux/bpf.h

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


def has_bpf_id(kind: str, number: int) -> bool:
    """Takes no reference, unlike bpftool: that would keep what it looks at."""
    attributes = (ctypes.c_uint32 * 4)(number - 1)  # union bpf_attr: start_id, next_id, open_flags
    done = LIBC.syscall(BPF_SYSCALL, NEXT_ID_COMMANDS[kind], ctypes.byref(attributes), ctypes.sizeof(attributes))
    if done != 0 and ctypes.get_errno() != errno.ENOENT:
        raise OSError(ctypes.get_errno(), f"cannot list the kernel's {kind} ids")
    return done == 0 and attributes[1] == number


def bpf_ids_left(held: Ids) -> Ids:
    """By id and not by number: other tests load programs at the same time."""
    left = {kind: {number for number in ids if has_bpf_id(kind, number)} for kind, ids in held.items()}
    return {kind: ids for kind, ids in left.items() if ids}


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


def describe(pid: int) -> str:
    """Its number, name and state, and where in the kernel it is."""
    try:
        status, where = (Path(f"/proc/{pid}/{name}").read_text() for name in ("status", "stack"))
    except OSError:
        return str(pid)
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    return f"{pid} {fields['Name']} {fields['State']} {where.split()[1::2]}"


class Handles:
    """Processes that are watched by handle and not by id, which may be another's soon; nor by their folders in /proc:
    a kernel that has to forget these takes longer over the end of a process."""

    def __init__(self, pids: list[int]) -> None:
        self._handles: dict[int, int] = {}
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                self._handles[pid] = os.pidfd_open(pid)

    def alive(self) -> list[str]:
        return [describe(pid) for pid, handle in self._handles.items() if not select.select([handle], [], [], 0)[0]]

    def close(self) -> None:
        for handle in self._handles.values():
            os.close(handle)


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
