"""Benchmarks of the embedded form.

Commands are signed beforehand, as authors do on their own machines; everything from the envelope to the receipt is
timed: parse, signature, decision, SQLite with ``synchronous=FULL``, Merkle tree, checkpoint, proof, views.
"""

from __future__ import annotations

import resource
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from counterfoil.bench.figure import Figure, Reading, ReportFigure
from counterfoil.bench.load import HOST, SEED, LoadGenerator
from counterfoil.bootstrap.embedded import Embedded
from counterfoil.catalogue import DECIDERS
from counterfoil.contract.entry import CommandCause
from counterfoil.contract.log_id import LogId
from counterfoil.core.engine import Engine
from counterfoil.gateway.relay import AnswerRelay
from counterfoil.instance import Instance
from counterfoil.runtime.clock import SystemClock, VirtualClock
from counterfoil.testbed.seeded_keys import seeded_key
from counterfoil.testbed.system import EmbeddedSystem, System
from counterfoil.vocabulary import CODEC

BATCH: Final = 40
_ALONE: Final = 5  # of so many single commands, one is sent by a caller alone


@dataclass(frozen=True, slots=True)
class MarketWorkload:
    """A market to measure on virtual time: its description, its start, and its preparation.

    `prepare` gets the system and a seed, and returns the function to time, which returns how many commands it sent.
    """

    name: str
    start: int
    prepare: Callable[[System, int], Callable[[], int]]


class EmbeddedBench:
    """An embedded instance in `home`, on the system's clock, with its threads running, and load for it."""

    def __init__(self, home: Path, firms: int) -> None:
        relay = AnswerRelay()
        instance = Instance.create(home, HOST, "Benchmark operator", lambda name: seeded_key(SEED, name))
        self.system = Embedded(instance, SystemClock(), deliver=relay)
        self.load = LoadGenerator(instance, self.system.receipts, relay, self.system.clock.now)
        self.system.start()
        self.load.register(firms)

    def close(self) -> None:
        """Stop the instance."""
        self.system.close()


def end_to_end(count: int, report: ReportFigure) -> None:
    """Signed deposits with receipts: from one caller, one by one from 64 clients, then batch-signed."""
    with tempfile.TemporaryDirectory(prefix="counterfoil-bench-") as home:
        bench = EmbeddedBench(Path(home) / "home", 64)
        try:
            bench.load.run(bench.load.deposits(count // 10), 64)
            alone = max(1, count // _ALONE)
            took, latencies = bench.load.run(bench.load.deposits(alone), 1)
            workload = "signed deposits, 1 client, receipt each, FULL sync"
            report(Figure("one caller", workload, alone, took, latencies=latencies))
            took, latencies = bench.load.run(bench.load.deposits(count), 64)
            workload = "signed deposits, 64 clients, receipt each, FULL sync"
            report(Figure("one by one", workload, count, took, latencies=latencies))
            envelopes = bench.load.deposits(count * 4, BATCH)
            took, latencies = bench.load.run(envelopes, 8)
            workload = f"signed batches of {BATCH} deposits, 8 clients, receipt a batch"
            report(Figure("batch-signed", workload, count * 4, took, latencies=latencies))
        finally:
            bench.close()


def market_flow(workload: MarketWorkload, report: ReportFigure) -> None:
    """The timed part of a market: four services, stepped in one thread."""
    with tempfile.TemporaryDirectory(prefix="counterfoil-bench-") as home:
        instance = Instance.create(Path(home) / "home", HOST, "Benchmark", lambda name: seeded_key(SEED, name))
        clock = VirtualClock(workload.start)
        system = Embedded(instance, clock)
        try:
            run = workload.prepare(EmbeddedSystem(system, clock), SEED)
            entries = _entries(system)
            began = time.perf_counter_ns()
            count = run()
            took = _since(began)
            note = f"{_entries(system) - entries} entries in four logs"
            report(Figure("market flow", workload.name, count, took, note))
        finally:
            system.close()


def _entries(system: Embedded) -> int:
    return sum(runner.engine.size for runner in system.runners.values())


def core(count: int, report: ReportFigure) -> None:
    """The decider alone, from parsed commands to entry bytes, and the replay of its log; no I/O is timed."""
    with tempfile.TemporaryDirectory(prefix="counterfoil-bench-") as home:
        bench = EmbeddedBench(Path(home) / "home", 64)
        try:
            bench.load.run(bench.load.deposits(count), 64)
            store = bench.system.stores[LogId("ledger")]
            head = store.head()
            data = store.entries(0, head.size if head is not None else 0)
        finally:
            bench.close()
    decode = getattr(CODEC, "decode_own_entry", CODEC.decode_entry)  # revisions to compare with have only the latter
    origin = f"{HOST}/ledger/main"
    replayed: Engine[Any] = Engine(DECIDERS["ledger"], origin, lambda _size: None)
    began = time.perf_counter_ns()
    events = 0
    for each in data:
        entry = decode(each)
        events += len(entry.events)
        replayed.replay(entry)
    report(Figure("replay", "events folded from entry bytes, no signatures", events, _since(began)))
    entries = [CODEC.decode_entry(each) for each in data]
    causes = [entry.cause for entry in entries]
    parsed = [CODEC.decode_payload(c.payload, c.signature) if isinstance(c, CommandCause) else None for c in causes]
    engine: Engine[Any] = Engine(DECIDERS["ledger"], origin, lambda _size: None)
    took = 0
    for entry, submission in zip(entries, parsed, strict=True):
        began = time.perf_counter_ns()
        if submission is None:
            engine.replay(entry)
        else:
            engine.submit(submission, entry.time)
            took += time.perf_counter_ns() - began
    report(Figure("decider alone", "deposits: decide, evolve, encode the entry", count, took // 1_000_000))


def memory(sizes: Sequence[int], report: Callable[[Reading], None]) -> None:
    """Resident memory of the whole process as one log grows to each of `sizes`."""
    with tempfile.TemporaryDirectory(prefix="counterfoil-bench-") as home:
        bench = EmbeddedBench(Path(home) / "home", 64)
        try:
            for size in sizes:
                runner = bench.system.runners[LogId("ledger")]
                while runner.tree.size < size:
                    bench.load.run(bench.load.deposits(min(5_000, size - runner.tree.size)), 64)
                report(Reading(f"resident memory at {size:,} entries", "MiB", round(_resident_kib() / 1024), False))
        finally:
            bench.close()


def _since(began: int) -> int:
    return (time.perf_counter_ns() - began) // 1_000_000


def _resident_kib() -> int:
    """The resident set now, where Linux shows it, else the peak so far."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * resource.getpagesize() // 1024
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
