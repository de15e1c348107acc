"""Unique secrets, and the search for them in whatever form a program may write them down."""
from __future__ import annotations

import base64
import binascii
import random
import re
from collections import Counter
from typing import Iterator
from urllib.parse import unquote_to_bytes

MARK = "zq"  # begins each part of a canary; stands nowhere else
PART = re.compile(rb"zq[0-9a-f]{6}")
PARTS = 3  # of a canary: any 15 characters of it hold a whole one
BASE64_RUN = re.compile(rb"[A-Za-z0-9+/_-]{16,}")
HEX_RUN = re.compile(rb"[0-9a-f][0-9a-f :,]{15,}")
FROM_URL_ALPHABET = bytes.maketrans(b"-_", b"+/")


def readings(data: bytes) -> Iterator[bytes]:
    """The bytes as they are and decoded from base64 at each alignment, hexadecimal and percent-encoding."""
    yield data
    if b"%" in data:
        yield unquote_to_bytes(data)
    for run in BASE64_RUN.findall(data):
        if run.strip(b"xX"):  # else a mask
            text = run.translate(FROM_URL_ALPHABET)
            yield from (binascii.a2b_base64(text[at : at + (len(text) - at) // 4 * 4]) for at in range(4))
    for run in HEX_RUN.findall(data.lower()):
        digits = re.sub(rb"[ :,]", b"", run)
        yield from (binascii.unhexlify(digits[at : at + (len(digits) - at) // 2 * 2]) for at in range(2))


class Canaries:
    """Makes them and knows in which place each was put."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._place_by_part: dict[bytes, str] = {}
        self.made: Counter[str] = Counter()  # by place

    def make(self, place: str) -> str:
        parts = [f"{MARK}{self._random.randrange(1 << 24):06x}" for _ in range(PARTS)]
        self._place_by_part |= {part.encode(): place for part in parts}
        self.made[place] += 1
        return "".join(parts)

    def basic(self, place: str) -> str:
        """As the credentials of RFC 7617, at another alignment each time."""
        user = "u" * self._random.randrange(1, 4)
        return base64.b64encode(f"{user}:{self.make(place)}".encode()).decode()

    def found_in(self, data: bytes) -> Counter[str]:
        """The places whose canaries, or parts of them, stand in the data."""
        return Counter(
            self._place_by_part[part]
            for reading in readings(data)
            for part in set(PART.findall(reading.lower())) & self._place_by_part.keys()
        )
