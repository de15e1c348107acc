"""One figure of the bench: its values by round, what they say, and the goal it is held against."""
from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from bench_statistics import median, median_interval, verdict


@dataclass
class Figure:
    name: str
    unit: str
    values: list[float]  # one for each round
    goal: float | None = None  # an upper limit
    note: str = ""
    # What the kernel's own statistics of the programs say, in the figure's terms; see program_statistics.py.
    programs: dict[str, dict[str, float]] = field(default_factory=dict)
    program_note: str = ""
    program_ns: float | None = None  # what of it stands beside the figure

    def as_json(self) -> dict[str, Any]:
        interval = median_interval(self.values)
        result: dict[str, Any] = {
            "name": self.name,
            "unit": self.unit,
            "median": round(median(self.values), 3),
            "low": round(interval.low, 3),
            "high": round(interval.high, 3),
            "coverage": round(interval.coverage, 4),
            "rounds": len(self.values),
            "values": [round(value, 3) for value in self.values],
        }
        if self.goal is not None:
            result |= {"goal": self.goal, "verdict": verdict(interval, self.goal)}
        for key in ("note", "programs", "program_note", "program_ns"):
            if getattr(self, key) not in (None, "", {}):
                result[key] = getattr(self, key)
        return result
