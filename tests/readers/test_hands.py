"""What readers learn of vouchers in several hands: whether a transfer would be taken, and where all of a voucher is."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest

from counterfoil.catalogue import VIEWS
from counterfoil.cli.command import Invalid
from counterfoil.cli.transfer_check import decide
from counterfoil.cli.voucher_trace import trace
from counterfoil.client.http import Gateway
from counterfoil.client.problems import NotThere
from counterfoil.gateway.readers import Reader
from counterfoil.gateway.rows import render
from counterfoil.gateway.scopes import scope_of
from counterfoil.ledger.commands import ProposeTransfer
from counterfoil.readership import Scope
from tests.properties.world import YUAN
from tests.readers.market import read_market
from tests.readers.stores import Prepared

BY_NAME = {view.name: view for view in VIEWS}


class Read:
    """A gateway's rows, as a party reads them; everything for None."""

    def __init__(self, prepared: Prepared, party_id: str | None) -> None:
        self._store = prepared.store
        self._scope: Scope | None = scope_of(prepared.store, Reader(party_id, everything=party_id is None))

    def rows(self, view: str, filters: dict[str, str] | None = None) -> Iterator[dict[str, Any]]:
        found = self._store.page(view, filters or {}, None, 5_000, self._scope)
        return (render(BY_NAME[view], row) for row in found)

    def get(self, view: str, *key: str) -> dict[str, Any]:
        row = self._store.get(view, key, self._scope)
        if row is None:
            raise NotThere("not_found", "", {})
        return render(BY_NAME[view], row)


def read(prepared: Prepared, party_id: str | None) -> Gateway:
    return cast(Gateway, Read(prepared, party_id))


def proposal(name: str, receiver_id: str, amount: int = YUAN) -> ProposeTransfer:
    voucher_id = read_market().ids[name]
    return ProposeTransfer(voucher_id=voucher_id, amount=amount, receiver_id=receiver_id, price=0)


@pytest.mark.parametrize(
    ("name", "receiver_id", "amount", "code"),
    [
        ("free voucher", "none-beneficiary", 1, None),
        ("bound voucher", "none-beneficiary", 1, None),
        ("free voucher", "none-beneficiary", 1_000, "exceeds_available"),
        ("free voucher", "lab-1", 1, "transfer_not_permitted"),
        ("free voucher", "gpu-1", 1, "party_not_a_beneficiary"),
    ],
)
def test_a_check_answers_as_the_ledger_would(
    sqlite: Prepared, name: str, receiver_id: str, amount: int, code: str | None
) -> None:
    body = proposal(name, receiver_id, amount * YUAN)
    found = decide(read(sqlite, "lab-1"), "lab-1", body, read_market().clock)
    assert (found["permitted"], found["code"]) == (code is None, code)


def test_who_hands_on_what_it_does_not_hold_and_terms_that_hand_nothing_on(sqlite: Prepared) -> None:
    market = read_market()
    with pytest.raises(NotThere):
        decide(read(sqlite, "lab-1"), "lab-1", proposal("other voucher", "none-beneficiary"), market.clock)
    with pytest.raises(Invalid, match="no document"):
        decide(read(sqlite, "lab-1"), "lab-1", proposal("voucher", "none-beneficiary"), market.clock)


@pytest.mark.parametrize(("reader", "total"), [(None, True), ("city", True), ("lab-1", False)])
def test_a_trace_is_total_for_who_reads_the_programme(sqlite: Prepared, reader: str | None, total: bool) -> None:
    shown: list[dict[str, Any]] = []
    session: Any = SimpleNamespace(
        gateway=read(sqlite, reader), out=SimpleNamespace(show=lambda found, *_: shown.append(found))
    )
    voucher_id = read_market().ids["free voucher"]
    assert trace(session, voucher_id) == 0
    (found,) = shown
    assert (found["total"], found["adds_up"]) == (total, total)
    assert [(each["how"], each["from"], each["to"]) for each in found["hands"]] == [
        ("pledge enforced", "lab-1", "gpu-1")
    ]
    assert {each["holder_id"] for each in found["holders"]} == ({"lab-1", "gpu-1"} if total else {"lab-1"})
