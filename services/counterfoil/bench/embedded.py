"""Benchmarks of the embedded form: prints workload, machine and figures; asserts nothing.

Commands are signed beforehand (their authors sign on machines of their own); everything from the envelope to the
receipt is timed: parse, signature, decision, SQLite with ``synchronous=FULL``, Merkle tree, checkpoint, proof, views.
"""

from __future__ import annotations

import platform
import resource
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from os import cpu_count
from pathlib import Path
from random import Random
from typing import Any, Final

from counterfoil.bench.load import HOST, SEED, Driver, percentile
from counterfoil.bootstrap.embedded import Embedded
from counterfoil.catalogue import DECIDERS
from counterfoil.contract.codec import decode_entry, decode_payload
from counterfoil.contract.entry import CommandCause
from counterfoil.core.engine import Engine
from counterfoil.demo.scenario import START, World, bid, found, fund, offer
from counterfoil.demo.story_driver import Desk, demo_entropy
from counterfoil.demo.trace import load_nodes, load_prices, load_tasks
from counterfoil.gateway.app import Delivery
from counterfoil.instance import Instance
from counterfoil.runtime.clock import SystemClock, VirtualClock
from counterfoil.testbed.system import EmbeddedSystem

BATCH: Final = 40


@dataclass(frozen=True, slots=True)
class Figure:
    """One measurement: what was done, how much, in how many milliseconds."""

    name: str
    workload: str
    count: int
    milliseconds: int
    note: str = ""

    @property
    def per_second(self) -> int:
        """Rate."""
        return self.count * 1000 // max(self.milliseconds, 1)


def machine() -> str:
    """What the figures were measured on."""
    return f"{platform.machine()}, {cpu_count()} cores, {platform.system()}, CPython {platform.python_version()}"


class Rig:
    """An embedded instance in a directory of its own, on the system's clock, with threads running."""

    def __init__(self, home: Path, firms: int) -> None:
        delivery = Delivery()
        instance = Instance.create(home, HOST, "Benchmark operator", lambda name: demo_entropy(SEED, name))
        self.system = Embedded(instance, SystemClock(), deliver=delivery)
        self.driver = Driver(instance, self.system.receipts, delivery, self.system.clock.now)
        self.drive, self.deposits = self.driver.drive, self.driver.deposits
        self.system.start()
        self.driver.register(firms)

    def close(self) -> None:
        """Stop."""
        self.system.close()


def end_to_end(count: int, report: Callable[[Figure], None]) -> None:
    """Signed deposits with receipts, one by one from 64 clients, then batch-signed."""
    with tempfile.TemporaryDirectory(prefix="counterfoil-bench-") as home:
        rig = Rig(Path(home) / "home", 64)
        try:
            rig.drive(rig.deposits(count // 10), 64)
            took, latencies = rig.drive(rig.deposits(count), 64)
            note = f"p50 {percentile(latencies, 50)} us, p99 {percentile(latencies, 99)} us"
            report(Figure("one by one", "signed deposits, 64 clients, receipt each, FULL sync", count, took, note))
            envelopes = rig.deposits(count * 4, BATCH)
            took, latencies = rig.drive(envelopes, 8)
            note = f"{BATCH} commands a signature, p99 {percentile(latencies, 99)} us a batch"
            report(Figure("batch-signed", "signed batches of deposits, 8 clients, receipt each", count * 4, took, note))
        finally:
            rig.close()


def market_flow(report: Callable[[Figure], None]) -> None:
    """The founding and bidding of the demo on its bundled trace: four services, stepped in one thread."""
    with tempfile.TemporaryDirectory(prefix="counterfoil-bench-") as home:
        instance = Instance.create(Path(home) / "home", HOST, "Benchmark", lambda name: demo_entropy(SEED, name))
        clock = VirtualClock(START)
        system = Embedded(instance, clock)
        try:
            desk = Desk(EmbeddedSystem(system, clock), SEED)
            world = World(desk, load_nodes(None), load_tasks(None)[0], load_prices(), Random(SEED), lambda *_: None)
            found(world)
            fund(world)
            offer(world)
            sent, entries = sum(desk.sent.values()), _entries(system)
            began = time.perf_counter_ns()
            for day in range(world.days):
                bid(world, day, patient=False)
            took = _since(began)
            count = sum(desk.sent.values()) - sent
            note = f"{_entries(system) - entries} entries in four logs"
            report(
                Figure("market flow", "bids of the bundled trace through hold, match and contract", count, took, note)
            )
        finally:
            system.close()


def _entries(system: Embedded) -> int:
    return sum(runner.engine.size for runner in system.runners.values())


def core(count: int, report: Callable[[Figure], None]) -> None:
    """Without the shell: the decider alone (parsed commands in, entry bytes out), and the replay of its log."""
    with tempfile.TemporaryDirectory(prefix="counterfoil-bench-") as home:
        rig = Rig(Path(home) / "home", 64)
        try:
            rig.drive(rig.deposits(count), 64)
            store = rig.system.stores["ledger"]
            head = store.head()
            data = store.entries(0, head.size if head is not None else 0)
        finally:
            rig.close()
    origin = f"{HOST}/ledger/main"
    replayed: Engine[Any] = Engine(DECIDERS["ledger"], origin, lambda _size: None)
    began = time.perf_counter_ns()
    events = 0
    for each in data:
        entry = decode_entry(each)
        events += len(entry.events)
        replayed.replay(entry)
    report(Figure("replay", "events folded from entry bytes, no signatures", events, _since(began)))
    entries = [decode_entry(each) for each in data]
    causes = [entry.cause for entry in entries]
    parsed = [decode_payload(c.payload, c.signature) if isinstance(c, CommandCause) else None for c in causes]
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


def memory(sizes: Sequence[int], report: Callable[[str], None]) -> None:
    """Resident memory of the whole process while one log grows."""
    with tempfile.TemporaryDirectory(prefix="counterfoil-bench-") as home:
        rig = Rig(Path(home) / "home", 64)
        try:
            for size in sizes:
                runner = rig.system.runners["ledger"]
                while runner.tree.size < size:
                    rig.drive(rig.deposits(min(5_000, size - runner.tree.size)), 64)
                report(f"{runner.tree.size:>9,} entries: {_resident_kib() / 1024:.0f} MiB resident")
        finally:
            rig.close()


def _since(began: int) -> int:
    return (time.perf_counter_ns() - began) // 1_000_000


def _resident_kib() -> int:
    """Resident set now where Linux tells it, else the peak so far."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * resource.getpagesize() // 1024
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
