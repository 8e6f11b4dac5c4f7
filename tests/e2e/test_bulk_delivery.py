"""A provider with many contracts: all hours reported from one file, and all that was delivered claimed at once."""

from __future__ import annotations

import csv
import random
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from counterfoil.contract.times import DAY, HOUR, format_hour
from counterfoil.core.rules import LATEST, RULES
from counterfoil.runtime.clock import ClockDriver
from tests.e2e.founding import BLOCK, PROGRAMME, found_a_market
from tests.e2e.running import Shell, eventually, move_on, serving

pytestmark = pytest.mark.e2e

COUNT = 50
"""Contracts: more than one claim may have."""
HOURS = 2
FULL = 8 * 60  # GPU-minutes of a node's hour
START = int(time.time()) // 3_600 * HOUR
FIRST = START // HOUR + 2
END = FIRST + HOURS


class Timed(Shell):
    """A shell whose processes go by a clock file."""

    @property
    def environment(self) -> dict[str, str]:
        """The environment of a command."""
        return {**super().environment, "COUNTERFOIL_CLOCK": str(self.home.parent / "clock")}


def table(path: Path, rows: list[tuple[object, ...]]) -> Path:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return path


def contracts(shell: Shell) -> list[dict[str, Any]]:
    return list(shell.ok("usage", "contracts", "--where", "provider_id=norn"))


def traded(shell: Shell, folder: Path) -> list[str]:
    """The contracts."""
    window = ("--from", format_hour(FIRST), "--until", format_hour(END))
    shell.soon("offer", "post", *BLOCK, "--nodes", str(COUNT), *window, "--price", "0.10", "--as", "norn")
    eventually(lambda: shell.ok("offer", "list", "--where", "status=open"))
    bid = (PROGRAMME, BLOCK[1], BLOCK[3], 1, HOURS, format_hour(FIRST), format_hour(FIRST), "0.10")
    header = ("programme", "class", "region", "nodes", "hours", "earliest", "latest", "price")
    shell.ok("import", "bid", "place", table(folder / "bids.csv", [header, *[bid] * COUNT]), "--as", "acme")
    eventually(lambda: len(contracts(shell)) == COUNT)
    return [each["contract_id"] for each in contracts(shell)]


def test_many_contracts_are_reported_and_claimed_by_one_command_each(tmp_path: Path) -> None:
    shell = Timed(tmp_path / "home")
    ClockDriver.create(tmp_path / "clock", START)
    shell.ok("init", "--host", "bulk.example")
    with ClockDriver(tmp_path / "clock") as clock, serving(shell):
        found_a_market(shell, tmp_path)
        divide(shell, tmp_path)
        made = traded(shell, tmp_path)
        report_all(shell, clock, made, tmp_path)
        move_on(shell, clock, END * HOUR + 30 * DAY)  # nobody disputed
        eventually(lambda: all(each["status"] == "completed" and int(each["unclaimed"]) for each in contracts(shell)))
        claim_all(shell, made)


def report_all(shell: Shell, clock: ClockDriver, made: list[str], folder: Path) -> None:
    readings = [(name, format_hour(FIRST + nth), FULL) for name in made for nth in range(HOURS)]
    random.Random(3).shuffle(readings)
    header: tuple[object, ...] = ("contract", "hour", "gpu_minutes")
    file = table(folder / "readings.csv", [header, *readings])
    report = ("usage", "report", "--file", file, "--as", "norn")
    assert shell.ok(*report, "--dry-run") == {"lines": HOURS * COUNT, "commands": COUNT, "batches": 2}
    twice = table(folder / "twice.csv", [header, *readings, readings[7]])
    for wrong, message in (
        (("usage", "report", "--file", twice, "--as", "norn"), f"line {len(readings) + 2}: line 9 has this hour"),
        ((*report, "--reading", "20260105T08Z=1"), "a file names the contracts and readings itself"),
        (("usage", "report", "--as", "norn"), "name a contract and its readings, or a file"),
        (
            ("usage", "report", made[0], "--reading", "20260105T08Z=1", "--outcomes", "x", "--as", "norn"),
            "belongs to --file",
        ),
        (
            ("usage", "report", "--file", folder / "bids.csv", "--as", "norn"),
            "contract, hour, gpu_minutes, and no other",
        ),
    ):
        ran = shell.run(*wrong, "--json")
        assert (ran.code, message in ran.error["meaning"]) == (2, True), ran.err
    move_on(shell, clock, END * HOUR)
    for _ in range(2):  # the second time the outcome of the first is shown
        done = shell.ok(*report)
        assert done["counts"] == {"accepted": HOURS * COUNT}
        assert [each["line"] for each in done["outcomes"]] == list(range(2, HOURS * COUNT + 2))
    rows = eventually(lambda: len(found := shell.ok("usage", "list")) == COUNT and found)
    assert {each["gpu_minutes"] for each in rows} == {HOURS * FULL}


def claim_all(shell: Shell, made: list[str]) -> None:
    claim = ("claim", "submit", "--programme", PROGRAMME, "--invoice", "2027-001", "--all-delivered", "--as", "norn")
    most = RULES[LATEST].max_contracts_per_claim
    sizes = [("2027-001/1", most), ("2027-001/2", COUNT - most)]
    dry = shell.ok(*claim, "--dry-run")["claims"]
    assert [(each["invoice_number"], each["contracts"]) for each in dry] == sizes
    assert shell.ok("claim", "list") == []
    sent = shell.ok(*claim)["claims"]
    assert [(each["outcome"], each["amount"]) for each in sent] == [("claimed", each["amount"]) for each in dry]
    rows = eventually(lambda: len(found := shell.ok("claim", "list")) == 2 and found)
    claimed = Counter(line["contract_id"] for row in rows for line in row["lines"])
    assert claimed == Counter(made)
    assert {int(each["unclaimed"]) for each in contracts(shell)} == {0}
    assert shell.ok(*claim)["claims"] == []
    for wrong in (("--contract", made[0]), ("--all-delivered", "--contract", made[0]), ()):
        ran = shell.run(*claim[:6], *wrong, "--as", "norn", "--json")
        assert ran.code == (4 if wrong == ("--contract", made[0]) else 2), ran.err


def divide(shell: Shell, folder: Path) -> None:
    """More readings than a report may hold are several reports."""
    most = RULES[LATEST].max_readings
    readings = [("trd-1-0-0", format_hour(FIRST + nth), FULL) for nth in range(most + 1)]
    for count, commands in ((most, 1), (most + 1, 2)):
        file = table(folder / f"{count}.csv", [("contract", "hour", "gpu_minutes"), *readings[:count]])
        dry = shell.ok("usage", "report", "--file", file, "--dry-run", "--as", "norn")
        assert (dry["lines"], dry["commands"]) == (count, commands)
    words = [word for _, hour, minutes in readings for word in ("--reading", f"{hour}={minutes}")]
    report = ("usage", "report", "trd-1-0-0", *words, "--as", "norn", "--json")
    ran = eventually(lambda: (found := shell.run(*report)).out and found)  # redemption may not know norn's key yet
    assert (ran.code, ran.json["counts"], ran.json["file"]) == (4, {"refused: unknown_contract": most + 1}, None)
