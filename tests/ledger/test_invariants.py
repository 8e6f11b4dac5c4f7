"""The checker of the ledger's invariants finds each kind of damage, and names it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from counterfoil.contract.limits import MAX_AMOUNT
from counterfoil.ledger.accounts import Position
from counterfoil.ledger.events import Draw
from counterfoil.ledger.invariants import check_ledger
from counterfoil.ledger.state import LedgerState as State
from tests.ledger.story import accepted, bid, issued, offer, paid, story, trade


def eventful() -> State:
    """Something of everything: an unsettled claim, a contract, a bid and a bond."""
    told = story(issued("v1", 1_000), offer("offer", 100), bid("bid", 300, 2), trade("trade", 300, 1))
    told.hears(accepted("trade", 150), paid(("cloud", 40)))
    state: State = told.state
    return state


def position(state: State, account: str, asset: str) -> Position:
    """A position that is there."""
    return state.accounts.assets[asset][account]


def move(asset: str, debit: str, credit: str, amount: int) -> Callable[[State], None]:
    """Post a balanced leg that no rule of the ledger makes."""

    def damage(state: State) -> None:
        accounts = state.accounts.assets[asset]
        accounts.setdefault(debit, Position()).debit("post", amount)
        accounts.setdefault(credit, Position()).credit("post", amount)

    return damage


def bump(account: str, asset: str, counter: str, by: int) -> Callable[[State], None]:
    """Change one counter of a position."""

    def damage(state: State) -> None:
        found = position(state, account, asset)
        setattr(found, counter, getattr(found, counter) + by)

    return damage


def put(what: str, hold_id: str, member: str, value: object) -> Callable[[State], None]:
    """Change a member of a hold, a lot or whatever else the state keeps by id."""

    def damage(state: State) -> None:
        table = state.vouchers.lots if what == "lots" else getattr(state.holds, what)
        setattr(table[hold_id], member, value)

    return damage


def forget_lot(state: State) -> None:
    """Lose a voucher, but not its balances."""
    del state.vouchers.lots["v1"]


def bogus_hold(state: State) -> None:
    """Hold a voucher that nobody has."""
    state.holds.bids["bid"].draws = (Draw(voucher_id="v9", amount=1),)


def test_there_is_nothing_to_find_in_a_sound_ledger() -> None:
    assert check_ledger(eventful()) == []
    assert check_ledger(State()) == []


@pytest.mark.parametrize(
    ("damage", "finding"),
    [
        (bump("cash/acme", "CNY", "credits_posted", 1), "CNY: posted debits and credits differ"),
        (bump("cash/acme", "CNY", "debits_pending", 1), "CNY: pending debits and credits differ"),
        (bump("holder/acme", "v1", "credits_pending", -1), "v1: holder/acme has a negative counter"),
        (bump("bank", "CNY", "debits_posted", MAX_AMOUNT), "CNY: bank is out of range"),
        (bump("bonds", "CNY", "n", -9), "CNY: bonds has no posting"),
        (bump("cash/acme", "CNY", "debits_posted", 20_000), "CNY: cash/acme is overdrawn by 10200"),
        (move("CNY", "cash/acme", "bonds", 5), "CNY: bonds keeps 5, though what passes through it is passed on"),
        (put("bids", "bid", "nodes", 0), "bid bid holds nothing or less"),
        (put("bonds", "offer", "cash", -1), "bond offer is below zero"),
        (put("contracts", "trade", "bond", -1), "contract trade holds less than nothing"),
        (
            put("contracts", "trade", "invoiced", 153),
            "contract trade: subsidy is not the share of what was invoiced",
        ),
        (put("bids", "bid", "cash", 99), "CNY: cash/acme has 150 held, its holds say 149"),
        (put("bonds", "offer", "cash", 71), "CNY: cash/cloud has 100 held, its holds say 101"),
        (put("contracts", "trade", "draws", ()), "v1: holder/acme has 300 held, its holds say 200"),
        (bogus_hold, "v9: holder/acme has no posting, its holds say 1"),
        (forget_lot, "v1: balances of a voucher that is not open"),
        (put("lots", "v1", "face", 999), "voucher v1: face 999 is not the sum of [900, 100, 0, 0]"),
        (
            move("v1", "circulation", "holder/acme", 1),
            "voucher v1: what was put into circulation is not its face",
        ),
        (move("v1", "holder/acme", "holder/beta", 1), "voucher v1: somebody else has a part of it"),
        (put("lots", "v1", "status", "expired"), "voucher v1: it is dead, and some of it can be spent"),
        (
            move("budget:city", "appropriation", "lost", 1),
            "budget:city: appropriated 100000 is not the sum of [98999, 960, 40, 0]",
        ),
        (
            move("budget:city", "obligated", "disbursed", 1),
            "CNY: settled is not what was disbursed",
        ),
        (
            move("budget:city", "obligated", "lapsed", 1),
            "budget:city: obligated 959 is not live 900 and unsettled 60",
        ),
        (move("CNY", "claims_payable/city", "cash/acme", 1), "CNY: the parties' cash is not what the bank received"),
        (move("CNY", "claims/cloud", "settled", 1), "CNY: settled is not what was disbursed"),
    ],
)
def test_each_damage_is_found_and_named(damage: Callable[[State], None], finding: str) -> None:
    state = eventful()
    damage(state)
    assert finding in check_ledger(state)
