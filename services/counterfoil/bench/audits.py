"""Benchmark of the audit: published logs, everything checked again, signatures included, on all cores."""

from __future__ import annotations

import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Final

from counterfoil.audit.auditor import audit
from counterfoil.bench.embedded import MarketWorkload
from counterfoil.bench.figure import Figure, ReportFigure
from counterfoil.bench.large_log import large_log
from counterfoil.bench.load import HOST, SEED
from counterfoil.bootstrap.embedded import Embedded
from counterfoil.instance import Instance
from counterfoil.runtime.clock import VirtualClock
from counterfoil.testbed.seeded_keys import seeded_key
from counterfoil.testbed.system import EmbeddedSystem

_FIRMS: Final = 64
_TIMES: Final = 3


def audits(entries: int, workload: MarketWorkload, report: ReportFigure) -> None:
    """A ledger of signed deposits, and the four logs of a market."""
    with tempfile.TemporaryDirectory(prefix="counterfoil-bench-") as root:
        large_log(Path(root) / "deposits", entries, _FIRMS)
        _measure("audit", "a ledger of single deposits, each signed", Path(root) / "deposits", report)
        _play(workload, Path(root) / "market")
        _measure("audit of a market", workload.name, Path(root) / "market", report)


def _measure(name: str, workload: str, home: Path, report: ReportFigure) -> None:
    """The fastest of a few audits: the first one reads cold files."""
    took, entries, signatures = 0, 0, 0
    for _ in range(_TIMES):
        began = time.perf_counter_ns()
        found = audit(home)
        this = (time.perf_counter_ns() - began) // 1_000_000
        if not found.clean:
            raise RuntimeError(f"not clean: {found.findings[0]}")
        took = min(took, this) if took else this
        entries, signatures = sum(log.size for log in found.logs), sum(log.signatures for log in found.logs)
    report(Figure(name, workload, entries, took, f"{signatures} signatures, fastest of {_TIMES}"))


def _play(workload: MarketWorkload, home: Path) -> None:
    instance = Instance.create(home, HOST, "Benchmark", lambda name: seeded_key(SEED, name), disclosure="public")
    clock = VirtualClock(workload.start)
    with closing(Embedded(instance, clock, synchronous="OFF")) as system:
        workload.prepare(EmbeddedSystem(system, clock), SEED)()
