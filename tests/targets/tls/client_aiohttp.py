"""An HTTPS client of the matrix: aiohttp, whose TLS is in memory.

Usage: client_aiohttp.py URL COUNT keep-alive|close MIX SEED CONNECTIONS.
"""
import asyncio
import json
import ssl
import sys
from collections import Counter

import aiohttp

URL, COUNT, MODE, MIX, SEED, CONNECTIONS = sys.argv[1:]

with open(MIX) as file:
    STEPS = [line.split() for line in file]


async def work(session: aiohttp.ClientSession, indices, counts: Counter) -> None:
    for index in indices:
        method, path, body_bytes, _ = STEPS[(int(SEED) + index) % len(STEPS)]
        body = b"x" * int(body_bytes) or None
        async with session.request(method, URL + path, data=body, allow_redirects=False) as answer:
            await answer.read()
            counts[f"{method} {answer.status}"] += 1


async def run() -> None:
    counts: Counter = Counter()
    connections = int(CONNECTIONS)
    connector = aiohttp.TCPConnector(limit=connections, force_close=MODE == "close", ssl=ssl.create_default_context())
    async with aiohttp.ClientSession(connector=connector) as session:
        shares = [range(first, int(COUNT), connections) for first in range(connections)]
        await asyncio.gather(*(work(session, share, counts) for share in shares))
    print(json.dumps(counts))


asyncio.run(run())
