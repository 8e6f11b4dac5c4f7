"""A market under load that auditors follow: live in its own directory, by a mirror that is kept, and by new mirrors.

Who follows begins each audit where the last one ended, as users do (`--resume`); now and then one begins with the first
entry, of the live directory and of a mirror made anew. Every audit must be clean, however the logs grow meanwhile; then
a byte is changed, which must be found in each way.
``python -m tests.faults audited --seconds 180`` prints what was sent and found, and what following costs.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Final

from counterfoil.audit.auditor import audit
from counterfoil.audit.kept import kept_in
from counterfoil.audit.report import AuditReport
from counterfoil.client.log_server import LogServer
from counterfoil.client.mirror import Mirrored, mirror
from counterfoil.client.problems import Misserved
from counterfoil.contract.log_id import LogId, log_of
from counterfoil.contract.services import MAIN_LOGS
from counterfoil.instance import Instance
from counterfoil.log.keys import VerifyKey
from counterfoil.log.tiles import bundle_path
from tests.e2e.founding import found_a_market
from tests.e2e.running import Shell, serving

RATE: Final = 200
"""Commands a second."""
_ENDS_WITHIN: Final = 60  # seconds
_NICENESS: Final = 10
"""Of the auditors, which have machines of their own: here they leave the processors to the market and its clients."""
_WHOLE_EVERY: Final = 8  # rounds; the others go on
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


@contextmanager
def loaded(url: str, home: Path, rate: int, found: Followed) -> Iterator[None]:
    """So many commands a second come from another process for the length of the block."""
    began = time.monotonic()
    command = [sys.executable, "-m", "tests.faults.steady_load", url, str(home), str(rate)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield
            output, _ = process.communicate(timeout=_ENDS_WITHIN)  # its input ends, and so does it
        finally:
            process.kill()
    found.seconds = time.monotonic() - began
    found.sent, found.shed = json.loads(output)


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
        with self._found.timed("audit of the live directory, resumed"), kept_in(self._folder / "live") as kept:
            self._found.count(audit(self._home, self._trusted, kept=kept))
        with self._found.timed("mirror, kept"):
            self._mirror("mirror")
        with self._found.timed("audit of the mirror, resumed"), kept_in(self._folder / "audited") as kept:
            self._found.count(audit(self._folder / "mirror", self._trusted, kept=kept))
        if nth % _WHOLE_EVERY == 0:
            with self._found.timed("audit of the live directory"):
                self._found.count(audit(self._home, self._trusted))
            with self._found.timed("mirror, new"):
                self._mirror(f"new-{nth}")
            with self._found.timed("audit of a new mirror"):
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


def follow(folder: Path, seconds: float, rate: int = RATE, entries: int = 0) -> Followed:
    """Let a market run under load, and follow it; then plant a fault.

    It ends after so many seconds, but not before its logs have grown by so many entries while they were followed.
    """
    found, home = Followed(), folder / "home"
    Instance.create(home, "faults.example", "Market operator (fictional)", disclosure="public")
    shell = Shell(home)
    with serving(shell):
        found_a_market(shell, folder)
        with LogServer(shell.url) as server:
            auditors = Auditors(server, home, folder, found)
            ends = time.monotonic() + seconds
            with loaded(shell.url, home, rate, found):
                os.setpriority(os.PRIO_PROCESS, 0, _NICENESS)
                for nth in count():
                    auditors.follow(nth)
                    if time.monotonic() > ends and found.sizes[-1] - found.sizes[0] >= entries:
                        break
            auditors.plant()
    return found


def run(folder: Path, seconds: float) -> list[str]:
    """The drill; returns what is not well."""
    found = follow(folder, seconds)
    sys.stdout.write(f"{found.told()}\n")
    return found.findings + ([] if len(found.planted) == 2 else ["the planted fault was not found in both ways"])
