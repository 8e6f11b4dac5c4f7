"""Benchmark of the distributed form: services as processes on a Kafka and a PostgreSQL of this machine.

The driver is a gateway without HTTP, in a process with the clients; every part of the path from a signed envelope to a
receipt is real: Kafka, the ledger's process, PostgreSQL with `synchronous_commit`, Kafka again, the proof.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

import psutil  # type: ignore[import-untyped]

from counterfoil.bench.embedded import Figure
from counterfoil.bench.load import HOST, SEED, Driver, percentile
from counterfoil.bootstrap.distributed import Distributed
from counterfoil.contract.commands import SERVICES
from counterfoil.demo.story_driver import demo_entropy
from counterfoil.gateway.app import Delivery
from counterfoil.instance import Instance
from counterfoil.runtime.clock import SystemClock
from counterfoil.settings import GATEWAY, VIEWS, Settings
from counterfoil.testbed.fleet import Fleet
from counterfoil.testbed.servers import servers

_IN_FLIGHT: Final = 8_000  # just below what a gateway lets through to one service
_SETTLED_WITHIN: Final = 120.0
Report = Callable[[Figure], None]


def run(settings: Settings, commands: int, burst: int, report: Report) -> None:
    """One shard, one broker: throughput with receipts, latency at half of it, and how a burst is worked off.

    Raises `ClusterError`, `NotRunning`.
    """
    with (
        tempfile.TemporaryDirectory(prefix="counterfoil-bench-") as root,
        servers(settings, Path(root) / "cluster", lambda *_: None) as given,
    ):
        instance = Instance.create(
            Path(root) / "home", HOST, "Benchmark operator", lambda name: demo_entropy(SEED, name)
        )
        with Fleet(given.model_copy(update={"home": instance.root}), Path(root) / "log") as fleet:
            for part in (*SERVICES, VIEWS):
                fleet.start((part,))
            fleet.ready()
            delivery, clock = Delivery(), SystemClock()
            here = given.model_copy(update={"home": instance.root, "probes": "127.0.0.1:0"})
            with closing(Distributed(instance, clock, here, (GATEWAY,), delivery)) as system:
                system.start()
                driver = Driver(instance, system.gateway.receipts, delivery, clock.now)
                driver.register(64)
                _measure(driver, fleet, commands, burst, report)


def _measure(driver: Driver, fleet: Fleet, commands: int, burst: int, report: Report) -> None:
    driver.drive(driver.deposits(commands // 10), 64)
    envelopes = driver.deposits(commands)
    before = _seconds(fleet)
    took, latencies = driver.drive(envelopes, 256)
    note = f"p50 {percentile(latencies, 50)} us, p99 {percentile(latencies, 99)} us{_hops(before, _seconds(fleet))}"
    whole = Figure("distributed", "signed deposits, 256 clients, receipt each", commands, took, note)
    report(whole)
    half = max(whole.per_second // 2, 1)
    count = min(commands, half * 10)
    took, latencies = driver.paced(driver.deposits(count), half)
    note = f"p50 {percentile(latencies, 50)} us, p99 {percentile(latencies, 99)} us"
    report(Figure("at half that load", "the same at a steady rate", count, took, note))
    envelopes = driver.deposits(burst)
    took, latencies = driver.drive(envelopes, _IN_FLIGHT)
    lag = _until_settled(fleet)
    note = f"all consumers had caught up {lag:.2f} s after the last receipt"
    report(Figure("burst", f"as fast as they are taken, {_IN_FLIGHT} under way, receipt each", burst, took, note))


def _until_settled(fleet: Fleet) -> float:
    """Seconds until no consumer of the fleet is behind. Raises TimeoutError."""
    began = time.monotonic()
    while any(_lags(fleet)):
        if time.monotonic() - began > _SETTLED_WITHIN:
            raise TimeoutError("the consumers do not catch up")
        time.sleep(0.05)
    return time.monotonic() - began


def _lags(fleet: Fleet) -> Iterator[float]:
    for member in fleet.members.values():
        for line in member.ask("metrics").text.splitlines():
            if line.startswith("counterfoil_consumer_lag{"):
                yield float(line.rpartition(" ")[2])


def _seconds(fleet: Fleet) -> dict[str, float]:
    """CPU seconds used by each process, and by the whole machine."""
    busy = psutil.cpu_times()
    found = {"clients and gateway": time.process_time(), "all of the machine": busy.user + busy.system}
    for name, member in fleet.members.items():
        for line in member.ask("metrics").text.splitlines():
            if line.startswith("process_cpu_seconds_total "):
                found[name] = float(line.rpartition(" ")[2])
    return found


def _hops(before: dict[str, float], after: dict[str, float]) -> str:
    used = [f"{name} {after[name] - before[name]:.1f} s" for name in after if name in before]
    return f"; CPU: {', '.join(used)}"
