"""An audit divided among processes finds what one process finds, and leaves none behind."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from counterfoil.audit.auditor import audit
from counterfoil.audit.beside import Beside, Tell
from counterfoil.audit.files import CannotAudit
from counterfoil.audit.kept import Kept
from counterfoil.audit.report import AuditReport, Finding
from counterfoil.audit.shares import divided
from counterfoil.audit.structure import OpenLog
from counterfoil.contract.log_id import LogId
from counterfoil.contract.services import SERVICES
from tests.audit.conftest import divide
from tests.audit.forge import Forgery, other_value, scalars

ISSUANCE, LEDGER, MATCHING, REDEMPTION = (LogId(service) for service in SERVICES)
SIZES = {ISSUANCE: 600, LEDGER: 2_000, MATCHING: 1_400, REDEMPTION: 1_200}
WAYS = 1, 2, 4


# dividing -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "most", "expected"),
    [
        ({}, 1, [{ISSUANCE, LEDGER, MATCHING, REDEMPTION}]),
        ({}, 2, [{LEDGER, ISSUANCE}, {MATCHING, REDEMPTION}]),
        ({}, 3, [{LEDGER}, {REDEMPTION, ISSUANCE}, {MATCHING}]),
        ({}, 9, [{LEDGER}, {MATCHING}, {REDEMPTION}, {ISSUANCE}]),
        ({ISSUANCE: 511}, 4, [{LEDGER}, {REDEMPTION, ISSUANCE}, {MATCHING}]),  # too small for a process
        ({MATCHING: 1_500}, 2, [{MATCHING, REDEMPTION}, {LEDGER, ISSUANCE}]),  # this process takes the largest
        ({LEDGER: 6_400}, 2, [{LEDGER}, {MATCHING, REDEMPTION, ISSUANCE}]),
        ({LEDGER: 6_401}, 2, [{ISSUANCE, LEDGER, MATCHING, REDEMPTION}]),  # more than two thirds are in one log
        (dict.fromkeys(SIZES, 200), 2, [{ISSUANCE, LEDGER, MATCHING, REDEMPTION}]),
    ],
)
def test_logs_are_divided_where_it_is_worth_while(
    changed: dict[LogId, int], most: int, expected: list[set[LogId]]
) -> None:
    assert list(map(set, divided({**SIZES, **changed}, most))) == expected


# the same report ----------------------------------------------------------------------------------------------------


def reports(logs: Path, monkeypatch: pytest.MonkeyPatch) -> list[AuditReport]:
    """One for each number of processes."""
    made = []
    for most in WAYS:
        divide(monkeypatch, most)
        made.append(audit(logs))
    return made


@pytest.mark.parametrize("service", SERVICES)
def test_edited_entries_give_the_same_report(small: Path, monkeypatch: pytest.MonkeyPatch, service: str) -> None:
    """Also where another log is wrong as well; what is found of either, and in which order, is the same."""
    rng, found = Random(f"shares/{service}"), 0
    untouched = small.parent / "untouched"
    shutil.copytree(small, untouched)
    for nth in range(3):
        for other in {service, rng.choice(SERVICES)}:
            log = Forgery(small, other)
            members, key = rng.choice(list(scalars(rng.choice(log.entries))))
            members[key] = other_value(members[key], rng)
            log.seal()
        first, *others = reports(small, monkeypatch)
        assert others == [first] * (len(WAYS) - 1), nth
        found += not first.clean
        shutil.rmtree(small)
        shutil.copytree(untouched, small)
    assert found > 1


@pytest.mark.parametrize("service", SERVICES)
def test_damaged_files_give_the_same_report(large: Path, monkeypatch: pytest.MonkeyPatch, service: str) -> None:
    """A bundle of every log but one, and a foreign file there."""
    for each in SERVICES:
        if each != service:
            files = sorted((large / each / "main" / "tile/entries").rglob("*"))
            file = next(path for path in files if path.is_file())
            data = bytearray(file.read_bytes())
            data[len(data) // 2] ^= 1
            file.write_bytes(data)
    (large / service / "main" / "README.md").write_text("foreign")
    first, *others = reports(large, monkeypatch)
    assert others == [first] * (len(WAYS) - 1)
    assert {each.log for each in first.findings} == {f"{each}/main" for each in SERVICES}


def test_what_another_process_alone_could_not_read_is_found(large: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that fails once may fail who consumes a log, and not who replays it."""

    def fails(log: OpenLog, _first: int = 0) -> Iterator[list[bytes]]:
        log._of_bundles.append(Finding(log.files.name, "tile/entries/000", "bundle_not_valid", "it failed once"))
        return iter(())

    monkeypatch.setattr(OpenLog, "entries", fails)
    divide(monkeypatch, 1)
    assert audit(large).clean
    divide(monkeypatch, 2)
    found = audit(large).findings
    assert {each.log for each in found if each.code == "bundle_not_valid"} == {f"{each}/main" for each in SERVICES}


def test_what_is_kept_is_the_same(large: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = []
    for most in WAYS:
        divide(monkeypatch, most)
        directory = tmp_path / f"kept-{most}"
        assert audit(large, kept=Kept(directory)).clean
        kept.append({path.name: path.read_bytes() for path in directory.iterdir()})
        again = audit(large, kept=Kept(directory))
        assert again.clean
        assert all(log.audited_before == log.size for log in again.logs)
    assert kept[1:] == kept[:-1]
    assert len(kept[0]) == 1 + 2 * len(SERVICES)


def test_what_is_kept_and_damaged_is_refused_from_another_process(
    large: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    divide(monkeypatch, 4)
    assert audit(large, kept=Kept(tmp_path / "kept")).clean
    for service in SERVICES:
        [state] = (tmp_path / "kept").glob(f"{service}*.state")
        good = state.read_bytes()
        state.write_bytes(good[good.index(b"\n") + 1 :])
        with pytest.raises(CannotAudit, match=f"{service}/main is damaged"):
            audit(large, kept=Kept(tmp_path / "kept"))
        state.write_bytes(good)


def test_without_room_for_a_process_all_is_done_here(large: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected, *_ = reports(large, monkeypatch)

    def full() -> int:
        raise BlockingIOError

    monkeypatch.setattr(os, "fork", full)
    assert audit(large) == expected


def test_all_progress_is_told(large: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for most in WAYS:
        divide(monkeypatch, most)
        told: list[tuple[int, int]] = []
        report = audit(large, progress=lambda _, done, total, told=told: told.append((done, total)))  # type: ignore[misc]
        size = sum(log.size for log in report.logs)
        assert {total for _, total in told} == {size}
        assert sum(done for done, _ in told) == size


# processes ----------------------------------------------------------------------------------------------------------


class Odd(Exception):
    """One that can be packed, but not unpacked."""

    def __init__(self, what: str, more: str) -> None:
        super().__init__(what + more)


def of(*values: Any) -> Any:
    """Makes the values, or raises them."""

    def make(_tell: Tell) -> Iterator[Any]:
        for value in values:
            if isinstance(value, BaseException):
                raise value
            yield value() if callable(value) else value

    return make


def ignored(_done: int) -> None:
    """Progress that nobody looks at."""


def test_values_come_in_order_from_another_process() -> None:
    beside = Beside(of(os.getpid, "second", os.getppid), ignored)
    assert next(beside) != os.getpid()
    assert list(beside) == ["second", os.getpid()]
    beside.close()


@pytest.mark.parametrize(
    ("problem", "kind", "text"),
    [
        (CannotAudit("no room"), CannotAudit, "no room"),
        (FileNotFoundError(2, "gone", "tile"), FileNotFoundError, "tile"),
        (Odd("no", "thing"), RuntimeError, "Odd: nothing"),
    ],
)
def test_an_exception_is_raised_here(problem: Exception, kind: type[Exception], text: str) -> None:
    beside = Beside(of("first", problem), ignored)
    assert next(beside) == "first"
    with pytest.raises(kind, match=text) as raised:
        next(beside)
    assert "in make" in "".join([*getattr(raised.value, "__notes__", ()), str(raised.value)])
    beside.close()


def test_a_process_that_is_killed_ends_the_audit() -> None:
    beside = Beside(of(lambda: os.kill(os.getpid(), signal.SIGKILL)), ignored)
    with pytest.raises(CannotAudit, match="ended before it was done"):
        next(beside)
    beside.close()


@pytest.mark.parametrize("is_done", [False, True])
def test_a_process_ends_with_the_one_that_began_it(is_done: bool) -> None:
    """Whether it works or waits to go on: both hold the pipe, which ends with the last of them."""
    text = f"""
import os, time
from counterfoil.audit.beside import Beside

def make(tell):
    os.write(1, b"begun")
    while not {is_done}:
        tell(1)
    yield 1
    yield 2

beside = Beside(make, lambda done: None)
if {is_done}:
    next(beside)
while True:
    beside.progress()
    time.sleep(0.01)
"""
    with subprocess.Popen([sys.executable, "-c", text], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.read(5) == b"begun"
        process.kill()
        assert process.communicate(timeout=60) == (b"", None)  # type: ignore[comparison-overlap]
