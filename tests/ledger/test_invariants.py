"""The checker of the ledger's invariants finds each kind of damage, and names it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from counterfoil.contract.limits import MAX_AMOUNT
from counterfoil.core.deadlines import Deadlines
from counterfoil.ledger.accounts import Position
from counterfoil.ledger.events import Draw
from counterfoil.ledger.invariants import check_ledger
from counterfoil.ledger.state import EndedContract
from counterfoil.ledger.state import LedgerState as State
from tests.ledger.story import T, accepted, bid, issued, offer, paid, story, trade


def eventful() -> State:
    """Something of everything: an unsettled claim, a contract, a bid and a bond."""
    told = story(issued("v1", 1_000), offer("offer", 100), bid("bid", 300, 2), trade("trade", 300, 1))
    told.hears(accepted("trade", 150), paid("cloud", 40))
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


def put(what: str, id_: Any, member: str, value: object) -> Callable[[State], None]:
    """Change a member of a voucher, a hold or a contract."""

    def damage(state: State) -> None:
        tables: dict[str, Any] = {
            "vouchers": state.vouchers.open,
            "holds": state.holds.open,
            "contracts": state.contracts,
        }
        table = tables[what]
        if what == "vouchers":
            setattr(table[id_], member, value)
        else:
            table[id_] = table[id_]._replace(**{member: value})

    return damage


def put_nodes(state: State) -> None:
    """Hold for a bid of no nodes."""
    hold = state.holds.open["bid", "bid"]
    state.holds.open["bid", "bid"] = hold._replace(terms=hold.terms._replace(nodes=0))


def lose(state: State) -> None:
    """Lose a hold of a contract."""
    del state.holds.open["contract", "trade"]


def misplace(state: State) -> None:
    """Remove an owner from the index."""
    state.vouchers.set_owner(state.vouchers.open["v1"], "acme", owns=False, spends=False)


def overlook(state: State) -> None:
    """Forget that some of a voucher can be spent."""
    state.vouchers.set_owner(state.vouchers.open["v1"], "acme", owns=True, spends=False)


def give_away(state: State) -> None:
    """Index a party as owner of a voucher without a position."""
    state.vouchers.set_owner(state.vouchers.open["v1"], "beta", owns=True, spends=True)


def unset(state: State) -> None:
    """Lose the timer of a voucher."""
    state.expiring = Deadlines(state.expires)


def both(state: State) -> None:
    """End a contract that stays open."""
    state.ended["trade"] = EndedContract(state.contracts["trade"], T)


def forget_voucher(state: State) -> None:
    """Lose a voucher, but not its balances."""
    del state.vouchers.open["v1"]


def bogus_hold(state: State) -> None:
    """Hold a voucher without owners."""
    put("holds", ("bid", "bid"), "draws", (Draw(voucher_id="v9", amount=1),))(state)


def test_there_is_nothing_to_find_in_a_sound_ledger() -> None:
    assert check_ledger(eventful()) == []
    assert check_ledger(State()) == []


@pytest.mark.parametrize(
    ("damage", "finding"),
    [
        (bump("cash/acme", "CNY", "credits_posted", 1), "CNY: posted debits and credits differ"),
        (bump("cash/acme", "CNY", "debits_pending", 1), "CNY: pending debits and credits differ"),
        (bump("owner/acme", "v1", "credits_pending", -1), "v1: owner/acme has a negative counter"),
        (bump("bank", "CNY", "debits_posted", MAX_AMOUNT), "CNY: bank is out of range"),
        (bump("bonds", "CNY", "n", -9), "CNY: bonds has no posting"),
        (bump("cash/acme", "CNY", "debits_posted", 20_000), "CNY: cash/acme is overdrawn by 10200"),
        (move("CNY", "cash/acme", "bonds", 5), "CNY: bonds keeps 5, but value only passes through it"),
        (put_nodes, "bid bid holds for no nodes"),
        (put("holds", ("offer", "offer"), "cash", -1), "offer offer holds a negative amount"),
        (put("holds", ("bond", "trade"), "cash", -1), "bond trade holds a negative amount"),
        (lose, "an open contract lacks a hold, or a hold its contract"),
        (both, "contract trade is open and ended"),
        (both, "programme city: claims of 100, the parts say 200"),
        (
            put("contracts", "trade", "invoiced", 153),
            "contract trade: subsidy is not the share of what was invoiced",
        ),
        (put("holds", ("bid", "bid"), "cash", 99), "CNY: cash/acme has 150 held, its holds say 149"),
        (put("holds", ("offer", "offer"), "cash", 71), "CNY: cash/cloud has 100 held, its holds say 101"),
        (put("holds", ("contract", "trade"), "draws", ()), "v1: owner/acme has 300 held, its holds say 200"),
        (bogus_hold, "v9: owner/acme has no posting, its holds say 1"),
        (forget_voucher, "v1: balances of a voucher that is not open"),
        (put("vouchers", "v1", "face", 999), "voucher v1: face 999 is not the sum of [900, 100]"),
        (
            move("v1", "circulation", "owner/acme", 1),
            "voucher v1: what was put into circulation is not its face",
        ),
        (move("v1", "owner/acme", "cash/beta", 1), "voucher v1: an account that is no owner's has a part of it"),
        (move("v1", "owner/acme", "owner/beta", 1), "voucher v1: beta has a position in it that the index lacks"),
        (misplace, "voucher v1: acme has a position in it that the index lacks"),
        (overlook, "voucher v1: acme could spend of it, and the index lacks that"),
        (give_away, "voucher v1: beta is indexed as an owner and has no position"),
        (unset, "voucher v1: it ends, and no timer is set"),
        (put("vouchers", "v1", "status", "revoked"), "voucher v1: some of it is not held, and no timer is set"),
        (move("v1", "owner/acme", "redeemed", 900), "voucher v1: acme is indexed as an owner and has no position"),
        (
            move("budget:city", "appropriation", "lost", 1),
            "budget:city: appropriated 100000 and no longer owed 0 are not [98999, 960, 40, 0, 0] less 0 owed",
        ),
        (
            move("budget:city", "obligated", "disbursed", 1),
            "CNY: settled is not what was disbursed",
        ),
        (
            move("budget:city", "obligated", "lapsed", 1),
            "budget:city: obligated 959 is not live 900 and unsettled 60",
        ),
        (move("CNY", "bonds", "cash/acme", 1), "CNY: the parties' cash is not what the bank received"),
        (move("claims:city", "claims/cloud", "settled", 1), "CNY: settled is not what was disbursed"),
    ],
)
def test_each_damage_is_found_and_named(damage: Callable[[State], None], finding: str) -> None:
    state = eventful()
    damage(state)
    assert finding in check_ledger(state)
