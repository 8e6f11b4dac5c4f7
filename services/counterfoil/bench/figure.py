"""What a benchmark reports: figures, and the machine they were measured on."""

from __future__ import annotations

import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from os import cpu_count
from typing import NamedTuple


class Reading(NamedTuple):
    """One number of a benchmark that another revision's can be compared with."""

    name: str
    unit: str
    value: float
    more_is_better: bool


@dataclass(frozen=True, slots=True)
class Figure:
    """One measurement: what was done, how much of it, in how many milliseconds.

    `latencies`: sorted, in microseconds, where each thing done has one.
    """

    name: str
    workload: str
    count: int
    milliseconds: int
    note: str = ""
    latencies: Sequence[int] = ()

    @property
    def per_second(self) -> int:
        """The rate."""
        return self.count * 1000 // max(self.milliseconds, 1)

    @property
    def remark(self) -> str:
        """The note, behind the latencies if there are any."""
        return "; ".join(part for part in (latency_text(self.latencies) if self.latencies else "", self.note) if part)

    def readings(self) -> list[Reading]:
        """Its numbers: the rate, and the latencies at the median and the 99th percentile."""
        found = [Reading(self.name, "/s", self.per_second, True)]
        if self.latencies:
            for percent in (50, 99):
                value = percentile(self.latencies, percent)
                found.append(Reading(f"{self.name}, p{percent}", "us", value, False))
        return found


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
