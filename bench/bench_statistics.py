"""The arithmetic of the bench: pairs in alternating order, medians with a distribution-free interval, verdicts."""
from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Sequence

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Interval:
    """Holds the true median with probability `coverage`, whatever the distribution of the values."""

    low: float
    high: float
    coverage: float


def quantile(values: Sequence[float], share: float) -> float:
    """The value below which `share` of the values lie, interpolated between neighbours."""
    ordered = sorted(values)
    if not ordered:
        raise ValueError("no values")
    position = share * (len(ordered) - 1)
    below = math.floor(position)
    above = math.ceil(position)
    return ordered[below] + (ordered[above] - ordered[below]) * (position - below)


def median(values: Sequence[float]) -> float:
    return quantile(values, 0.5)


def order_statistic_coverage(count: int, rank: int) -> float:
    """Probability that the median lies between the rank-th smallest and the rank-th largest of `count` values.

    Each value is below the median with probability 1/2, so how many are follows a binomial distribution.
    """
    outside = sum(math.comb(count, below) for below in range(rank))
    return 1 - 2 * outside / 2**count


def median_interval(values: Sequence[float], confidence: float = CONFIDENCE) -> Interval:
    """The narrowest symmetric interval of order statistics with that confidence.

    Too few values for it (less than 6 for 95 %): their minimum and maximum, with the coverage that this has.
    """
    ordered = sorted(values)
    if not ordered:
        raise ValueError("no values")
    rank = 1
    while 2 * (rank + 1) <= len(ordered) and order_statistic_coverage(len(ordered), rank + 1) >= confidence:
        rank += 1
    return Interval(ordered[rank - 1], ordered[-rank], max(0.0, order_statistic_coverage(len(ordered), rank)))


def alternating(variants: Sequence[str], round_number: int) -> list[str]:
    """A B C, then C B A, and so on: a drift of the machine hits all variants alike."""
    return list(variants) if round_number % 2 == 0 else list(reversed(variants))


def differences(without: Sequence[float], with_it: Sequence[float]) -> list[float]:
    """What `with_it` adds in each pair."""
    return [on - off for off, on in zip(without, with_it, strict=True)]


def percent_added(without: Sequence[float], with_it: Sequence[float]) -> list[float]:
    """What `with_it` adds in each pair, in percent of the pair's `without`."""
    return [100 * (on / off - 1) for off, on in zip(without, with_it, strict=True)]


def verdict(interval: Interval, goal: float) -> str:
    """Goals are upper limits: only a trustworthy interval that lies on one side decides."""
    if interval.coverage < CONFIDENCE or interval.low <= goal < interval.high:
        return "open"
    return "met" if interval.high <= goal else "missed"
