"""Commands from files: every line has its outcome, bad files send nothing, and running it again does nothing twice."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from pyarrow import parquet

from counterfoil.cli import lines as module
from counterfoil.cli.export import cell_of
from counterfoil.cli.late_views import VIEWS, View
from counterfoil.cli.parquet import write_parquet
from tests.e2e.founding import BLOCK, END, FIRST, PROGRAMME, found_a_market
from tests.e2e.running import Shell, eventually, serving

pytestmark = pytest.mark.e2e

ISSUE = ("import", "voucher", "issue")


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """A served market."""
    folder = tmp_path_factory.mktemp("market")
    shell = Shell(folder / "home")
    shell.ok("init", "--host", "market.example")
    with serving(shell):
        found_a_market(shell, folder)
        yield shell


def write(path: Path, rows: Sequence[Sequence[object]]) -> Path:
    """A CSV file."""
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return path


def faces(market: Shell) -> list[int]:
    return sorted(int(row["face"]) for row in market.ok("voucher", "list"))


def test_vouchers_are_issued_once_with_an_outcome_per_line(market: Shell, tmp_path: Path) -> None:
    amounts = [100 + nth for nth in range(130)]
    rows = [("programme", "beneficiary", "amount"), *((PROGRAMME, "acme", each) for each in amounts)]
    rows[7] = (PROGRAMME, "nobody", 1_000)
    file = write(tmp_path / "vouchers.csv", rows)
    before = faces(market)
    dry = market.ok(*ISSUE, file, "--as", "springfield", "--dry-run")
    assert dry == {"lines": 130, "commands": 130, "batches": 3}
    assert faces(market) == before
    for _ in range(2):
        ran = market.run(*ISSUE, file, "--as", "springfield", "--json")
        assert ran.code == 4, ran.err
        assert ran.json["counts"] == {"accepted": 129, "refused: unknown_party": 1}
        outcomes = list(csv.DictReader((tmp_path / "vouchers.csv.outcomes.csv").read_text().splitlines()))
        assert [int(each["line"]) for each in outcomes] == list(range(2, 132))
        assert [each["line"] for each in outcomes if each["outcome"] != "accepted"] == ["8"]
        assert len({each["id"] for each in outcomes}) == 130
        eventually(lambda: len(faces(market)) == len(before) + 129)
    wanted = [each * 10**6 for nth, each in enumerate(amounts) if nth != 6]
    assert faces(market) == sorted(before + wanted)
    people = market.run(*ISSUE, file, "--as", "springfield")
    assert "unknown_party" in people.out
    assert "put refused lines alone" in people.err
    first = write(tmp_path / "one.csv", rows[:2])
    market.ok(*ISSUE, first, "--as", "springfield")
    market.ok(*ISSUE, first, "--as", "springfield", "--idempotency-key", "the second call")
    eventually(lambda: faces(market).count(100_000_000) == 3)


def test_offers_and_bids_come_as_json_lines_with_lists_and_defaults(market: Shell, tmp_path: Path) -> None:
    offers = tmp_path / "offers.jsonl"
    block = {"class": BLOCK[1], "region": BLOCK[3]}
    offer = {**block, "nodes": 2, "from": FIRST, "until": END, "price": "1.80"}
    offers.write_text("".join(json.dumps({**offer, "nodes": nodes}) + "\n" for nodes in (1, 2, 3)))
    posted = market.ok("import", "offer", "post", offers, "--as", "norn")["outcomes"]
    assert [each["outcome"] for each in posted] == ["accepted"] * 3
    eventually(lambda: len(market.ok("offer", "list", "--where", "status=open")) == 3)
    bids = tmp_path / "bids.csv"
    header = ("programme", "class", "region", "nodes", "hours", "earliest", "latest", "price", "partial")
    line = (PROGRAMME, "a100-80gb; a100-80gb", "eu-west", 1, 2, FIRST, FIRST, "0.50")
    write(bids, [header, (*line, "yes"), (*line, "no")])
    ran = market.run("import", "bid", "place", bids, "--as", "acme", "--json")
    assert ran.json["counts"] == {"refused: duplicate_item": 2}
    write(bids, [header, (*line[:1], "a100-80gb", *line[2:], "yes"), (*line[:1], "a100-80gb", *line[2:], "")])
    placed = market.ok("import", "bid", "place", bids, "--as", "acme")["outcomes"]
    rows = eventually(lambda: len(found := market.ok("bid", "list", "--where", "status=open")) == 2 and found)
    assert {each["bid_id"]: each["partial"] for each in rows} == {
        each["id"]: partial for each, partial in zip(placed, (True, False), strict=True)
    }


def test_lines_of_one_contract_are_one_report(market: Shell, tmp_path: Path) -> None:
    rows: list[tuple[Any, ...]] = [("contract", "reading")]
    rows += [(f"trd-{nth}-0-0", f"202601{5 + nth:02}T{hour:02}Z=480") for nth in range(3) for hour in range(4)]
    file = write(tmp_path / "readings.csv", rows)
    assert market.ok("import", "usage", "report", file, "--as", "norn", "--dry-run")["commands"] == 3
    ran = market.run("import", "usage", "report", file, "--as", "norn", "--json")
    assert ran.json["counts"] == {"refused: unknown_contract": 12}
    assert len({each["entry"] for each in ran.json["outcomes"]}) == 1


BAD: list[tuple[str, str | bytes, str]] = [
    ("unknown column", "programme,amount,colour\np,1,red\n", "line 2: there is no column colour; these are: "),
    ("missing option", "programme,amount\np,1\n", "line 2: Missing option '--beneficiary'"),
    ("bad value", "programme,beneficiary,amount\np,b,1.1234567\np,b,x\n", "2 of 2 lines are wrong"),
    ("bad id", "programme,beneficiary,amount\nNOT AN ID,b,1\n", "line 2: programme_id: an id: up to 63 of a-z, 0-9"),
    ("several", "programme,beneficiary,amount\np,b,1;2\n", "line 2: amount takes one value, and there are 2"),
    ("too few", "programme,beneficiary,amount\np,b\n", "line 2: 2 values for 3 columns"),
    ("twice", "programme,programme\np,b\n", "names every column, each once"),
    ("no lines", "programme,beneficiary,amount\n", "has no lines"),
    ("empty", "", "is empty"),
    ("not text", b"\xff\xfe\x00", "not UTF-8 at byte 0"),
    ("quote", 'programme,beneficiary,amount\n"p,b,1\n', "not CSV"),
    ("long", "programme,beneficiary,amount\np,b," + "1" * module.MAX_LINE_CHARS + "\n", "longer than 16384"),
]  # fmt: skip


@pytest.mark.parametrize(("content", "message"), [each[1:] for each in BAD], ids=[each[0] for each in BAD])
def test_a_bad_file_sends_nothing_and_says_where(
    market: Shell, tmp_path: Path, content: str | bytes, message: str
) -> None:
    file = tmp_path / "bad.csv"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    nowhere = Shell(market.home)  # whatever is sent there has exit code 5
    ran = nowhere.run(*ISSUE, file, "--as", "springfield", "--json")
    assert (ran.code, ran.error["code"]) == (2, "cannot_run")
    assert message in ran.error["meaning"]


TWICE = '{"programme": "p", "beneficiary": "b", "amount": 1, "amount": 2}'


def test_a_good_file_is_sent(market: Shell, tmp_path: Path) -> None:
    """Else the test above could not tell."""
    good = write(tmp_path / "good.csv", [("programme", "beneficiary", "amount"), (PROGRAMME, "acme", 200)])
    assert Shell(market.home).run(*ISSUE, good, "--as", "springfield", "--json").code == 5


@pytest.mark.parametrize("text", ["[]", "{", TWICE, '{"programme": {}}', '{"programme": 1.5}', "[" * 9_000])
def test_bad_json_lines_say_where(market: Shell, tmp_path: Path, text: str) -> None:
    file = tmp_path / "bad.jsonl"
    file.write_text(f"\n{text}\n")
    ran = market.run(*ISSUE, file, "--as", "springfield", "--json")
    assert (ran.code, "line 2" in ran.error["meaning"]) == (2, True), ran.err


def test_lines_are_bounded(market: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_LINES", 2)
    line = (PROGRAMME, "nobody", 100)
    for lines, code in ((2, 4), (3, 2)):
        file = write(tmp_path / f"{lines}.csv", [("programme", "beneficiary", "amount"), *[line] * lines])
        assert market.run(*ISSUE, file, "--as", "springfield").code == code


def test_what_cannot_be_imported_is_named(market: Shell, tmp_path: Path) -> None:
    file = write(tmp_path / "some.csv", [("a",), ("b",)])
    ran = market.run("import", "voucher", "conjure", file, "--as", "springfield", "--json")
    assert ran.code == 2
    assert re.search("of `voucher` these can: .*issue, ", ran.error["meaning"])
    ran = market.run("import", "vouchers", "issue", file, "--as", "springfield", "--json")
    assert ran.code == 2
    assert re.search("groups: .*application, .*balance, bid, .*offer, .*voucher", ran.error["meaning"])


def test_a_view_is_exported_whole_and_in_place_of_an_older_file(market: Shell, tmp_path: Path) -> None:
    listed = market.ok("voucher", "list", "--where", "beneficiary_id=acme")
    lines = tmp_path / "vouchers.jsonl"
    lines.write_text("an older file")
    done = market.ok("export", "vouchers", lines, "--where", "beneficiary_id=acme")
    assert done == {"view": "vouchers", "rows": len(listed), "file": str(lines)}
    assert [json.loads(line) for line in lines.read_text().splitlines()] == listed
    table = tmp_path / "vouchers.csv"
    market.ok("export", "vouchers", table)
    rows = list(csv.DictReader(table.read_text().splitlines()))
    assert {each["face"] for each in rows} >= {"1000.00", "100.00"}
    assert list(rows[0]) == list(VIEWS["vouchers"].columns)
    assert {path.name for path in tmp_path.iterdir()} == {"vouchers.csv", "vouchers.jsonl"}


def test_a_view_is_read_back_from_parquet_exactly(market: Shell, tmp_path: Path) -> None:
    for view in ("vouchers", "offers", "classes"):
        listed = market.ok("export", view, tmp_path / "listed.jsonl")["rows"]
        rows = [json.loads(line) for line in (tmp_path / "listed.jsonl").read_text().splitlines()]
        market.ok("export", view, tmp_path / "read.parquet")
        read = parquet.read_table(tmp_path / "read.parquet")
        assert read.num_rows == listed > 0
        kinds = {name: kind.removesuffix("?") for name, kind in VIEWS[view].columns.items()}
        assert {name: str(read.schema.field(name).type) for name in kinds} == {n: TYPES[k] for n, k in kinds.items()}
        assert [{name: back_of(kinds[name], value) for name, value in row.items()} for row in read.to_pylist()] == rows
        assert read.schema.field(VIEWS[view].key[0]).metadata[b"counterfoil.kind"] == b"text"
        about = parquet.read_metadata(tmp_path / "read.parquet").metadata
        assert (about[b"counterfoil.view"], b"ledger:" in about[b"counterfoil.position"]) == (view.encode(), True)


TYPES = {
    "text": "string", "json": "string", "int": "int64", "bool": "bool", "amount": "decimal128(19, 6)",
    "time": "timestamp[us, tz=UTC]", "hour": "timestamp[us, tz=UTC]",
}  # fmt: skip


def back_of(kind: str, value: Any) -> Any:
    """The gateway's form of a value in Parquet."""
    if value is None or kind in ("text", "int", "bool"):
        return value
    if kind == "json":
        return json.loads(value)
    if kind == "amount":
        return str(int(value.scaleb(6)))
    return value.strftime("%Y%m%dT%HZ" if kind == "hour" else "%Y-%m-%dT%H:%M:%S.%fZ")


def test_groups_of_rows_are_written_as_they_come(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("counterfoil.cli.parquet.GROUP", 3)
    file, amount = io.BytesIO(), str(2**63 - 1)
    rows = ({"n": nth, "amount": amount} for nth in range(7))
    columns = {"n": "int", "amount": "amount", "nothing": "time?"}
    view = View("some", ("n",), columns, (), None, {}, ("n",), public=True)
    write_parquet(file, view, ({**row, "nothing": None} for row in rows), lambda: "here")
    read = parquet.ParquetFile(io.BytesIO(file.getvalue()))
    assert [read.metadata.row_group(nth).num_rows for nth in range(read.num_row_groups)] == [3, 3, 1]
    assert {str(each) for each in read.read().column("amount").to_pylist()} == {"9223372036854.775807"}


def test_every_view_is_exported_with_its_position(market: Shell, tmp_path: Path) -> None:
    for form in ("csv", "parquet"):
        done = market.ok("export", "--all", tmp_path / form, "--format", form)
        assert (done["tables"], done["consistent"]) == (len(VIEWS), True)
        about = json.loads((tmp_path / form / "export.json").read_text())
        assert {path.name for path in (tmp_path / form).iterdir()} == {f"{view}.{form}" for view in VIEWS} | {
            "export.json"
        }
        assert about["tables"]["vouchers"]["rows"] > 0
        assert about["tables"]["vouchers"]["from"].startswith("issuance:")
    ran = market.run("export", "vouchers", tmp_path / "x.csv", "--all", tmp_path, "--json")
    assert ran.code == 2


@pytest.mark.parametrize(("view", "name"), [("nothing", "x.csv"), ("vouchers", "x.xlsx"), ("vouchers", "no/x.csv")])
def test_what_cannot_be_exported_says_why(market: Shell, tmp_path: Path, view: str, name: str) -> None:
    ran = market.run("export", view, tmp_path / name, "--json")
    assert (ran.code, ran.error["code"]) == (2, "cannot_run")
    assert not list(tmp_path.iterdir())


def test_no_cell_is_a_formula(tmp_path: Path) -> None:
    """Whoever opens a table in a spreadsheet runs nothing that a stranger wrote into a name."""
    assert [cell_of(each) for each in ("=1+1", "+1", "-1", "@x", "\uff1d1", "a=b", None, -1)] == [
        "'=1+1", "'+1", "'-1", "'@x", "'\uff1d1", "a=b", "", "-1",
    ]  # fmt: skip
