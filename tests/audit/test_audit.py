"""An honest market audits clean, and any changed, added or lost byte of its published files is found."""

from __future__ import annotations

import shutil
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from counterfoil.audit.auditor import audit
from counterfoil.audit.files import CannotAudit, LogFiles
from counterfoil.audit.report import Finding
from counterfoil.audit.structure import FINDINGS_MAX, open_log
from counterfoil.contract.events import StateRooted
from counterfoil.contract.log_id import LogId
from counterfoil.contract.services import SERVICES
from counterfoil.issuance.commands import AppropriateBudget
from counterfoil.issuance.events import BudgetRecycled
from counterfoil.ledger.events import BondSlashed, ClaimSettled, HoldCaptured, VoucherExpired
from counterfoil.log.checkpoint import Checkpoint, sign_checkpoint
from counterfoil.log.keys import SigningKey, VerifyKey
from counterfoil.log.tiles import decode_bundle, encode_bundle
from counterfoil.matching.events import TradeMatched
from counterfoil.redemption.events import ProviderDefaulted
from tests.audit.forge import publish
from tests.market import HOST, Market, found, play, seed_of

SAMPLES = 100
"""How many positions per file get a flipped bit; in shorter files, every byte."""


def vkey(root: Path) -> VerifyKey:
    return VerifyKey.parse((root / "vkey").read_text().strip())


def of_files(root: Path) -> tuple[int, list[Finding]]:
    """How many entries of a log can be replayed, and what is wrong with its files."""
    log, findings = open_log(LogFiles(root), None)
    if log is None:
        return 0, findings
    return sum(map(len, log.bundles())), log.findings()


def places(root: Path) -> set[tuple[str, str]]:
    """(place, code) of each finding in one log's files."""
    return {(each.place, each.code) for each in of_files(root)[1]}


def only(directory: Path, pattern: str) -> Path:
    """The widest partial file of a pattern: the one that the checkpoint needs."""
    return max(directory.glob(pattern), key=lambda path: int(path.name))


# clean --------------------------------------------------------------------------------------------------------------


def test_an_honest_market_audits_clean(tmp_path: Path) -> None:
    market = Market(tmp_path / "home")
    play(market)
    happened = {
        kind: len(market.events(service, kind))
        for service, kind in (
            ("issuance", BudgetRecycled), ("ledger", BondSlashed), ("ledger", ClaimSettled), ("ledger", HoldCaptured),
            ("ledger", VoucherExpired), ("matching", TradeMatched), ("redemption", ProviderDefaulted),
        )
    }  # fmt: skip
    assert all(happened.values()), happened
    report = market.sealed()
    assert report.findings == []
    assert report.clean
    assert report.to_json()["clean"] is True
    by_service = {log.origin.split("/")[1]: log for log in report.logs}
    assert sorted(by_service) == sorted(SERVICES)
    for log in report.logs:
        assert log.entries_replayed == log.size
        assert log.state_roots == 1
        assert not any(log.waiting.values())
    assert by_service["matching"].trades == 2
    assert by_service["issuance"].signatures == 11
    assert sum(log.refused for log in report.logs) == 3


def test_the_recorded_state_root_is_the_one_reported(tmp_path: Path) -> None:
    market = Market(tmp_path / "home")
    found(market)
    market.system.seal()
    rooted = {service: market.events(service, StateRooted)[-1].root.hex() for service in SERVICES}
    report = market.sealed()
    assert {log.origin.split("/")[1]: log.state_root for log in report.logs} == rooted


def test_a_backlog_is_no_finding(tmp_path: Path) -> None:
    """Logs at different stages of one story: events not consumed yet are counted, and are no finding."""
    market = Market(tmp_path / "home")
    found(market)
    market.system.submit(market.envelope("city", AppropriateBudget(programme_id="p1", amount=10_000, document="B-2")))
    market.system.runners[LogId("issuance")].step()  # and the ledger has not consumed it
    for runner in market.system.runners.values():
        runner.seal()
    market.system.close(seal=False)
    report = audit(tmp_path / "home")
    assert report.findings == []
    assert {sum(log.waiting.values()) for log in report.logs} == {0, 1}


def test_nothing_to_audit(tmp_path: Path) -> None:
    with pytest.raises(CannotAudit, match="no published log"):
        audit(tmp_path)
    with pytest.raises(CannotAudit, match="not a directory"):
        audit(tmp_path / "nowhere")


def test_only_trusted_keys_are_believed(small: Path) -> None:
    trusted = {vkey(root).name: vkey(root) for root in sorted(small.glob("*/main"))}
    assert audit(small, trusted).clean
    other = SigningKey(f"{HOST}/ledger/main", bytes(32)).verify_key
    for wrong in ({**trusted, other.name: other}, {name: key for name, key in trusted.items() if name != other.name}):
        codes = {(each.log, each.place, each.code) for each in audit(small, wrong).findings}
        assert ("ledger/main", "vkey", "key_not_valid") in codes


# every byte ---------------------------------------------------------------------------------------------------------


def test_every_file_of_the_log_has_partial_and_full_tiles_of_two_levels(large: Path) -> None:
    paths = set(LogFiles(large / "ledger/main").paths())
    assert {"checkpoint", "vkey", "tile/0/000", "tile/entries/000"} < paths
    assert any(path.startswith("tile/1/000.p/") for path in paths)
    stale = [path for path in paths if path.startswith("tile/entries/001.p/")]
    assert len(stale) > 1, "older partial versions are there too"


@pytest.mark.parametrize("service", SERVICES)
def test_a_flipped_bit_in_any_file_is_found_there(large: Path, service: str) -> None:
    root = large / service / "main"
    assert places(root) == set()
    flips = 0
    for path in list(LogFiles(root).paths()):
        file = root / path
        good = file.read_bytes()
        for nth, at in enumerate(sorted({*range(0, len(good), max(1, len(good) // SAMPLES)), len(good) - 1})):
            bad = bytearray(good)
            bad[at] ^= 1 << (nth + at) % 8
            file.write_bytes(bad)
            assert path in {place for place, _ in places(root)}, f"{path} at {at}"
            flips += 1
        file.write_bytes(good)
    assert flips > 900
    assert places(root) == set()


def test_a_flipped_bit_on_the_third_level_is_found_there(tmp_path: Path) -> None:
    root = tmp_path / "ledger" / "main"
    root.mkdir(parents=True)
    publish(root, SigningKey(f"{HOST}/ledger/main", bytes(32)), [b"%d" % number for number in range(65_536 + 300)])
    assert places(root) == set()
    for path in ("tile/2/000.p/1", "tile/1/000", "tile/1/001.p/1", "tile/0/255", "tile/0/257.p/44"):
        good = (root / path).read_bytes()
        (root / path).write_bytes(bytes([good[0] ^ 1]) + good[1:])
        assert path in {place for place, _ in places(root)}, path
        (root / path).write_bytes(good)


# whole files --------------------------------------------------------------------------------------------------------


def _edit_bundle(change: Callable[[list[bytes]], object]) -> Callable[[Path], str]:
    def tamper(root: Path) -> str:
        file = only(root, "tile/entries/001.p/*")
        entries = decode_bundle(file.read_bytes(), int(file.name))
        change(entries)
        file.write_bytes(encode_bundle(entries))
        return f"tile/entries/001.p/{file.name}"

    return tamper


def _append(pattern: str, more: bytes) -> Callable[[Path], str]:
    def tamper(root: Path) -> str:
        file = only(root, pattern) if "*" in pattern else root / pattern
        with file.open("ab") as opened:
            opened.write(more)
        return file.relative_to(root).as_posix()

    return tamper


def _remove(pattern: str) -> Callable[[Path], str]:
    def tamper(root: Path) -> str:
        file = only(root, pattern) if "*" in pattern else root / pattern
        file.unlink()
        return file.relative_to(root).as_posix()

    return tamper


def _foreign(path: str, data: bytes = b"x") -> Callable[[Path], str]:
    def tamper(root: Path) -> str:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(data)
        return path

    return tamper


def _size(root: Path) -> str:
    note = (root / "checkpoint").read_bytes()
    origin, size, rest = note.split(b"\n", 2)
    (root / "checkpoint").write_bytes(b"\n".join((origin, b"%d" % (int(size) - 1), rest)))
    return "checkpoint"


FILES: dict[str, tuple[Callable[[Path], str], str]] = {
    "an entry deleted from the last bundle": (_edit_bundle(lambda e: e.pop()), "bundle_not_valid"),
    "an entry deleted inside a bundle": (_edit_bundle(lambda e: e.pop(3)), "bundle_not_valid"),
    "an entry appended to a bundle": (_edit_bundle(lambda e: e.append(b"{}")), "bundle_not_valid"),
    "an entry replaced by another": (_edit_bundle(lambda e: e.__setitem__(2, e[3])), "bundle_not_valid"),
    "two entries swapped": (_edit_bundle(lambda e: e.__setitem__(slice(0, 2), e[1::-1])), "bundle_not_valid"),
    "half a length after a bundle": (_append("tile/entries/001.p/*", b"\0"), "bundle_not_valid"),
    "an empty entry after a full bundle": (_append("tile/entries/000", struct.pack(">H", 0)), "bundle_not_valid"),
    "trailing bytes on a partial tile": (_append("tile/0/001.p/*", b"\0"), "edge_not_valid"),
    "one more hash on a partial tile": (_append("tile/0/001.p/*", bytes(32)), "edge_not_valid"),
    "trailing bytes on an upper tile": (_append("tile/1/000.p/*", b"\0"), "edge_not_valid"),
    "trailing bytes on a full tile": (_append("tile/0/000", b"\0"), "file_not_of_this_log"),
    "a missing bundle": (_remove("tile/entries/001.p/*"), "bundle_not_valid"),
    "a missing full bundle": (_remove("tile/entries/000"), "bundle_not_valid"),
    "a missing partial tile": (_remove("tile/0/001.p/*"), "edge_not_valid"),
    "a missing upper tile": (_remove("tile/1/000.p/*"), "edge_not_valid"),
    "a missing key": (_remove("vkey"), "key_not_valid"),
    "a foreign file": (_foreign("README.md"), "file_not_of_this_log"),
    "a hidden file": (_foreign(".git"), "file_not_of_this_log"),
    "a file in the making, where none is made": (_foreign("tile/.new-1a2b"), "file_not_of_this_log"),
    "another spelling of a tile": (_foreign("tile/0/0"), "file_not_of_this_log"),
    "a wider tile that begins with others": (_foreign("tile/0/001", bytes(32 * 256)), "file_not_of_this_log"),
    "a wider bundle that begins with others": (_foreign("tile/entries/001", b"\0\x01x" * 256), "file_not_of_this_log"),
    "a stale partial that never was": (_foreign("tile/entries/001.p/1", b"\0\x01x"), "file_not_of_this_log"),
    "trailing bytes on the checkpoint": (_append("checkpoint", b"\n"), "checkpoint_not_valid"),
    "trailing bytes on the key": (_append("vkey", b"\n"), "key_not_valid"),
    "an edited size": (_size, "checkpoint_not_valid"),
}


@pytest.mark.parametrize("what", FILES)
def test_a_tampered_file_is_found_and_named(large: Path, what: str) -> None:
    tamper, code = FILES[what]
    place = tamper(large / "ledger/main")
    report = audit(large)
    assert not report.clean
    assert ("ledger/main", place, code) in {(each.log, each.place, each.code) for each in report.findings}


def test_a_missing_full_tile_is_found(large: Path) -> None:
    (large / "matching/main/tile/0/000").unlink()
    report = audit(large)
    assert "tile/0/000 is missing" in {each.text for each in report.findings}, report.findings


@pytest.mark.parametrize("service", SERVICES)
def test_a_missing_log_is_found(small: Path, service: str) -> None:
    shutil.rmtree(small / service)
    report = audit(small)
    assert (service, "log_missing") in {(each.log, each.code) for each in report.findings}
    others = {each.code for each in report.findings} - {"log_missing"}
    assert others == {"cause_not_available"}


def test_a_log_in_the_place_of_another_is_found(small: Path) -> None:
    shutil.rmtree(small / "ledger/main")
    shutil.copytree(small / "matching/main", small / "ledger/main")
    codes = {(each.log, each.code) for each in audit(small).findings}
    assert ("matching/main", "origin_not_expected") in codes or ("ledger/main", "origin_not_expected") in codes


def test_a_checkpoint_that_claims_a_world_of_entries_ends_the_search(small: Path) -> None:
    root = small / "ledger/main"
    shutil.rmtree(root / "tile")
    (root / "tile/6").mkdir(parents=True)
    (root / "tile/6/000.p").mkdir()
    (root / "tile/6/000.p/1").write_bytes(bytes(32))
    key = SigningKey(f"{HOST}/ledger/main", seed_of("log-ledger"))
    (root / "checkpoint").write_bytes(sign_checkpoint(Checkpoint(key.name, 1 << 48, bytes(32)), key))
    intact, findings = of_files(root)
    assert intact == 0
    assert len(findings) == FINDINGS_MAX + 1
    assert findings[-1].code == "too_many_findings"
