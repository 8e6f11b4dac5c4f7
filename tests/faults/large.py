"""What a long history costs the distributed form: start, failover, state root, views, memory and audit of a large log.

``python -m tests.faults large --entries 1000000`` prints each figure as soon as it is measured.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from concurrent.futures import wait
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx
import psutil  # type: ignore[import-untyped]

from counterfoil.bench.large_log import ACCOUNTS, AMOUNT, TREASURY, firm
from counterfoil.bench.load import HOST, SEED, command_ids
from counterfoil.bootstrap import provision
from counterfoil.catalogue import VIEWS as DEFINITIONS
from counterfoil.cli.command import Out
from counterfoil.cli.progress import Bars, bars
from counterfoil.client.author import Author
from counterfoil.client.http import Gateway
from counterfoil.client.verify import verify_answer
from counterfoil.contract.log_id import MAIN, LogId
from counterfoil.contract.services import SERVICES
from counterfoil.instance import Instance
from counterfoil.ledger.chart import BANK
from counterfoil.ledger.commands import Deposit
from counterfoil.runtime.clock import SystemClock
from counterfoil.runtime.runner import STATE_ROOT_EVERY
from counterfoil.runtime.snapshots import SNAPSHOT_EVERY
from counterfoil.settings import ADMIN, GATEWAY, VIEWS, Settings, environment
from counterfoil.storage.view_store import open_view_store_on, read_view_store_on
from counterfoil.testbed.cluster.cluster import Cluster
from counterfoil.testbed.fleet import Fleet, ServiceProcess
from counterfoil.testbed.seeded_keys import seeded_key
from counterfoil.transport.kafka import KafkaTransport
from tests.faults.large_market import fill_market

FOLDED_MAX: Final = SNAPSHOT_EVERY + STATE_ROOT_EVERY + 1_024
"""Entries that a start may fold: from one snapshot to the next, and what one commit holds more."""
_LOAD: Final = 12_000  # commands, so that a kill comes long after the last snapshot
_ENTRIES_PER_ACCOUNT: Final = 20  # at least
_LEDGER: Final = LogId("ledger")
_STANDBY: Final = "ledger+standby"
_POLL_SECONDS: Final = 0.02
_SLOW_POLL_SECONDS: Final = 0.1
_MIB: Final = 2**20


@dataclass
class Findings:
    """What was measured, printed as it comes, and what was not well."""

    problems: list[str] = field(default_factory=list)

    def row(self, what: str, figure: str, note: str = "") -> None:
        """Print a row of the table."""
        sys.stdout.write(f"{what:<44} {figure:>14}  {note}".rstrip() + "\n")
        sys.stdout.flush()

    def check(self, holds: bool, problem: str) -> None:
        """Note a problem unless it `holds`."""
        if not holds:
            self.problems.append(problem)
            sys.stdout.write(f"NOT WELL: {problem}\n")


class LargeDrill:
    """The market, and what its processes took. `within`: the seconds that any step may take."""

    def __init__(self, instance: Instance, fleet: Fleet, within: float, found: Findings) -> None:
        self.instance, self.fleet, self.within, self.found = instance, fleet, within, found
        self._treasury = Author(TREASURY, seeded_key(SEED, TREASURY))
        self._ids, self._key = command_ids(), instance.verify_key(_LEDGER)
        self._resident: dict[str, int] = {}
        self._peaks: dict[str, int] = {}

    # waiting --------------------------------------------------------------------------------------------------------

    def start(self, component: str, suffix: str = "") -> tuple[ServiceProcess, float]:
        """Start a process; returns it and the seconds until it is ready, and active."""
        began = time.monotonic()
        process = self.fleet.start((component,), suffix)
        while not process.is_active():
            process.check_running()
            self._in_time(began, f"{process.name} is ready")
            time.sleep(_POLL_SECONDS)
        return process, time.monotonic() - began

    def _in_time(self, began: float, what: str) -> None:
        if time.monotonic() - began > self.within:
            raise TimeoutError(f"not within {self.within:.0f} s: {what}")

    # memory ---------------------------------------------------------------------------------------------------------

    def remember(self, *names: str) -> None:
        """Note what processes hold now, and held at most, before they end."""
        for name in names or list(self.fleet.processes):
            status = Path(f"/proc/{self.fleet.processes[name].popen.pid}/status").read_text()
            octets = {line.split(":")[0]: int(line.split()[1]) * 1024 for line in status.splitlines() if " kB" in line}
            component = name.partition("+")[0]
            self._resident[component] = octets["VmRSS"]
            self._peaks[component] = max(octets["VmHWM"], self._peaks.get(component, 0))

    def show_memory(self) -> None:
        """A row for each component: what it holds, and the most that any process of it held."""
        for component, octets in self._resident.items():
            peak = f"at most {self._peaks[component] // _MIB} MiB"
            self.found.row(f"resident memory, {component}", f"{octets // _MIB} MiB", peak)

    # steps ----------------------------------------------------------------------------------------------------------

    def first_start(self, entries: int) -> None:
        """The ledger alone, which announces its whole log; then the others, which read it."""
        process, took = self.start("ledger")
        rate = f"{entries / took:,.0f} entries/s; {_cpu(process)}"
        self.found.row("first start: everything is announced", f"{took:.1f} s", rate)
        self.remember()
        self._show_folded("ledger")
        began = time.monotonic()
        for service in SERVICES:
            if service != "ledger":
                self.start(service)
        open_view_store_on(
            self.fleet.settings.database_access(VIEWS), DEFINITIONS
        ).close()  # empty: a gateway asks for it
        self.start(GATEWAY)
        self.fleet.wait_settled(self.within)
        took = time.monotonic() - began
        self.found.row("the other services, and a gateway", f"{took:.1f} s", "until they have read all logs")

    def rebuild(self, shown: Bars) -> None:
        """The views from nothing; queries are refused until they are whole."""
        reader = httpx.Client(base_url=self.fleet.url, timeout=10)
        access = self.fleet.settings.database_access(GATEWAY)
        asked, wrong = 0, 0
        with reader, closing(read_view_store_on(access, DEFINITIONS)) as store:
            began = time.monotonic()
            process = self.fleet.start((VIEWS,))
            while (answer := reader.get(f"/v1/balances/{BANK}/USD")).status_code != httpx.codes.OK:
                asked, wrong = asked + 1, wrong + (answer.json().get("code") != "catching_up")
                process.check_running()
                self._in_time(began, "the views are rebuilt")
                progress = store.progress().values()
                shown.reach("views", sum(each.position for each in progress), sum(each.target for each in progress))
                time.sleep(_SLOW_POLL_SECONDS)
            took = time.monotonic() - began
        note = f"{asked} queries were refused meanwhile; {_cpu(process)}"
        self.found.row("views rebuilt from nothing", f"{took:.1f} s", note)
        self.found.check(asked > 0 and not wrong, f"{wrong} of {asked} queries were not refused as catching_up")
        self.remember(VIEWS)

    def restart(self, what: str, *, killed: bool) -> None:
        """End the ledger's writer, start it again, and show how long that takes."""
        self.remember("ledger")
        if killed:
            self.fleet.kill("ledger")
        else:
            codes = self.fleet.stop("ledger")
            self.found.check(set(codes.values()) == {0}, f"the ledger ended with {codes}")
        process, took = self.start("ledger")
        self.found.row(what, f"{took:.2f} s", f"until it is ready; {_cpu(process)}")
        self._show_folded("ledger")

    def fail_over(self) -> None:
        """Kill the active writer; a standby takes over, and decides a command that is sent at once."""
        standby = self.fleet.start(("ledger",), "standby")
        began = time.monotonic()
        while not (standby.is_ready() and standby.role() == "standby"):
            self._in_time(began, "the standby is ready")
            time.sleep(_POLL_SECONDS)
        self.remember("ledger")
        envelope = self._deposit()
        self.fleet.kill("ledger")
        began = time.monotonic()
        self._submit(envelope)
        took = time.monotonic() - began
        self.found.row("failover after kill -9", f"{took:.2f} s", "until a command has its receipt")
        self.found.check(standby.role() == "active", "the standby has not taken over")
        self._show_folded(_STANDBY)

    def load(self, commands: int) -> float:
        """Send deposits as a gateway does, the last one through it; returns the seconds until that has its receipt."""
        envelopes = [self._deposit() for _ in range(commands)]
        access, keys = self.fleet.settings.kafka_access(GATEWAY), self.instance.verify_keys()
        with closing(KafkaTransport(access, GATEWAY, MAIN, keys)) as kafka:
            began = time.monotonic()
            wait([kafka.send_command(_LEDGER, envelope) for envelope in envelopes[:-1]], self.within)
            self._submit(envelopes[-1])
            return time.monotonic() - began

    def _deposit(self) -> bytes:
        command_id = next(self._ids)
        body = Deposit(party_id=firm(0), currency="USD", amount=AMOUNT, payment_reference=command_id)
        return self._treasury.sign(body, self.instance.origin(_LEDGER), command_id, SystemClock().now())

    def _submit(self, envelope: bytes) -> None:
        with Gateway(self.fleet.url) as gateway:
            entry = verify_answer(gateway.submit(envelope), self._key, envelope).entry
        self.found.check(entry.outcomes[0].refusal is None, f"a deposit was refused: {entry.outcomes[0].refusal}")

    def _show_folded(self, name: str) -> None:
        folded = int(sum(self.fleet.processes[name].metric("counterfoil_folded_entries_total")))
        self.found.row("", f"{folded:,}", "entries folded behind the snapshot")
        self.found.check(folded <= FOLDED_MAX, f"{name} folded {folded:,} entries, {FOLDED_MAX:,} are expected at most")

    def deposited(self) -> int:
        """How many deposits there were, as the views say once they have all of them."""
        self.fleet.wait_settled(self.within)
        with Gateway(self.fleet.url) as gateway:
            row = gateway.get("balances", BANK, "USD")
        self.found.check(int(row["posted"]) == -int(row["n"]) * AMOUNT, f"the bank's balance is {row}")
        return int(row["n"])

    def audit(self, entries: int, deposits: int) -> None:
        """Audit what is published, in a process of its own; its memory is that of all its processes together."""
        command = [sys.executable, "-m", "counterfoil", "audit", str(self.instance.root), "--json"]
        output, peak, began = self.instance.root.parent / "audit.json", 0, time.monotonic()
        with output.open("wb") as file:
            process = subprocess.Popen(command, stdout=file, env=environment(self.fleet.settings))
            while process.poll() is None:
                peak = max(peak, _memory_with_children(process.pid))
                self._in_time(began, "the audit")
                time.sleep(_SLOW_POLL_SECONDS)
        took = time.monotonic() - began
        report: dict[str, Any] = json.loads(output.read_text())
        ledger = next(log for log in report["logs"] if log["origin"] == self.instance.origin(_LEDGER))
        verdict = "clean" if report["clean"] else f"{len(report['findings'])} findings"
        self.found.row("audit", f"{took:.1f} s", f"{verdict}; at most {peak // _MIB} MiB in all its processes")
        self.found.check(report["clean"], f"the audit found {report['findings'][:5]}")
        self.found.check(ledger["size"] >= entries, f"the published ledger has {ledger['size']:,} entries")
        self.found.check(ledger["commands"] == deposits, f"{ledger['commands']:,} commands, the views say {deposits:,}")


def run(cluster: Cluster, folder: Path, entries: int) -> list[str]:
    """Make a market whose ledger has `entries` entries, and measure; returns what was not well.

    Raises `NotRunning`, `TimeoutError` and what clients raise, where it cannot go on.
    """
    settings = Settings().changed(cluster.addresses)
    kafka, database = settings.kafka_access(ADMIN), settings.database_access(ADMIN)
    provision.apply(kafka, database, brokers=cluster.brokers, secrets=cluster.secrets)
    instance = Instance.create(
        folder / "home", HOST, "Market operator", lambda name: seeded_key(SEED, name), disclosure="public"
    )
    found = Findings()
    _fill(instance, settings, entries, found)
    given = settings.changed({"home": instance.root, "log_level": "INFO"})
    with Fleet(given, folder / "processes") as fleet:
        drill = LargeDrill(instance, fleet, 120 + entries / 2_000, found)
        drill.first_start(entries)
        with bars(Out(json=False), "entries") as shown:
            drill.rebuild(shown)
        drill.restart("start after an orderly end", killed=False)
        load = max(1, min(_LOAD, entries // 4))
        took = drill.load(load)
        found.row(
            "load, straight to Kafka", f"{load / took:,.0f}/s", f"{load:,} deposits, until the last has its receipt"
        )
        drill.restart("start after kill -9", killed=True)
        drill.fail_over()
        deposits = drill.deposited()
        drill.remember()
        drill.show_memory()
        codes = fleet.stop()
        found.check(set(codes.values()) == {0}, f"the processes ended with {codes}")
        drill.audit(entries, deposits)
    return found.problems


def _fill(instance: Instance, settings: Settings, entries: int, found: Findings) -> None:
    accounts = min(ACCOUNTS, max(1, entries // _ENTRIES_PER_ACCOUNT))
    began = time.monotonic()
    with bars(Out(json=False), "entries") as shown:
        roots = fill_market(
            instance, settings.database_access, entries, accounts, lambda size: shown.reach("log", size, entries)
        )
    took = time.monotonic() - began
    found.row("the log is made", f"{took:.0f} s", f"{entries:,} entries, {accounts:,} accounts; virtual time")
    last = statistics.median(roots[-10:]) / 10**6
    found.row("a state root at that size", f"{last:.1f} ms", f"median of the last {len(roots[-10:])} of {len(roots)}")


def _cpu(process: ServiceProcess) -> str:
    """What it has used since it began: other work on the machine changes that less than the time it takes."""
    return f"{sum(process.metric('process_cpu_seconds_total')):.1f} s of CPU"


def _memory_with_children(pid: int) -> int:
    """Octets, each shared page in equal parts, since an audit forks; 0 once it has ended."""
    try:
        process = psutil.Process(pid)
        return sum(each.memory_full_info().pss for each in (process, *process.children(recursive=True)))
    except psutil.Error:
        return 0
