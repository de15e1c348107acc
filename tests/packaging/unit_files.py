"""What the shipped systemd units and the documents say, for the tests of both."""
import re
import subprocess
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
UNITS = REPOSITORY / "packaging" / "systemd"
SECURITY = REPOSITORY / "SECURITY.md"
DEPLOYMENT = REPOSITORY / "docs" / "deployment.md"
BROKERS = ("beyla.service", "beyla-broker.service")


def directives(unit: str) -> list[tuple[str, str]]:
    """(name, value) of each assignment, in order; sections do not share names in these units."""
    lines = (UNITS / unit).read_text().splitlines()
    return [(name, value) for name, _, value in (line.partition("=") for line in lines if line[:1].isalpha())]


def values(unit: str, name: str) -> list[str]:
    """All words of a directive that may stand several times."""
    return [word for found, value in directives(unit) if found == name for word in value.split()]


def value(unit: str, name: str) -> str | None:
    """What the last assignment says."""
    return dict(directives(unit)).get(name)


def system_calls(unit: str) -> set[str]:
    """Names that SystemCallFilter= lets through: an allow-list first, then changes in order, systemd.exec(5)."""
    allowed: set[str] = set()
    for name, text in directives(unit):
        if name == "SystemCallFilter":
            names = {call for word in text.removeprefix("~").split() for call in expand(word)}
            allowed = allowed - names if text.startswith("~") else allowed | names
    return allowed


def expand(word: str) -> set[str]:
    """The system calls of a set like @system-service; any other word is one itself."""
    if not word.startswith("@"):
        return {word}
    done = subprocess.run(["systemd-analyze", "syscall-filter", word], capture_output=True, text=True, check=True)
    words = re.findall(r"^ +([@a-z_0-9-]+)$", done.stdout, re.MULTILINE)
    if not words:
        raise AssertionError(f"systemd knows no set {word}")
    return {call for inner in words for call in expand(inner)}
