"""What a benchmark reports: figures, and the machine they were measured on."""

from __future__ import annotations

import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from os import cpu_count


@dataclass(frozen=True, slots=True)
class Figure:
    """One measurement: what was done, how much of it, in how many milliseconds."""

    name: str
    workload: str
    count: int
    milliseconds: int
    note: str = ""

    @property
    def per_second(self) -> int:
        """The rate."""
        return self.count * 1000 // max(self.milliseconds, 1)


ReportFigure = Callable[[Figure], None]


def machine() -> str:
    """What the figures were measured on."""
    return f"{platform.machine()}, {cpu_count()} cores, {platform.system()}, CPython {platform.python_version()}"


def percentile(values: Sequence[int], percent: int) -> int:
    """The value below which `percent` of the sorted `values` lie; 0 if there are none."""
    return values[min(len(values) - 1, len(values) * percent // 100)] if values else 0


def latency_text(latencies: Sequence[int]) -> str:
    """The median and the 99th percentile of sorted latencies in microseconds."""
    return f"p50 {percentile(latencies, 50)} us, p99 {percentile(latencies, 99)} us"
