"""Times the hooks of telemetry alone: `python -m tests.benchmarks.bench_telemetry [--rounds N]`.

Nothing is asserted about time; every figure comes with its machine.
"""

from __future__ import annotations

import argparse
import os
import platform
from collections.abc import Callable
from time import perf_counter_ns

from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter

from counterfoil.contract.entry import CommandCause, Entry, Outcome
from counterfoil.contract.log_id import LogId
from counterfoil.ledger.events import HoldPlaced
from counterfoil.ops.telemetry import Instruments
from counterfoil.ops.tracing import ROOT_RATIO, Tracing
from counterfoil.runtime.telemetry import NOTHING
from tests.contract.samples import NOW, sample

SAMPLED = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
ORIGIN = "counterfoil.example/ledger/main"
BEST_OF = 5


class Discard(SpanExporter):
    """A collector that is infinitely fast."""


def cases() -> dict[str, Callable[[], object]]:
    """What is timed."""
    plain, traced = Instruments(), Instruments(Tracing(SimpleSpanProcessor(Discard()), ratio=ROOT_RATIO))
    cause = CommandCause(b"{}", bytes(64), "key")
    entry = Entry(ORIGIN, 1, "a/1", NOW, "PlaceBid", cause, False, (Outcome(1, None),), (sample(HoldPlaced),))
    return {
        "no telemetry: entry": lambda: NOTHING.entry(LogId("ledger"), entry, ""),
        "per batch: consumed": lambda: plain.consumed(LogId("ledger"), "commands", 100),
        "per batch: committed": lambda: plain.committed(LogId("ledger"), 100, 0.004, 1_000),
        "per checkpoint: published": lambda: plain.published(LogId("ledger"), 1_000, NOW),
        "per refusal: refused": lambda: plain.refused(LogId("ledger"), "bad_signature", "intake"),
        "per command: answered": lambda: plain.answered(LogId("ledger"), 0.02),
        "per command: received, no tracing": lambda: plain.received(LogId("ledger"), "", "PlaceBid"),
        f"per command: received, {ROOT_RATIO:.0%} sampled": lambda: traced.received(LogId("ledger"), "", "PlaceBid"),
        "per command: received, sampled": lambda: traced.received(LogId("ledger"), SAMPLED, "PlaceBid"),
        "per entry: no tracing": lambda: plain.entry(LogId("ledger"), entry, ""),
        "per entry: tracing, not sampled": lambda: traced.entry(LogId("ledger"), entry, ""),
        "per entry: sampled": lambda: traced.entry(LogId("ledger"), entry, SAMPLED),
        "per scrape: render": plain.render,
    }


def time_ns(call: Callable[[], object], rounds: int) -> float:
    """Nanoseconds per call, the call of a lambda included: the best of a few rounds."""
    best = float("inf")
    for _ in range(BEST_OF):
        began = perf_counter_ns()
        for _ in range(rounds):
            call()
        best = min(best, (perf_counter_ns() - began) / rounds)
    return best


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=2_000)
    rounds = parser.parse_args().rounds
    print(f"{platform.platform()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    print(f"Python {platform.python_version()}; best of {BEST_OF} x {rounds} calls, queueing and sending left out")
    for name, call in cases().items():
        print(f"{name:42}{time_ns(call, rounds):>12,.0f} ns")


if __name__ == "__main__":
    main()
