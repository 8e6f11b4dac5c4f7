"""A market under load that auditors follow: live in its own directory, by a mirror that is kept, and by new mirrors.

Every audit must be clean, however the logs grow meanwhile; then a byte is changed, which must be found in each way.
``python -m tests.faults audited --seconds 180`` prints what was sent and found, and what following costs.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from threading import Event as Flag
from threading import Thread
from typing import Final

from counterfoil.audit.auditor import audit
from counterfoil.audit.kept import kept_in
from counterfoil.audit.report import AuditReport
from counterfoil.cli.keyring import Keyring
from counterfoil.client.http import Gateway
from counterfoil.client.ids import new_command_id
from counterfoil.client.log_server import LogServer
from counterfoil.client.mirror import Mirrored, mirror
from counterfoil.client.problems import Misserved, RefusedByService, Unreachable
from counterfoil.contract.log_id import LogId, log_of
from counterfoil.contract.record import Command as Body
from counterfoil.contract.services import MAIN_LOGS
from counterfoil.contract.times import HOUR
from counterfoil.instance import Instance
from counterfoil.key_files import no_passphrase
from counterfoil.ledger.commands import Deposit
from counterfoil.log.keys import VerifyKey
from counterfoil.log.tiles import bundle_path
from counterfoil.matching.commands import PlaceBid, PostOffer
from counterfoil.runtime.clock import SystemClock
from tests.e2e.founding import PROGRAMME, found_a_market
from tests.e2e.running import Shell, serving

RATE: Final = 200
"""Commands a second."""
_SENDERS: Final = 4
_NEW_MIRROR_EVERY: Final = 8  # rounds
_MIB: Final = 2**20


@dataclass
class Followed:
    """What was sent and found."""

    sent: int = 0
    shed: int = 0
    seconds: float = 0.0
    audits: int = 0
    findings: list[str] = field(default_factory=list)
    tails: list[int] = field(default_factory=list)
    """Of each audit, how many last entries waited for what another log had not published."""
    sizes: list[int] = field(default_factory=list)
    """Of each audit, how many entries the logs had."""
    costs: dict[str, list[float]] = field(default_factory=dict)
    """By what was done, the seconds that each took."""
    planted: list[str] = field(default_factory=list)
    """In which ways the planted fault was found."""

    @contextmanager
    def timed(self, what: str) -> Iterator[None]:
        """Add the seconds of the block to the costs of `what`."""
        began = time.monotonic()
        yield
        self.costs.setdefault(what, []).append(time.monotonic() - began)

    def count(self, report: AuditReport) -> None:
        """Add an audit."""
        self.audits += 1
        self.findings += map(str, report.findings)
        self.tails.append(sum(log.tail.entries for log in report.logs if log.tail is not None))
        self.sizes.append(sum(log.size for log in report.logs))

    def told(self) -> str:
        """In words."""
        waiting = sum(1 for each in self.tails if each)
        entries = f"{self.sizes[0]} to {self.sizes[-1]} entries"
        lines = [
            f"{self.sent} commands in {self.seconds:.0f} s ({self.sent / self.seconds:.0f}/s), {self.shed} shed",
            f"{self.audits} audits, of {entries}: {len(self.findings)} findings",
            f"{waiting} of the audits had a tail, of {max(self.tails)} entries at most",
        ]
        for what, took in self.costs.items():
            lines.append(f"{what}: {len(took)} times, {sum(took) / len(took):.2f} s each, {max(took):.2f} s at most")
        return "\n".join([*lines, f"the planted fault was found by: {', '.join(self.planted)}", *self.findings[:20]])


class Load:
    """Sends offers, bids and deposits to a gateway at a steady rate, from threads."""

    def __init__(self, url: str, home: Path, rate: int, found: Followed) -> None:
        self._url, self._found, self._rate, self._ended = url, found, rate, Flag()
        ring, self._origin = Keyring(home / "keys", no_passphrase), Instance(home).origin
        self._authors = {name: ring.author(name) for name in ("norn", "acme", "treasury")}
        self._numbers = count()
        self._shed: list[int] = []  # by whom; a list, since threads share it
        self._threads = [Thread(target=self._send, args=(nth,)) for nth in range(_SENDERS)]

    def __enter__(self) -> None:
        for thread in self._threads:
            thread.start()

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()
        self._found.shed = len(self._shed)
        self._found.sent = next(self._numbers) - self._found.shed

    def _send(self, nth: int) -> None:
        due = time.monotonic() + nth / self._rate
        with Gateway(self._url) as gateway:
            while not self._ended.wait(max(0.0, due - time.monotonic())):
                due += _SENDERS / self._rate
                try:
                    gateway.submit_async(self._envelope(next(self._numbers)))
                except (RefusedByService, Unreachable):
                    self._shed.append(nth)

    def _envelope(self, number: int) -> bytes:
        now = SystemClock().now()
        party, service, body = _command(number, now // HOUR)
        return self._authors[party].sign(body, self._origin(LogId(service)), new_command_id(), now)


def _command(number: int, hour: int) -> tuple[str, str, Body]:
    """Who sends what to which service: of offers and bids some meet, of bids some are refused for lack of funds."""
    price = 10_000 * (150 + number * 7 % 90)
    if number % 3 == 0:
        to = "norn" if number % 2 else "acme"
        deposit = Deposit(party_id=to, currency="USD", amount=10**9, payment_reference=f"LOAD-{number}")
        return "treasury", "ledger", deposit
    if number % 3 == 1:
        offer = PostOffer(
            class_id="a100-80gb", region="eu-west", currency="USD", nodes=1, window_start=hour + 4,
            window_end=hour + 30, price=price, min_nodes=1, min_hours=1, bond_bps=1_000, tif="GTC", good_until=None,
            stp="taker",
        )  # fmt: skip
        return "norn", "matching", offer
    bid = PlaceBid(
        programme_id=PROGRAMME, voucher_ids=(), classes=("a100-80gb",), regions=("eu-west",), nodes=1, hours=1,
        earliest=hour + 5, latest=hour + 25, limit_price=price, partial=False, min_nodes=1, tif="GTC",
        good_until=None, post_only=False, stp="taker",
    )  # fmt: skip
    return "acme", "matching", bid


class Auditors:
    """Those who follow a market in three ways."""

    def __init__(self, server: LogServer, home: Path, folder: Path, found: Followed) -> None:
        self._home, self._folder, self._found = home, folder, found
        self._keys = {log: Instance(home).verify_key(log) for log in MAIN_LOGS}
        self._server = server

    @property
    def _trusted(self) -> dict[str, VerifyKey]:
        return {key.name: key for key in self._keys.values()}

    def _mirror(self, name: str) -> list[Mirrored]:
        return mirror(self._server, self._folder / name, MAIN_LOGS, self._keys)

    def follow(self, nth: int) -> None:
        """One round."""
        with self._found.timed("audit of the live directory"):
            self._found.count(audit(self._home, self._trusted))
        with self._found.timed("mirror, kept"):
            self._mirror("mirror")
        with self._found.timed("audit of the mirror, resumed"), kept_in(self._folder / "audited") as kept:
            self._found.count(audit(self._folder / "mirror", self._trusted, kept=kept))
        if nth % _NEW_MIRROR_EVERY == 0:
            with self._found.timed("mirror, new"):
                self._mirror(f"new-{nth}")
            self._found.count(audit(self._folder / f"new-{nth}", self._trusted))

    def plant(self) -> None:
        """Change one byte of what is published, and look for it."""
        path = bundle_path(0)
        file = self._home / "logs" / "ledger" / "main" / path
        file.write_bytes(file.read_bytes().replace(b"norn", b"nurn", 1))
        if any((each.log, each.place) == ("ledger/main", path) for each in audit(self._home).findings):
            self._found.planted.append("an audit of the live directory")
        try:
            self._mirror("planted")
        except Misserved as problem:
            if (log_of(self._keys[LogId("ledger")].name).name, path) == (problem.log, problem.path):
                self._found.planted.append("a mirror")


def follow(folder: Path, seconds: float, rate: int = RATE) -> Followed:
    """Let a market run under load for so long, and follow it; then plant a fault."""
    found, home = Followed(), folder / "home"
    Instance.create(home, "faults.example", "Market operator (fictional)")
    shell = Shell(home)
    with serving(shell):
        found_a_market(shell, folder)
        with LogServer(shell.url) as server:
            auditors = Auditors(server, home, folder, found)
            began = time.monotonic()
            with Load(shell.url, home, rate, found):
                for nth in count():
                    auditors.follow(nth)
                    if time.monotonic() - began > seconds:
                        break
                found.seconds = time.monotonic() - began
            auditors.plant()
    return found


def run(folder: Path, seconds: float) -> list[str]:
    """The drill; returns what is not well."""
    found = follow(folder, seconds)
    sys.stdout.write(f"{found.told()}\n")
    return found.findings + ([] if len(found.planted) == 2 else ["the planted fault was not found in both ways"])
