"""Benchmark of a start: from a process without anything loaded to a system that decides, over a long history."""

from __future__ import annotations

import tempfile
import time
from contextlib import closing
from pathlib import Path

from counterfoil.bench.figure import Figure, ReportFigure
from counterfoil.bench.large_log import AFTER, large_log
from counterfoil.bootstrap.embedded import Embedded
from counterfoil.runtime.clock import VirtualClock


def start(entries: int, report: ReportFigure) -> None:
    """Open an embedded instance whose ledger has that many entries."""
    with tempfile.TemporaryDirectory(prefix="counterfoil-bench-") as home:
        instance = large_log(Path(home) / "home", entries)
        began = time.perf_counter_ns()
        with closing(Embedded(instance, VirtualClock(AFTER))):
            took = (time.perf_counter_ns() - began) // 1_000_000
    report(Figure("start", f"entries of the ledger in {took:,} ms, until it decides", entries, took))
