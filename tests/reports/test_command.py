"""`counterfoil report`: the same figures for people, as JSON and as CSV, and exit codes as the audit has them."""

from __future__ import annotations

import csv
import json
import shutil
from base64 import b64decode, b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from counterfoil.cli.command import Invalid
from counterfoil.cli.report_files import read_report
from counterfoil.client.author import Author
from counterfoil.client.problems import NotProven
from counterfoil.contract.canonical import canonical
from counterfoil.core.rules import LATEST
from counterfoil.key_files import write_key
from counterfoil.log.merkle import verify_consistency
from counterfoil.reports.catalogue import REPORTS
from counterfoil.reports.folding import fold
from counterfoil.reports.report import FORMAT, REPORT_TYPE, as_json, made
from tests.cli.command_line import invoke
from tests.market import seed_of


def of_csv(text: str) -> tuple[dict[str, object], list[dict[str, str]]]:
    """The header and the rows of a report in CSV."""
    lines = text.splitlines(keepends=True)
    head = [line.removeprefix("# ").partition(": ") for line in lines if line.startswith("#")]
    return {name: json.loads(value) for name, _, value in head}, list(csv.DictReader(lines[len(head) :]))


@pytest.mark.parametrize("report", ["R1", "R4", "R7", "R15"])
def test_a_report_says_the_same_in_every_form(report: str, played: Path, tmp_path: Path) -> None:
    words = ("report", report, str(played), "--programme", "p1", *(("--seed", "7f3a") if report == "R15" else ()))
    code, shown, _ = invoke(*words)
    assert code == 0
    assert REPORTS[report].title in shown
    file = tmp_path / "report.json"
    assert invoke(*words, "--output", str(file))[0] == 0
    found = json.loads(file.read_bytes())
    assert file.read_bytes() == canonical(found)
    head, rows = of_csv(invoke(*words, "--format", "csv")[1])
    assert head == found["header"]
    assert head["keys"] == "as published"
    assert [each["last"] for each in found["header"]["logs"]] == [
        int((played / name / "main" / "checkpoint").read_text().splitlines()[1]) - 1
        for name in ("issuance", "ledger", "matching", "redemption")
    ]
    assert len(rows) == len(found["rows"])
    for row, same in zip(rows, found["rows"], strict=True):
        cells = {name: "" if value is None else value for name, value in same.items()}
        assert row == {name: v if isinstance(v, str) else canonical(v).decode() for name, v in cells.items()}


def test_a_difference_has_an_exit_code_of_its_own(played: Path, tmp_path: Path) -> None:
    words = ("report", "R6", str(played), "--programme", "p1")
    statement = tmp_path / "statement.csv"
    for paid, expected in (("12", 0), ("11.99", 1)):
        statement.write_text(f"reference,amount\nPAY-1,{paid}\n")
        assert invoke(*words, "--bank", str(statement))[0] == expected
    statement.write_text("reference,amount\nPAY-1,12.50\nPAY-1,-0.50\n")
    assert invoke(*words, "--bank", str(statement))[0] == 0
    for amount in ("12.0000001", "--12", "1" * 140_000):
        statement.write_text(f"reference,amount\nPAY-1,{amount}\n")
        code, _, said = invoke(*words, "--bank", str(statement))
        assert (code, "line 2" in said) == (2, True)


def test_what_cannot_be_reported_on_is_said(played: Path, tmp_path: Path) -> None:
    code, _, said = invoke("report", "R1", str(played), "--programme", "p2")
    assert (code, "they have p1" in said) == (2, True)
    code, _, said = invoke("findings", str(played), "--programme", "p2")
    assert (code, "they have p1" in said) == (2, True)
    code, _, said = invoke("report", "R15", str(played), "--programme", "p1", "--seed", "")
    assert (code, "--seed" in said) == (2, True)
    other = Path(shutil.copytree(played, tmp_path / "logs"))
    bundle = max((other / "ledger" / "main" / "tile" / "entries").glob("000.p/*"), key=lambda path: int(path.name))
    data = bytearray(bundle.read_bytes())
    data[-2] ^= 1
    bundle.write_bytes(data)
    code, _, said = invoke("report", "R1", str(other), "--programme", "p1")
    assert (code, "ledger" in said) == (1, True)
    shutil.rmtree(other / "ledger")
    code, _, said = invoke("report", "R1", str(other), "--programme", "p1")
    assert (code, "no published log of ledger" in said) == (2, True)


def test_findings_have_an_exit_code_and_evidence_that_verifies(played: Path, tmp_path: Path) -> None:
    assert invoke("findings", str(played))[0] == 0
    logs, kept = Path(__file__).parents[1] / "golden" / "rules-6", tmp_path / "evidence"
    words = ("findings", str(logs), "--programme", "p12", "--pattern", "F17")
    code, out, _ = invoke(*words, "--evidence", str(kept), "--json")
    (alert,) = json.loads(out)["alerts"]
    assert (code, alert["pattern"], alert["entities"]) == (1, "F17", ["lab-1", "lab-2"])
    keys = tmp_path / "vkeys"
    keys.write_text("".join(path.read_text() for path in logs.glob("*/*/vkey")))
    for each in alert["evidence"]:
        entry = kept / alert["alert_id"] / f"{each['log']}-{each['index']}.json"
        assert invoke("log", "verify", str(entry), "--vkeys", str(keys))[0] == 0
    assert invoke(*words, "--threshold", "F17.low_bps=0")[0] == 0
    for wrong in (("--evidence", str(kept)), ("--threshold", "F17.low=0"), ("--threshold", "F17.low_bps=-1")):
        assert invoke(*words, *wrong)[0] == 2
    assert invoke("findings", str(logs), "--pattern", "F21")[0] == 2


def test_a_report_is_verified_by_making_it_again(played: Path, tmp_path: Path) -> None:
    """Also when the logs have grown since; not when a figure, a tree or what it is a report on was changed."""
    file, statement = tmp_path / "report.json", tmp_path / "statement.csv"
    statement.write_text("reference,amount\nPAY-1,12\n")
    for report, more in (("R2", ()), ("R6", ("--bank", str(statement))), ("R15", ("--seed", "7", "--size", "2"))):
        assert invoke("report", report, str(played), "--programme", "p1", "-o", str(file), *more)[0] == 0
        bank = more if report == "R6" else ()
        assert invoke("report", "verify", str(file), str(played), *bank)[0] == 0
    assert invoke("report", "R2", str(played), "--programme", "p1", "-o", str(file))[0] == 0
    good = json.loads(file.read_bytes())
    folded = fold(played)
    earlier = {each["origin"]: (each["last"] - 2, log.tree.root_at(each["last"] - 2)) for each, log in zip(
        good["header"]["logs"], (log for _, log in sorted(folded.logs.items())), strict=True)}  # fmt: skip
    file.write_bytes(as_json(made(fold(played, until=earlier), REPORTS["R2"], "p1", "older")))
    assert json.loads(file.read_bytes())["rows"] != good["rows"]
    assert invoke("report", "verify", str(file), str(played))[0] == 0
    changes: tuple[tuple[Callable[[Any], Any], int, str], ...] = (
        (lambda it: it["rows"][0].update(face="1"), 1, "row 0"),
        (lambda it: it["rows"].pop(), 1, "row 2"),
        (lambda it: it["header"].update(unit="EUR"), 1, "header: unit"),
        (lambda it: it["header"].update(title="EUR"), 1, "header: title"),
        (lambda it: it["header"].update(more=1), 1, "header: more"),
        (lambda it: it["header"].pop("generator"), 1, "header: generator"),
        (lambda it: it.update(more=1), 1, "more"),
        (lambda it: it["columns"][0].update(says="x"), 1, "columns"),
        (lambda it: it["header"].pop("programme_id"), 2, "no report"),
        (lambda it: it["header"].update(programme_id=["p1"]), 2, "another form"),
        (lambda it: it["header"].update(programme_id="p2"), 2, "they have p1"),
        (lambda it: it["header"].update(report="R15"), 2, "another form"),
        (lambda it: it["header"]["logs"][0].update(root="00" * 32), 1, "not those"),
        (lambda it: it["header"]["logs"][0].update(last=10**6), 1, "not those"),
        (lambda it: it["header"].update(format="x"), 2, "another form"),
        (lambda it: it["header"].pop("logs"), 2, "no report"),
    )
    for change, code, says in changes:
        changed = json.loads(json.dumps(good))
        change(changed)
        file.write_text(json.dumps(changed))
        got, out, said = invoke("report", "verify", str(file), str(played))
        assert (got, says in out + said) == (code, True), (says, out, said)


def test_a_report_can_be_signed_and_verify_says_by_whom(played: Path, tmp_path: Path) -> None:
    """By any key that is not revoked; not by another than it names, nor for other bytes."""
    file, keys = tmp_path / "report.json", tmp_path / "keys"
    keys.mkdir(mode=0o700)
    for name, seed in (("issuer", "city"), ("revoked", "lab-1 spare"), ("journalist", "journalist")):
        write_key(keys / f"{name}.pem", seed_of(seed), None)
    words = ("report", "R1", str(played), "--programme", "p1", "--keys", str(keys), "-o", str(file))
    for name, code, says in (("issuer", 0, "by city"), ("journalist", 0, "no party"), ("revoked", 1, "revoked")):
        assert invoke(*words, "--sign", name)[0] == 0
        got, out, said = invoke("report", "verify", str(file), str(played))
        assert (got, says in out + said) == (code, True), (says, out, said)
    assert invoke(*words, "--sign", "issuer")[0] == 0
    good = json.loads(file.read_bytes())
    assert set(good) == {"payload", "payloadType", "signatures"}
    report = json.loads(b64decode(good["payload"]))
    other = Author("x", seed_of("journalist"))
    report["header"]["unit"] = "EUR"
    changed = canonical(report)
    for data, code in (
        (other.seal(b64decode(good["payload"]), REPORT_TYPE), 1),
        (changed, 1),
        (canonical({**good, "payload": b64encode(changed).decode()}), 1),
        (Author("x", seed_of("city")).seal(changed, REPORT_TYPE), 1),
        (Author("x", seed_of("city")).seal(json.dumps(report).encode(), REPORT_TYPE), 2),
        (Author("x", seed_of("city")).seal(changed), 2),
        (canonical({**good, "signatures": []}), 2),
        (b"[]", 2),
    ):
        file.write_bytes(data)
        assert invoke("report", "verify", str(file), str(played))[0] == code, data[:80]
    for wrong in (("--sign", "issuer", "--format", "csv"), ("--sign", "nobody"), ()):
        assert invoke(*words, *wrong)[0] == 2, wrong


def test_a_report_on_integrity_proves_that_logs_go_on_from_an_earlier_one(played: Path, tmp_path: Path) -> None:
    earlier, now = tmp_path / "earlier.json", tmp_path / "now.json"
    trees = {log.checkpoint.origin: (7, log.tree.root_at(7)) for log in fold(played).logs.values()}
    earlier.write_bytes(as_json(made(fold(played, until=trees), REPORTS["R1"], "p1", "older")))
    words = ("report", "R14", str(played), "--programme", "p1", "-o", str(now), "--since", str(earlier))
    assert invoke(*words)[0] == 0
    found = json.loads(now.read_bytes())["rows"]
    assert len(found) == 4
    for row in found:
        proof = [bytes.fromhex(each) for each in row["consistency"]]
        old, new = bytes.fromhex(row["since_root"]), bytes.fromhex(row["root"])
        verify_consistency(row["since_size"], row["size"], old, new, proof)
        assert (row["since_size"], row["not_later"], row["rules"]) == (7, 0, [{"version": LATEST, "from": 1}])
        assert row["first_at"] < row["last_at"]
        assert row["commands"] > row["refused"]
    assert invoke("report", "verify", str(now), str(played))[0] == 0
    changed = json.loads(earlier.read_bytes())
    changed["header"]["logs"][0]["root"] = "00" * 32
    earlier.write_text(json.dumps(changed))
    code, _, said = invoke(*words)
    assert (code, "does not go on" in said) == (1, True)


def test_a_file_that_is_no_report_is_refused(played: Path, tmp_path: Path) -> None:
    """Whatever a member of its header is in the place of what it should be."""
    file = tmp_path / "report.json"
    log = {"origin": "x", "first": 0, "last": 1, "root": "00"}
    head: dict[str, Any] = {"format": FORMAT, "report": "R1", "programme_id": "p1", "given": {}, "logs": [log]}
    odd: tuple[Any, ...] = (None, [], [1], {}, {"seed": [1]}, {"size": 0}, {"size": True}, 1, True, "x", [{}])
    odd += (
        [{**log, "origin": [1]}],
        [{**log, "last": -2}],
        {"since": [log]},
        {"since": 1},
        {"since": [{**log, "size": 0}]},
        {"public_key": 1},
        {"public_key": "AA=="},
    )
    for name in (*head, "signer"):
        for value in odd:
            file.write_text(json.dumps({"header": {**head, name: value}, "columns": [], "rows": []}))
            try:
                read_report(file)
            except (Invalid, NotProven):
                continue
            assert invoke("report", "verify", str(file), str(played))[0] in (1, 2), (name, value)
