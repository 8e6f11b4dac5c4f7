"""An audit that begins where the last clean one ended finds what a whole one would find behind that."""

from __future__ import annotations

import copy
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from counterfoil.audit.auditor import audit
from counterfoil.audit.files import CannotAudit, LogFiles
from counterfoil.audit.ids import UsedIds
from counterfoil.audit.kept import FORMAT, Kept, kept_in
from counterfoil.audit.report import AuditReport
from counterfoil.contract.log_id import LogId
from counterfoil.issuance.commands import AppropriateBudget
from counterfoil.log.keys import SigningKey
from tests.audit.forge import Forgery
from tests.golden.cases import FOLDER
from tests.market import Market, deliver, found, image, trade, wind_up


@pytest.fixture(scope="module")
def stages(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The published logs at four points of one story; at the second the ledger is behind. Read only."""
    root = tmp_path_factory.mktemp("stages")
    market, made = Market(root / "home"), list[Path]()

    def published() -> None:
        for runner in market.system.runners.values():
            runner.publish()
        made.append(image(root / "home" / "logs", root / str(len(made)) / "logs"))

    try:
        found(market, crowd=120)
        published()
        for nth in range(3):
            budget = AppropriateBudget(programme_id="p1", amount=10_000, document=f"LATE-{nth}")
            market.system.submit(market.envelope("city", budget))
        market.system.runners[LogId("issuance")].step()
        published()
        market.system.settle()
        traded = trade(market)
        published()
        deliver(market, traded)
        wind_up(market, traded)
        market.system.seal()
        published()
    finally:
        market.system.close(seal=False)
    return made


def resumed(logs: Path, directory: Path) -> AuditReport:
    return audit(logs, kept=Kept(directory))


def sizes(report: AuditReport) -> dict[str, int]:
    return {log.origin: log.size for log in report.logs}


@pytest.mark.parametrize("chain", [(0, 1, 2, 3), (1, 3), (0, 0, 2), (3,)])
def test_audits_in_turn_find_what_one_finds(stages: list[Path], tmp_path: Path, chain: tuple[int, ...]) -> None:
    before: dict[str, int] = {}
    for stage in chain:
        report, whole = resumed(stages[stage], tmp_path / "kept"), audit(stages[stage])
        assert report.findings == whole.findings == []
        for one, all_ in zip(report.logs, whole.logs, strict=True):
            assert one.audited_before == before.get(one.origin, 0)
            assert one.entries_replayed == one.size - one.audited_before
            assert (one.state_root, one.rules, one.waiting) == (all_.state_root, all_.rules, all_.waiting)
        before = sizes(report)
    assert max(before.values()) > 256
    if 1 in chain:
        assert any(log.waiting and sum(log.waiting.values()) for log in audit(stages[1]).logs)
    assert len(list((tmp_path / "kept").iterdir())) == 1 + 2 * len(before), "nothing of older audits is left"


def test_outages_are_listed_by_every_later_audit(tmp_path: Path) -> None:
    """They are the writers' word for later deadlines: who looks at the last audit alone must see them."""
    logs = FOLDER / "rules-3"
    whole = {log.origin: log.outages for log in audit(logs).logs}
    assert all(whole.values())
    for _ in range(3):
        assert {log.origin: log.outages for log in resumed(logs, tmp_path / "kept").logs} == whole


def test_what_was_audited_is_not_read_again(
    stages: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    resumed(stages[2], tmp_path / "kept")
    read, paths = LogFiles.read, set[tuple[str, str]]()

    def seen(log: LogFiles, path: str) -> bytes:
        paths.add((log.name, path))
        return read(log, path)

    monkeypatch.setattr(LogFiles, "read", seen)
    report = resumed(stages[3], tmp_path / "kept")
    assert report.clean
    long = [log for log in report.logs if log.audited_before > 256]
    assert long
    assert not {("/".join(log.origin.split("/")[1:]), "tile/entries/000") for log in long} & paths


def forged(logs: Path, service: str, edit: Callable[[Forgery], None]) -> None:
    log = Forgery(logs, service)
    edit(log)
    log.seal()


def test_what_is_false_behind_the_audited_part_is_found(stages: list[Path], tmp_path: Path) -> None:
    def of_another(log: Forgery) -> None:
        log.event(log.find("contract.completed.v1"))["contract_id"] = "trd-9-9-9"

    logs = image(stages[3], tmp_path / "logs")
    forged(logs, "redemption", of_another)
    whole = audit(logs)
    assert not whole.clean
    resumed(stages[2], tmp_path / "kept")
    assert resumed(logs, tmp_path / "kept").findings == whole.findings
    again = resumed(stages[3], tmp_path / "kept")
    assert again.clean, "what has findings is not kept"
    assert any(log.audited_before < log.size for log in again.logs)


def test_a_command_repeated_from_the_audited_part_is_found(stages: list[Path], tmp_path: Path) -> None:
    def repeat(log: Forgery) -> None:
        log.entries.append(copy.deepcopy(log.entries[log.caused_by("command")[0]]))
        log.renumber()

    logs = image(stages[2], tmp_path / "logs")
    forged(logs, "issuance", repeat)
    resumed(stages[2], tmp_path / "kept")
    codes = {each.code for each in resumed(logs, tmp_path / "kept").findings if each.log.startswith("issuance")}
    assert codes == {each.code for each in audit(logs).findings if each.log.startswith("issuance")} != set()


def test_a_log_that_does_not_go_on_is_found(stages: list[Path], tmp_path: Path) -> None:
    resumed(stages[2], tmp_path / "kept")
    shorter = resumed(stages[1], tmp_path / "kept").findings
    assert {each.code for each in shorter} == {"not_what_was_audited"}
    logs = image(stages[3], tmp_path / "logs")
    forged(logs, "ledger", lambda log: log.entries[5].update(subject="withdraw"))
    codes = {(each.log, each.code) for each in resumed(logs, tmp_path / "kept").findings}
    assert ("ledger/main", "not_what_was_audited") in codes
    shutil.rmtree(logs / "matching")
    assert "log_missing" in {each.code for each in resumed(logs, tmp_path / "kept").findings}


def test_another_key_is_found_although_the_entries_go_on(stages: list[Path], tmp_path: Path) -> None:
    """Without pinned keys a log is checked against the key that it publishes itself."""
    resumed(stages[2], tmp_path / "kept")
    logs = image(stages[3], tmp_path / "logs")
    log = Forgery(logs, "ledger")
    log.key = SigningKey(log.key.name, b"another key".ljust(32))
    log.seal()
    assert audit(logs).clean
    found = resumed(logs, tmp_path / "kept").findings
    assert [(each.log, each.place, each.code) for each in found] == [("ledger/main", "vkey", "not_what_was_audited")]
    assert resumed(stages[3], tmp_path / "kept").clean, "the audit with the finding was not kept"


def test_a_power_cut_leaves_an_audit_whole(stages: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the index names is on the disk before the index, and the index before the older files are removed."""
    directory = tmp_path / "kept"
    resumed(stages[0], directory)
    durable, replaced = set[Path](), list[Path]()
    sync, replace, unlink = os.fsync, Path.replace, Path.unlink

    def synced(handle: int) -> None:
        sync(handle)
        durable.add(Path(f"/proc/self/fd/{handle}").readlink())

    def replacing(path: Path, target: Path) -> Path:
        there = {each for each in directory.iterdir() if "-2." in each.name}
        assert len(there) == 8
        assert durable >= {directory, path, *there}
        durable.clear()
        replaced.append(target)
        return replace(path, target)

    def unlinking(path: Path, *, missing_ok: bool = False) -> None:
        if path.parent == directory:
            assert (replaced, durable) == ([directory / "audit.json"], {directory})
        unlink(path, missing_ok=missing_ok)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(Path, "replace", replacing)
    monkeypatch.setattr(Path, "unlink", unlinking)
    assert resumed(stages[1], directory).clean
    assert replaced


def test_a_new_shard_is_audited_from_its_first_entry(stages: list[Path], tmp_path: Path) -> None:
    """As is any log that the directory does not know: it consumed its sources from their first entry on."""
    directory = tmp_path / "kept"
    resumed(stages[1], directory)
    index = json.loads((directory / "audit.json").read_bytes())
    index["logs"] = [each for each in index["logs"] if "/redemption/" not in each["origin"]]
    (directory / "audit.json").write_text(json.dumps(index))
    report = resumed(stages[3], directory)
    assert report.findings == []
    assert sum(not log.audited_before for log in report.logs) == 1


@pytest.mark.parametrize("kind", ["state", "ids", "fewer ids", "other ids", "json", "origin", "format", "missing"])
def test_a_damaged_directory_is_refused(stages: list[Path], tmp_path: Path, kind: str) -> None:
    directory = tmp_path / "kept"
    resumed(stages[0], directory)
    index = directory / "audit.json"
    [state] = directory.glob("ledger*.state")
    if kind == "state":
        state.write_bytes(state.read_bytes().replace(b"lab-1", b"lab-2", 1))
    elif kind == "ids":
        [ids] = directory.glob("ledger*.ids")
        ids.write_bytes(ids.read_bytes()[:-1])
    elif kind == "fewer ids":
        [ids] = directory.glob("ledger*.ids")
        ids.write_bytes(ids.read_bytes()[:-16])
    elif kind == "other ids":
        [ids] = directory.glob("ledger*.ids")
        data = ids.read_bytes()
        ids.write_bytes(data[:40] + bytes([data[40] ^ 1]) + data[41:])
    elif kind == "origin":
        index.write_bytes(index.read_bytes().replace(b"/ledger/main", b"-ledger-main"))
    elif kind == "json":
        index.write_bytes(index.read_bytes()[:-1])
    elif kind == "format":
        index.write_text(json.dumps({**json.loads(index.read_bytes()), "format": FORMAT + 1}))
    else:
        state.unlink()
    with pytest.raises(CannotAudit, match="remove it to audit from the first entry"):
        resumed(stages[3], directory)
    shutil.rmtree(directory)
    assert resumed(stages[3], directory).clean


def test_one_audit_at_a_time_uses_a_directory(stages: list[Path], tmp_path: Path) -> None:
    directory = tmp_path / "kept"
    for stage in stages[:2]:
        with kept_in(directory) as kept:
            with pytest.raises(CannotAudit, match=f"in use by the audit in process {os.getpid()}: let it end"):
                kept_in(directory).__enter__()
            assert audit(stage, kept=kept).clean
    with kept_in(directory) as kept:
        assert kept.logs


def test_ids_are_kept(tmp_path: Path) -> None:
    ids, path = UsedIds(), tmp_path / "ids"
    names = [f"lab-{number}/x" for number in range(5_000)]
    assert all(ids.add(name) for name in names)
    with path.open("wb") as file:
        ids.write(file)
    again = UsedIds.read(path)
    assert not any(again.add(name) for name in names)
    assert again.add("lab-x/y")
