"""Tables for people, and CSV and TSV for programs."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterfoil.cli.drawing import console
from counterfoil.cli.late_views import VIEWS
from counterfoil.cli.output import separated
from counterfoil.cli.people import for_people, show_time
from counterfoil.cli.render import Rows
from counterfoil.cli.signing import event_rows
from counterfoil.client.problems import NotThere, Unreachable
from counterfoil.contract.record import annotations_of
from counterfoil.contract.scalars import Amount, PositiveAmount, Price
from counterfoil.issuance.events import BudgetReduced
from counterfoil.ledger.events import Balance, CashDeposited, Leg
from counterfoil.vocabulary import CODEC

SCHEMAS = Path(__file__).parents[2] / "schemas"
AFTER = Balance(n=1, posted=0, held=0)
LEG = Leg(effect="post", asset="USD", debit="bank", credit="a", amount=5_000_000, debit_after=AFTER, credit_after=AFTER)
VOUCHER = dict.fromkeys(VIEWS["vouchers_balance"].columns)


class Asked:
    """A gateway with one programme and one contract, which notes what it is asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def get(self, view: str, *key: str, **_how: object) -> dict[str, Any]:
        """A programme, or a contract."""
        self.asked.append("/".join((view, *key)))
        if key not in (("p1",), ("c1",)):
            raise NotThere("not_found", "", {})
        return {"currency": "EUR"}

    def rows(self, view: str, *_how: object) -> Iterator[dict[str, Any]]:
        """All of them."""
        self.asked.append(view)
        yield {"programme_id": "p1", "contract_id": "c1", "currency": "EUR"}


def test_amounts_of_a_column_have_as_many_decimals_and_their_currency() -> None:
    gateway: Any = Asked()
    rows = [{**VOUCHER, "voucher_id": "v", "programme_id": "p1", "face": text} for text in ("1000000000", "123456")]
    shown = for_people(gateway, VIEWS["vouchers_balance"], rows)
    assert [row["face"] for row in shown] == ["1,000.000000 EUR", "0.123456 EUR"]
    assert gateway.asked == ["programmes/p1"]


@pytest.mark.parametrize(
    ("row", "currency"),
    [
        ({"currency": "CNY", "programme_id": "p1"}, "CNY"),
        ({"asset": "USD"}, "USD"),
        ({"asset": "budget:p1"}, "EUR"),
        ({"asset": "claims:p1"}, "EUR"),
        ({"contract_id": "c1"}, "EUR"),
        ({"purpose": "contract", "hold_id": "c1"}, "EUR"),
        ({"programme_id": "p2"}, None),
        ({}, None),
    ],
)
def test_where_a_currency_is(row: dict[str, Any], currency: str | None) -> None:
    gateway: Any = Asked()
    (shown,) = for_people(gateway, VIEWS["slashes"], [{**row, "amount": "5000000"}])
    assert shown["amount"] == ("5.00" if currency is None else f"5.00 {currency}")


def test_amounts_of_events_have_their_currency() -> None:
    """That of the event, or of what it names, if a gateway is there to tell it; what fails then is no error."""
    events = (
        CashDeposited(
            party_id="a", currency="USD", amount=5_000_000, payment_reference="r", treasurer_id="t",
            legs=(LEG,),
        ),
        BudgetReduced(programme_id="p1", amount=1_000_000_000, document="d", reason="r", uncommitted_after=0),
    )  # fmt: skip
    gateway: Any = Asked()
    gone: Any = Mock(get=Mock(side_effect=(Unreachable("gone"), {})))
    for teller, told in ((gateway, "1,000.00 EUR"), *((each, "1,000.00") for each in (None, gone, gone))):
        deposited, reduced = event_rows(events, teller)
        assert (deposited["amount"], reduced["amount"]) == ("5.00 USD", told)
        assert " 5.00 USD: " in deposited["legs"][0]


UNTOLD = {"hold.reduced.v1", "hold.released.v1", "aid.covered.v1", "uncrossing.continued.v1"}
"""Events of reactions, timers and a ceiling, which lead to no row with a currency; no command prints them."""


def test_every_event_with_amounts_leads_to_their_currency() -> None:
    gateway: Any = Mock(get=lambda *_key, **_how: {"currency": "EUR"})
    texts = json.loads((SCHEMAS / "vectors" / "events.json").read_text())["events"].values()
    for event in (CODEC.load_event(json.loads(text)) for text in texts):
        amounts = [
            name for name, kind in annotations_of(type(event)).items() if kind in (Amount, PositiveAmount, Price)
        ]
        (shown,) = event_rows((event,), gateway)
        for name in amounts if event.TYPE not in UNTOLD else ():
            assert re.search(r" (EUR|[A-Z]{3}|GPU-hours)$", str(shown[name])), (event.TYPE, name, shown[name])


def test_many_contracts_are_read_at_once() -> None:
    gateway: Any = Asked()
    for_people(gateway, VIEWS["slashes"], [{"contract_id": f"c{n}", "amount": "1"} for n in range(1, 21)])
    assert gateway.asked[0] == "contracts"


def test_times_are_short_and_have_a_zone() -> None:
    assert show_time("2026-01-05T08:00:00.123456Z") == "2026-01-05 08:00:00Z"
    assert show_time("2026-01-05T08:00:00.000000Z", local=True)[19] in "Z+-"


def test_a_table_has_no_boxes_and_a_narrow_one_loses_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{"id": "a", "amount": "1,000.00 USD"}, {"id": "long", "amount": "5.00 USD"}]
    console().print(Rows("things", rows, ("id", "amount"), ("amount",)))
    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert lines == ["things", "id          amount", "a     1,000.00 USD", "long      5.00 USD"]
    narrow = console()
    narrow.width = 18
    narrow.print(Rows("things", rows, ("id", "amount"), ("amount",)))
    said = capsys.readouterr().out
    assert "…" not in said
    assert {"long", "1,000.00", "5.00", "USD"} <= set(said.split())


TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=6)


@given(st.lists(st.fixed_dictionaries({"a": TEXT, "b,": st.none() | st.integers(), "c": TEXT}), max_size=4))
def test_programs_read_what_was_written(rows: list[dict[str, Any]]) -> None:
    columns = ("a", "b,", "c")
    expected = [["" if row[name] is None else str(row[name]) for name in columns] for row in rows]
    read = list(csv.reader(io.StringIO(separated(rows, "csv", columns), newline="")))
    assert read == [list(columns), *expected]
    lines = separated(rows, "tsv", columns).split("\n")[1:-1]
    unescaped = [
        [cell.replace("\\\\", "\0").replace("\\t", "\t").replace("\\n", "\n").replace("\\r", "\r").replace("\0", "\\")
         for cell in line.split("\t")]
        for line in lines
    ]  # fmt: skip
    assert unescaped == expected
