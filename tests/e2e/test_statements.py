"""Statements of a served market: they add up, for every reader, and a view that lies is found."""

from __future__ import annotations

import csv
import re
import time
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

import counterfoil.catalogue  # noqa: F401 every event is known
from counterfoil.cli.movements import WORDS, Movement, Section, Total, check
from counterfoil.cli.statement_page import page
from counterfoil.client.problems import NotProven
from counterfoil.console.words import DEFAULT, languages, translator
from counterfoil.contract.record import Event
from counterfoil.contract.times import format_month
from tests.e2e.founding import PROGRAMME, found_a_market, trade
from tests.e2e.running import Shell, eventually, serving

MONTH = format_month(time.time_ns() // 1_000)


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """A served market with a trade."""
    folder = tmp_path_factory.mktemp("market")
    shell = Shell(folder / "home")
    shell.ok("init", "--host", "market.example")
    with serving(shell):
        found_a_market(shell, folder)
        trade(shell)
        eventually(lambda: shell.ok("usage", "contracts"))
        eventually(lambda: shell.ok("balance", "holds", "--where", "purpose=contract"))
        yield shell


def accounts(market: Shell, party: str, *more: str) -> dict[str, dict[str, Any]]:
    """The accounts of a statement, by name."""
    found = market.ok("statement", party, MONTH, *more)
    return {f"{each['kind']} {each['name']}": each for each in found["accounts"]}


@pytest.mark.e2e
def test_a_statement_has_every_movement_of_cash_and_vouchers(market: Shell) -> None:
    mine = accounts(market, "acme")
    cash = mine.pop("cash USD")
    # 6 h of 8 GPUs: 96.00 at the limit of 2.00, of which a quarter is cash; the trade was made at 1.80
    moved = [(each["what"], each["posted_change"], each["held_change"]) for each in cash["movements"]]
    assert moved == [
        ("deposit", 500_000_000, 0),
        ("held for bid", 0, 24_000_000),
        ("hold reduced to price of contract", 0, -2_400_000),
    ]
    assert cash["closing"] == [3, 500_000_000, 21_600_000]
    (voucher,) = mine.values()
    assert (voucher["kind"], voucher["programme_id"], voucher["currency"]) == ("vouchers", PROGRAMME, "USD")
    assert voucher["closing"][1:] == [1_000_000_000, 64_800_000]
    assert accounts(market, "acme", "--programme", PROGRAMME).keys() == mine.keys()
    budget = accounts(market, "springfield")
    assert {name: each["closing"][1] for name, each in budget.items()} == {
        "budget appropriation": 899_000_000_000,
        "budget funding": -900_000_000_000,
        "budget obligated": 1_000_000_000,
    }
    bonds = accounts(market, "norn")["cash USD"]
    assert [each["what"] for each in bonds["movements"]] == ["deposit", "bond held for offer"]
    assert accounts(market, "treasury") == {}


@pytest.mark.e2e
def test_a_file_has_what_is_shown(market: Shell, tmp_path: Path) -> None:
    table = tmp_path / "acme.csv"
    done = market.ok("statement", "acme", MONTH, "-o", table)
    rows = list(csv.DictReader(table.read_text().splitlines()))
    assert done["movements"] == sum(1 for row in rows if row["time"])
    opening, *moves, closing = (row for row in rows if row["kind"] == "cash")
    assert (opening["what"], opening["posted"]) == ("opening balance", "0.00")
    assert [row["posted_change"] for row in moves] == ["500.00", "0.00", "0.00"]
    assert (closing["what"], closing["posted"], closing["held"]) == ("closing balance", "500.00", "21.60")
    shown = market.run("statement", "acme", MONTH, "--format", "html")
    written = tmp_path / "acme.html"
    market.ok("statement", "acme", MONTH, "--output", written)
    assert shown.out.split("as of")[0] == written.read_text().split("as of")[0]
    people = market.run("statement", "acme", MONTH)
    assert (people.code, "held for bid" in people.out, "500.00" in people.out) == (0, True, True)


@pytest.mark.e2e
@pytest.mark.parametrize(
    ("words", "code"),
    [(("nobody", MONTH), 4), (("acme", "2026-13"), 2), (("acme", "2199-01"), 2), (("acme", MONTH, "-o", "x.pdf"), 2)],
)
def test_what_is_no_statement_says_why(market: Shell, words: tuple[str, ...], code: int) -> None:
    ran = market.run("statement", *words, "--json")
    assert (ran.code, ran.out) == (code, "")


@pytest.mark.e2e
def test_a_statement_of_nothing_says_that_others_may_see_more(market: Shell) -> None:
    assert "There is no account that this reader may see" in market.run("statement", "treasury", MONTH).out
    said = market.run("programme", "totals", "no-programme", "--as", "acme").err
    assert "is for this reader: --as PARTY says who reads" in said


def move(**values: Any) -> Movement:
    told = {"time": "2026-11-01T00:00:00.000000Z", "what": "<b>", "object_id": "a&b", "reference": '"', "entry": 7}
    amounts = {"posted_change": 5, "held_change": 0, "posted": 15, "held": 2}
    return Movement(**{"counter_account": "bank", **told, **amounts, **values})


@pytest.mark.parametrize(
    ("changed", "closing"),
    [
        ({"posted": 16}, (4, 15, 2)),
        ({"held": 1}, (4, 15, 2)),
        ({}, (4, 16, 2)),
        ({}, (4, 15, 3)),
        ({}, (5, 15, 2)),
    ],
)
def test_what_does_not_add_up_is_no_statement(changed: dict[str, int], closing: tuple[int, int, int]) -> None:
    opening = (3, 10, 2)
    check(Section("cash", "USD", None, "USD", opening, (4, 15, 2), [move()]), "cash/acme", "USD")
    with pytest.raises(NotProven, match="cash/acme in USD"):
        check(Section("cash", "USD", None, "USD", opening, closing, [move(**changed)]), "cash/acme", "USD")


class Elements(HTMLParser):
    """The elements of a page with their attributes, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def test_a_page_is_only_text_and_every_cell_has_its_heading() -> None:
    title = "<script>alert(1)</script>\u202e"
    section = Section("cash", title, None, "USD", (3, 10, 2), (4, 15, 2), [move()])
    read = Elements(page(title, ["a < b"], [], [section]))
    names = {tag for tag, _ in read.found}
    assert names.isdisjoint({"script", "b", "img", "link", "iframe", "form"})
    assert not [name for _, attributes in read.found for name in attributes if name.startswith("on") or name == "src"]
    assert all(attributes.get("scope") in ("col", "row") for tag, attributes in read.found if tag == "th")
    policy = next(each["content"] for tag, each in read.found if "http-equiv" in each)
    assert str(policy).startswith("default-src 'none'; style-src 'sha256-")
    assert "<script>alert(1)</script>" in read.text
    assert "\u202e" not in read.text
    assert all(part in read.text for part in ("a&b", "<b>", "ledger:7"))


@pytest.mark.parametrize("language", [each for each in languages() if each != DEFAULT])
def test_a_page_is_whole_in_its_language(language: str) -> None:
    """With a movement of each kind, nothing on it is English but what parties and the format name."""
    say, numbers = translator(language), (1, 2, 3)
    moves = [move(what=each, object_id="", reference="") for words in WORDS.values() for each in _each(words)]
    section = Section("budget", "funding", None, "USD", numbers, numbers, moves)
    sums = [Total(kind, None, "USD", 0, 0, 0, 0, 0) for kind in ("cash", "vouchers", "claims", "budget: obligated")]
    read = Elements(page("", [], sums, [section], language, say))
    assert f'lang="{language}"' in page("", [], [], [], language, say)
    shown = read.text.partition("@media print")[2].partition("}\n")[2]
    assert set(re.findall("[A-Za-z]{2,}", shown)) == {"USD", "UTC", "ledger"}


def test_every_event_that_moves_an_account_has_words() -> None:
    named = {each.partition(" ")[0] for each in WORDS}
    moving = {
        each.TYPE.rpartition(".v")[0] for each in _events(Event) if "legs" in getattr(each, "__struct_fields__", ())
    }
    assert moving == named


def _each(words: str | tuple[str, str]) -> tuple[str, ...]:
    return (words,) if isinstance(words, str) else words


def _events(of: type[Event]) -> Iterator[type[Event]]:
    for each in of.__subclasses__():
        yield each
        yield from _events(each)
