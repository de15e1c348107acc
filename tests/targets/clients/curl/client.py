"""A client of the matrix: curl, many URLs in one call or one call for each request.

Usage: client.py CURL URL COUNT keep-alive|close MIX SEED CONNECTIONS; CURL is the program to run.
"""
import json
import subprocess
import sys
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

CURL, URL, COUNT, MODE, MIX, SEED, CONNECTIONS = sys.argv[1:]
URLS_IN_ONE_CALL = 250

with open(MIX) as file:
    STEPS = [line.split() for line in file]


def configuration(step: list[str], folder: Path) -> str:
    method, path, body_bytes, framing = step
    lines = [f'url = "{URL}{path}"', "silent", "show-error", 'output = "/dev/null"']
    lines.append('write-out = "%{method} %{http_code}\\n"')
    lines.append("head" if method == "HEAD" else f'request = "{method}"')
    if int(body_bytes):
        lines.append(f'data-binary = "@{folder / body_bytes}"')
    if framing == "chunked":
        lines.append('header = "Transfer-Encoding: chunked"')
    return "\n".join(lines)


def call(indices: list[int], folder: Path) -> list[str]:
    steps = [configuration(STEPS[(int(SEED) + index) % len(STEPS)], folder) for index in indices]
    # -q: no configuration of the user.
    done = subprocess.run([CURL, "-q", "-K", "-"], input="\nnext\n".join(steps), text=True, capture_output=True)
    if done.returncode != 0 or done.stderr:
        raise RuntimeError(f"curl ended with {done.returncode}: {done.stderr}")
    return done.stdout.splitlines()


def main() -> None:
    in_one_call = URLS_IN_ONE_CALL if MODE == "keep-alive" else 1
    indices = list(range(int(COUNT)))
    calls = [indices[at : at + in_one_call] for at in range(0, len(indices), in_one_call)]
    with tempfile.TemporaryDirectory(prefix="beyla-curl-") as name:
        folder = Path(name)
        for _, _, body_bytes, _ in STEPS:
            (folder / body_bytes).write_bytes(b"x" * int(body_bytes))
        with ThreadPoolExecutor(int(CONNECTIONS)) as pool:
            counts = Counter(line for lines in pool.map(call, calls, [folder] * len(calls)) for line in lines)
    print(json.dumps(counts))


main()
