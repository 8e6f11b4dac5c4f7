"""Benchmark of the distributed form: services as processes on a Kafka and a PostgreSQL of this machine.

The load comes from a gateway without HTTP, in one process with the clients. The rest of the path from a signed envelope
to a receipt is real: Kafka, the ledger's process, PostgreSQL with `synchronous_commit`, Kafka again, the proof.
"""

from __future__ import annotations

import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Final

import psutil  # type: ignore[import-untyped]

from counterfoil.bench.figure import Figure, ReportFigure
from counterfoil.bench.load import HOST, SEED, LoadGenerator
from counterfoil.bootstrap.distributed import Distributed
from counterfoil.contract.services import SERVICES
from counterfoil.gateway.relay import AnswerRelay
from counterfoil.instance import Instance
from counterfoil.runtime.clock import SystemClock
from counterfoil.settings import GATEWAY, VIEWS, Settings
from counterfoil.testbed.fleet import Fleet
from counterfoil.testbed.seeded_keys import seeded_key
from counterfoil.testbed.servers import prepared_servers

_IN_FLIGHT: Final = 8_000  # just below the number above which a gateway sheds commands to one service
_SETTLED_WITHIN: Final = 120.0


def run(settings: Settings, commands: int, burst: int, report: ReportFigure) -> None:
    """Measure one shard on one broker: throughput with receipts, latency at half that rate, and the time of a burst.

    Raises `ClusterError`, `NotRunning`.
    """
    with (
        tempfile.TemporaryDirectory(prefix="counterfoil-bench-") as root,
        prepared_servers(settings, Path(root) / "cluster", lambda *_: None) as given,
    ):
        instance = Instance.create(
            Path(root) / "home", HOST, "Benchmark operator", lambda name: seeded_key(SEED, name), disclosure="public"
        )
        with Fleet(given.changed({"home": instance.root}), Path(root) / "log") as fleet:
            for component in (*SERVICES, VIEWS):
                fleet.start((component,))
            fleet.wait_ready()
            relay, clock = AnswerRelay(), SystemClock()
            here = given.changed({"home": instance.root, "probes": "127.0.0.1:0"})
            with closing(Distributed(instance, clock, here, (GATEWAY,), relay)) as system:
                system.start()
                load = LoadGenerator(instance, system.gateway.receipts, relay, clock.now)
                load.register(64)
                _measure(load, fleet, commands, burst, report)


def _measure(load: LoadGenerator, fleet: Fleet, commands: int, burst: int, report: ReportFigure) -> None:
    load.run(load.deposits(commands // 10), 64)
    envelopes = load.deposits(commands)
    before = _cpu_seconds(fleet)
    took, latencies = load.run(envelopes, 256)
    note = f"CPU: {_cpu_used(before, _cpu_seconds(fleet))}"
    whole = Figure("distributed", "signed deposits, 256 clients, receipt each", commands, took, note, latencies)
    report(whole)
    half = max(whole.per_second // 2, 1)
    count = min(commands, half * 10)
    took, latencies = load.run_at_rate(load.deposits(count), half)
    report(Figure("at half that load", "the same at a steady rate", count, took, latencies=latencies))
    envelopes = load.deposits(burst)
    took, latencies = load.run(envelopes, _IN_FLIGHT)
    lag = fleet.wait_settled(_SETTLED_WITHIN)
    note = f"no consumer had a backlog {lag:.2f} s after the last receipt"
    report(Figure("burst", f"as fast as they are accepted, {_IN_FLIGHT} in flight, receipt each", burst, took, note))


def _cpu_seconds(fleet: Fleet) -> dict[str, float]:
    """CPU seconds used by each process, and by the whole machine."""
    busy = psutil.cpu_times()
    found = {"clients and gateway": time.process_time(), "all of the machine": busy.user + busy.system}
    for name, process in fleet.processes.items():
        found[name] = sum(process.metric("process_cpu_seconds_total"))
    return found


def _cpu_used(before: dict[str, float], after: dict[str, float]) -> str:
    return ", ".join(f"{name} {after[name] - before[name]:.1f} s" for name in after if name in before)
