"""A window's order, draw or division that the log does not give is found by re-decision, whoever signed the log."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from counterfoil.audit.auditor import audit
from counterfoil.catalogue import DECIDERS
from counterfoil.contract.canonical import canonical, loads
from counterfoil.core.rules import LATEST
from counterfoil.log.checkpoint import parse_checkpoint
from counterfoil.log.keys import SigningKey
from counterfoil.log.note import parse_note
from tests.audit.forge import publish, read_entries
from tests.golden.window_story import MODES, tell
from tests.golden.world import HOST, GoldenWorld, seed
from tests.properties.world import found

KEY: Final = SigningKey(f"{HOST}/issuance/main", seed(1_000 + sorted(DECIDERS).index("issuance")))
Entries = list[dict[str, Any]]
PROGRAMMES: Final = {mode: programme_id for programme_id, mode in MODES.items()}


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The published logs of three windows: ranked, drawn, and divided."""
    world = GoldenWorld(tmp_path_factory.mktemp("windows"), LATEST)
    found(world)
    tell(world)
    world.system.close()
    return world.home / "logs"


def decisions(entries: Entries, mode: str) -> list[int]:
    """The entries that decide the applications of a mode's window."""
    return [
        index
        for index, entry in enumerate(entries)
        for each in entry["data"]["events"]
        if each["type"] == "application.decided.v1" and each["programme_id"] == PROGRAMMES[mode] and each["window_id"]
    ]


def swapped(entries: Entries) -> int:
    """The drawn order is another: the second goes first."""
    first, second, *_ = decisions(entries, "LOTTERY")
    one, two = entries[first]["data"]["events"], entries[second]["data"]["events"]
    for name in ("application_id", "beneficiary_id", "submitted_at"):
        one[0][name], two[0][name] = two[0][name], one[0][name]
    one[1]["beneficiary_id"] = one[0]["beneficiary_id"]
    return first


def other_draw(entries: Entries) -> int:
    """The draw is not that of the seed."""
    (index,) = [
        index for index, entry in enumerate(entries)
        for each in entry["data"]["events"] if each["type"] == "window.closed.v1" and each["draw"] is not None
    ]  # fmt: skip
    event = entries[index]["data"]["events"][0]
    event["draw"] = event["seed"]
    return index


def better_score(entries: Entries) -> int:
    """The mean of the scores is another."""
    index = decisions(entries, "RANKED")[0]
    event = entries[index]["data"]["events"][0]
    event["points"] = str(int(event["points"]) + 1)
    return index


def larger_share(entries: Entries) -> int:
    """One gets a quantum more than its share, and all totals follow."""
    index = decisions(entries, "PRO_RATA")[0]
    decided, voucher = entries[index]["data"]["events"]
    for event, name in ((decided, "subsidy"), (voucher, "face"), (voucher, "group_issued_after")):
        event[name] = str(int(event[name]) + 10_000)
    for event, name in ((decided, "co_payment"), (voucher, "uncommitted_after")):
        event[name] = str(int(event[name]) - 10_000)
    return index


@pytest.mark.parametrize("forge", [swapped, other_draw, better_score, larger_share])
def test_a_forged_decision_is_found(told: Path, tmp_path: Path, forge: Callable[[Entries], int]) -> None:
    logs = tmp_path / "logs"
    shutil.copytree(told, logs)
    root = logs / "issuance" / "main"
    size = parse_checkpoint(parse_note((root / "checkpoint").read_bytes()).text).size
    entries: Entries = [loads(data) for data in read_entries(root, size)]
    index = forge(entries)
    publish(root, KEY, [canonical(entry) for entry in entries])
    findings = {(each.log, each.place, each.code) for each in audit(logs).findings}
    assert ("issuance/main", f"entry {index}", "decision_differs") in findings


def test_the_logs_as_they_are_have_no_findings(told: Path) -> None:
    assert audit(told).findings == []
