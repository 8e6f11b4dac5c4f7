"""Amounts, times, hours and readings as people write them: what is accepted and refused, without loss."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from typing import Any, get_args, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterfoil.cli.advice import advice, readable
from counterfoil.cli.command import Invalid
from counterfoil.cli.signing import AMOUNTS, check
from counterfoil.cli.values import (
    NESTED_AMOUNTS,
    format_amount,
    in_units,
    parse_amount,
    parse_delivery_hour,
    parse_moment,
    parse_reading,
    parse_since,
    show_amount,
)
from counterfoil.contract.limits import MAX_AMOUNT
from counterfoil.contract.record import Command
from counterfoil.contract.refusals import Code
from counterfoil.contract.times import format_hour, format_time, parse_hour, parse_time
from counterfoil.issuance.commands import ReturnVoucher
from counterfoil.ledger.commands import Deposit
from counterfoil.redemption.commands import Reading
from counterfoil.vocabulary import VOCABULARY

EIGHT = parse_time("2026-01-05T08:00:00.000000Z")
GOOD: list[tuple[Callable[[str], Any], str, Any]] = [
    (parse_amount, "12.50", 12_500_000),
    (parse_amount, "12", 12_000_000),
    (parse_amount, "0.000001", 1),
    (parse_amount, "1000", 1_000_000_000),
    (parse_amount, "1,000.50", 1_000_500_000),
    (parse_amount, "9,223,372,036,854.775807", MAX_AMOUNT),
    (parse_amount, "0", 0),
    (parse_amount, "9223372036854.775807", MAX_AMOUNT),
    (parse_moment, "2026-01-05T08:00:00Z", EIGHT),
    (parse_moment, "2026-01-05T09:00:00+01:00", EIGHT),
    (parse_moment, "2026-01-05", EIGHT - 8 * 3_600_000_000),
    (parse_moment, "2026-01-05T08:00:00.000001Z", EIGHT + 1),
    (parse_delivery_hour, "20260105T08Z", EIGHT // 3_600_000_000),
    (parse_delivery_hour, "2026-01-05T08:00Z", EIGHT // 3_600_000_000),
    (parse_delivery_hour, "2026-01-05T10:00+02:00", EIGHT // 3_600_000_000),
    (parse_reading, "20260105T08Z=480", Reading(hour=EIGHT // 3_600_000_000, gpu_minutes=480)),
]
BAD: list[tuple[Callable[[str], Any], str]] = [
    *[(parse_amount, text) for text in ("", "-1", "+1", "1.", ".5", "1e3", "1,5", "1_000", "12.1234567", "٣", " 1")],
    (parse_amount, "1" * 14),
    *[(parse_amount, text) for text in ("1,000", "1,000,000", "10,00.00", "1,000.", ",000.00", "1.000,50", "1 000")],
    *[(parse_moment, text) for text in ("", "now", "2026-01-05T08:00:00", "2026-01-05T00:00", "2026-02-30")],
    *[(parse_delivery_hour, text) for text in ("20260105T24Z", "2026-01-05T08:30Z", "20260105T08")],
    *[(parse_reading, text) for text in ("", "20260105T08Z", "20260105T08Z=-1", "20260105T08Z=1.5", "=3")],
]


@pytest.mark.parametrize(("parse", "text", "value"), GOOD)
def test_what_is_read(parse: Callable[[str], Any], text: str, value: Any) -> None:
    assert parse(text) == value


@pytest.mark.parametrize(("parse", "text"), BAD)
def test_what_is_refused(parse: Callable[[str], Any], text: str) -> None:
    with pytest.raises(ValueError, match=r"[a-z]"):
        parse(text)


@given(st.integers(0, MAX_AMOUNT))
def test_amounts_come_back(micro: int) -> None:
    shown = format_amount(micro)
    assert parse_amount(shown) == micro
    assert len(shown.partition(".")[2]) >= 2
    assert micro == 0 or format_amount(-micro) == f"-{shown}"


@given(st.integers(0, MAX_AMOUNT), st.integers(2, 6))
def test_amounts_for_people_can_be_typed_again(micro: int, decimals: int) -> None:
    shown, code = show_amount(micro, "USD", decimals).split(" ")
    assert (parse_amount(shown), code) == (micro, "USD")
    assert len(shown.partition(".")[2]) >= decimals


@pytest.mark.parametrize(
    ("text", "ago"),
    [("90s", 90), ("30m", 1_800), ("2h", 7_200), ("3d", 259_200), ("1w", 604_800), ("2026-01-05", 8 * 3_600)],
)
def test_since_when(text: str, ago: int) -> None:
    assert parse_since(text, EIGHT) == EIGHT - ago * 1_000_000


@pytest.mark.parametrize("text", ["", "h", "2 h", "-2h", "2H", "yesterday", "2026-13-01", "99999h"])
def test_since_no_time(text: str) -> None:
    with pytest.raises(ValueError, match="a span such as 30m"):
        parse_since(text, EIGHT)


@given(st.integers(0, 10**15), st.integers(0, 10**6))
def test_times_and_hours_come_back(time: int, hour: int) -> None:
    assert parse_moment(format_time(time)) == time
    assert parse_delivery_hour(format_hour(hour)) == hour


@pytest.mark.parametrize("code", list(Code))
def test_every_refusal_has_advice(code: Code) -> None:
    assert advice(code.value).endswith((".", "NAME.", "PARTY."))


def test_fields_for_people() -> None:
    shown = readable({"available": "478400000", "hour": str(parse_hour("20260105T08Z")), "programme_id": "478400000"})
    assert shown == {"available": "478.40", "hour": "20260105T08Z", "programme_id": "478400000"}
    assert readable({"cap": "50000000", "issued": "1", "group_id": "7"}) == {
        "cap": "50.00", "issued": "0.000001", "group_id": "7"
    }  # fmt: skip
    assert readable({"amount": "9000000", "most": "1000000"}) == {"amount": "9.00", "most": "1.00"}
    assert readable({"hour": "0", "most": "960"})["most"] == "960"  # minutes


def nested(kind: type) -> Iterator[tuple[str, bool]]:
    """The members of the records in an event's members, and whether they are amounts."""
    for hint in get_type_hints(kind).values():
        for inner in (hint, *get_args(hint)):
            if isinstance(inner, type) and is_dataclass(inner):
                for each in fields(inner):
                    yield each.name, str(each.type).removesuffix(" | None") in AMOUNTS


COUNTERS = {("before", True), ("after", True)}
"""Of a cap: micro-units, or a number of grants. They are shown as they are."""


def test_nested_amounts_are_in_units_too() -> None:
    members = {found for event in VOCABULARY.events.values() for found in nested(event)} - COUNTERS
    assert {name for name, amount in members if amount} == set(NESTED_AMOUNTS)
    assert not {name for name, amount in members if not amount} & set(NESTED_AMOUNTS)
    row = {"face": "1000000", "lines": [{"amount": "21600000", "readings": "7"}], "terms": {"min_face": "5", "n": 1}}
    assert in_units(row, ["face"]) == {
        "face": "1.00", "lines": [{"amount": "21.60", "readings": "7"}], "terms": {"min_face": "0.000005", "n": 1}
    }  # fmt: skip
    lines = {"lines": [{"amount": "21600000", "quantity": "7500000"}]}
    assert in_units(lines, (), lambda micro: f"{format_amount(micro)} USD") == {
        "lines": [{"amount": "21.60 USD", "quantity": "7.50"}]
    }


def deposit(**other: Any) -> Deposit:
    return Deposit(**{"party_id": "acme", "currency": "USD", "amount": 1, "payment_reference": "IN-1", **other})


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (deposit(amount=0), "an amount from 0.000001 to 9223372036854.775807"),
        (deposit(currency="usd"), "a currency: three letters"),
        (deposit(party_id="A b"), "an id: up to 63 of"),
        (ReturnVoucher(voucher_id="vch-1-0", reason=""), "text of at least one character"),
    ],
)
def test_a_form_says_what_it_asks_for_in_words(body: Command, words: str) -> None:
    with pytest.raises(Invalid, match=re.escape(words)) as caught:
        check(body)
    assert "pattern" not in str(caught.value)
