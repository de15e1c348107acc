"""A client of the matrix: Python requests. Usage: client.py URL COUNT keep-alive|close MIX SEED CONNECTIONS."""
import json
import sys
import threading
from collections import Counter

import requests

URL, COUNT, MODE, MIX, SEED, CONNECTIONS = sys.argv[1:]
PIECE_BYTES = 100

with open(MIX) as file:
    STEPS = [line.split() for line in file]


def body_of(body_bytes: int, framing: str):
    if framing == "chunked":
        pieces = (min(PIECE_BYTES, body_bytes - at) for at in range(0, body_bytes, PIECE_BYTES))
        return (b"x" * length for length in pieces)
    return b"x" * body_bytes or None


def send(session: requests.Session, step: list[str]) -> tuple[str, int]:
    method, path, body_bytes, framing = step
    headers = {"Connection": "close"} if MODE == "close" else {}
    body = body_of(int(body_bytes), framing)
    answer = session.request(method, URL + path, data=body, headers=headers, allow_redirects=False)
    return method, answer.status_code


def work(indices, counts: Counter, errors: list) -> None:
    session = requests.Session()
    for index in indices:
        try:
            method, status = send(session, STEPS[(int(SEED) + index) % len(STEPS)])
            counts[f"{method} {status}"] += 1
        except requests.RequestException as error:
            errors.append(error)


def main() -> int:
    connections = int(CONNECTIONS)
    counts = [Counter() for _ in range(connections)]
    errors: list[Exception] = []
    threads = [
        threading.Thread(target=work, args=(range(first, int(COUNT), connections), counts[first], errors))
        for first in range(connections)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(json.dumps(sum(counts, Counter())))
    print(*errors, sep="\n", file=sys.stderr, end="")
    return 1 if errors else 0


sys.exit(main())
