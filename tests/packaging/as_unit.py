"""Runs a command with what a unit lets a service do, as far as that takes no systemd: capabilities, no_new_privs,
system calls, address families, namespaces, writable code, core files, /proc and read-only files.

unshare -mui python3 as_unit.py UNIT COMMAND..., as root: the mounts must be private to the command.
"""
import ctypes
import os
import resource
import socket
import subprocess
import sys

from unit_files import system_calls, value, values

ALLOW, REFUSE = 0x7FFF0000, 0x00050001  # SCMP_ACT_ALLOW, SCMP_ACT_ERRNO(EPERM) of seccomp.h
EQUAL, MASKED_EQUAL = 4, 7  # SCMP_CMP_EQ, SCMP_CMP_MASKED_EQ
PROT_WRITE, PROT_EXEC = 2, 4
CLOSED_CALLS = ("setns", "unshare")  # RestrictNamespaces=yes
READ_ONLY = ("/usr", "/etc", "/sys", "/proc/sys", "/tmp")
HIDDEN = ("/usr/lib/modules", "/sys/kernel/debug", "/sys/kernel/tracing")
FILTER = "--filter"  # the second half, when capabilities are those of the unit
NOBODY = "65534"


class Comparison(ctypes.Structure):
    _fields_ = [("argument", ctypes.c_uint), ("operator", ctypes.c_int), ("a", ctypes.c_uint64), ("b", ctypes.c_uint64)]


class Filter:
    """A seccomp filter of libseccomp."""

    def __init__(self, otherwise: int) -> None:
        self._library = ctypes.CDLL("libseccomp.so.2")
        self._library.seccomp_init.restype = ctypes.c_void_p
        self._context = ctypes.c_void_p(self._library.seccomp_init(ctypes.c_uint32(otherwise)))

    def add(self, action: int, call: str, *comparisons: Comparison) -> None:
        number = self._library.seccomp_syscall_resolve_name(call.encode())
        if number < 0:
            return  # of another architecture, or newer than the library
        array = (Comparison * max(1, len(comparisons)))(*comparisons)
        add = self._library.seccomp_rule_add_array
        if add(self._context, ctypes.c_uint32(action), number, len(comparisons), array) != 0:
            raise OSError(f"cannot add a rule for {call}")

    def load(self) -> None:
        if self._library.seccomp_load(self._context):
            raise OSError("cannot load the seccomp filter")


def allow_system_calls(unit: str) -> None:
    families = [] if values(unit, "RestrictAddressFamilies") == ["none"] else values(unit, "RestrictAddressFamilies")
    allowed = Filter(REFUSE)
    for call in system_calls(unit) - {"socket", *CLOSED_CALLS}:
        allowed.add(ALLOW, call)
    for family in families:
        allowed.add(ALLOW, "socket", Comparison(0, EQUAL, getattr(socket, family), 0))
    refused = Filter(ALLOW)  # MemoryDenyWriteExecute=
    both = PROT_WRITE | PROT_EXEC
    refused.add(REFUSE, "mmap", Comparison(2, MASKED_EQUAL, both, both))
    for call in ("mprotect", "pkey_mprotect"):
        refused.add(REFUSE, call, Comparison(2, MASKED_EQUAL, PROT_EXEC, PROT_EXEC))
    refused.load()
    allowed.load()


def mount_privately(unit: str) -> None:
    """ProtectProc=, ProtectSystem=strict and the like; REQUIRES: a mount namespace of our own."""
    hidden = value(unit, "ProtectProc")
    subprocess.run(["mount", "-t", "proc", "-o", f"hidepid={hidden}", "proc", "/proc"], check=True)
    for path in filter(os.path.isdir, READ_ONLY):
        subprocess.run(["mount", "--bind", path, path], check=True)
        subprocess.run(["mount", "-o", "remount,ro,bind", path], check=True)
    for path in filter(os.path.isdir, HIDDEN):
        subprocess.run(["mount", "-t", "tmpfs", "-o", "ro,mode=000", "none", path], check=True)
    for path in filter(os.path.exists, ("/proc/kallsyms", "/proc/kcore")):  # ProtectKernelTunables=
        subprocess.run(["mount", "--bind", "/dev/null", path], check=True)


def with_capabilities(unit: str, command: list[str]) -> list[str]:
    names = [name.removeprefix("CAP_").lower() for name in values(unit, "CapabilityBoundingSet")]
    held = ",".join(["-all", *(f"+{name}" for name in names)])
    caps = [f"--{kind}={held}" for kind in ("inh-caps", "ambient-caps", "bounding-set")]
    return ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--no-new-privs", *caps, *command]


def main(arguments: list[str]) -> None:
    if arguments[0] == FILTER:
        allow_system_calls(arguments[1])
        os.execvp(arguments[2], arguments[2:])
    unit, *command = arguments
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    mount_privately(unit)
    inner = with_capabilities(unit, [sys.executable, __file__, FILTER, unit, *command])
    os.execvp(inner[0], inner)


if __name__ == "__main__":
    main(sys.argv[1:])
