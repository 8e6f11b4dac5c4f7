"""Which programme version pays a bid that names no voucher: the first that covers it, with no work beyond that."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from counterfoil.contract.refusals import Code
from counterfoil.issuance.events import VoucherRevoked, VoucherSuspended
from counterfoil.ledger import drawdown
from counterfoil.ledger.open_vouchers import Voucher
from counterfoil.matching.events import BidClosed
from tests.ledger.story import ENDS, T, bid, code, draws, issued, programme, story

# A bid of 150 wants 100 from vouchers of version 1 or 2, or 75 of version 3.
# Each row: (face, version) in draw-down order, and what is drawn.
COVERS: list[tuple[list[tuple[int, int]], list[tuple[str, int]] | None]] = [
    ([(1, 1), (100, 2)], [("v1", 100)]),  # a single micro-unit of an old version does not block the others
    ([(99, 1), (100, 2)], [("v1", 100)]),
    ([(100, 1), (100, 2)], [("v0", 100)]),
    ([(1, 1), (1, 3), (100, 2)], [("v2", 100)]),
    ([(60, 1), (60, 2), (40, 2), (40, 1)], [("v1", 60), ("v2", 40)]),  # the first version to cover it
    ([(60, 2), (60, 1), (39, 2), (40, 1)], [("v1", 60), ("v3", 40)]),
    ([(99, 1), (99, 2)], None),  # versions never pay together
    ([(1, 1), (74, 3), (99, 2), (1, 3)], [("v1", 74), ("v3", 1)]),
    ([(100, 1), (75, 3)], [("v0", 100)]),
]


@pytest.mark.parametrize(("faces", "expected"), COVERS)
def test_the_first_version_whose_vouchers_cover_a_bid_pays_it(
    faces: list[tuple[int, int]], expected: list[tuple[str, int]] | None
) -> None:
    told = story(programme(version=2), programme("1/2", version=3))
    for nth, (face, version) in enumerate(faces):
        told.hears(issued(f"v{nth}", face, version=version, issue_seq=nth, expires_at=ENDS + nth))
    told.hears(bid("bid", 150))
    assert (None if code(told) else draws(told)) == expected
    if expected is not None:
        (placed,) = told.said
        assert {placed.version} == {faces[int(voucher_id[1:])][1] for voucher_id, _ in expected}
        assert placed.cash == 150 - sum(amount for _, amount in expected)


@pytest.fixture
def looked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The vouchers that bids looked at, in order."""
    found: list[str] = []
    bar = drawdown._Order.bar

    def counted(order: drawdown._Order, voucher: Voucher) -> Code | None:
        found.append(voucher.voucher_id)
        return bar(order, voucher)

    monkeypatch.setattr(drawdown._Order, "bar", counted)
    return found


def test_vouchers_behind_those_that_cover_a_bid_are_not_looked_at(looked: list[str]) -> None:
    """Thousands of vouchers of a party must not make each of its bids thousands of times as much work."""
    told = story(*(issued(f"v{nth}", 10, issue_seq=nth) for nth in range(60)))
    told.hears(bid("bid", 45))
    assert draws(told) == [("v0", 10), ("v1", 10), ("v2", 10)]
    assert looked == ["v0", "v1", "v2"]


def test_vouchers_that_are_all_held_are_not_looked_at(looked: list[str]) -> None:
    """What runs already must not make each further bid of its party more work."""
    told = story(*(issued(f"v{nth}", 10, issue_seq=nth) for nth in range(60)))
    for nth in range(29):
        told.hears(bid(f"bid-{nth}", 30))
    looked.clear()
    told.hears(bid("last", 15))
    assert draws(told) == [("v58", 10)]
    assert looked == ["v58"]
    told.hears(BidClosed(bid_id="bid-3", reason="cancelled"))
    looked.clear()
    told.hears(bid("again", 15))
    assert (draws(told), looked) == ([("v6", 10)], ["v6"])


def _walked(order: drawdown._Order) -> drawdown.Choice | Code:
    """The same choice by looking at every voucher of the party, whether some of it is left or not."""
    outside = list[Code]()
    every = order.state.vouchers.of(order.event.beneficiary_id, order.event.programme_id)
    found = drawdown._cover(order, drawdown._in_order(order, drawdown._usable(order, every, outside)))
    nothing = isinstance(found, drawdown.Choice) and not found.covers and not found.draws
    return outside[0] if nothing and outside else found


@pytest.mark.parametrize("seed", range(12))
def test_the_choice_is_the_one_among_all_vouchers(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of versions of which a bid needs nothing, or that do not have its class, too; in whatever hand and state."""
    chance, met = random.Random(seed), Counter[str]()
    chosen = drawdown._draw_down

    def compared(order: drawdown._Order) -> drawdown.Choice | Code:
        found = chosen(order)
        assert found == _walked(drawdown._Order(order.state, order.event, order.at))
        met[str(found) if isinstance(found, Code) else ("covers" if found.covers else "short")] += 1
        return found

    monkeypatch.setattr(drawdown, "_draw_down", compared)
    told = story(
        programme(version=2, classes=("a100",)), programme("1/1000000", version=3), programme("1/2", version=4)
    )
    for nth in range(12):
        version, ends = chance.choice((1, 1, 2, 3, 4)), ENDS - chance.choice((0, 0, 10**10, ENDS - T - 10))
        told.hears(issued(f"v{nth}", chance.randint(1, 60), version=version, issue_seq=nth, expires_at=ends))
    for nth in range(40):
        match chance.randrange(6):
            case 0 if bids := sorted(told.state.holds.for_all("bid")):
                told.hears(BidClosed(bid_id=chance.choice(bids), reason="cancelled"))
            case 1:
                of = chance.choice((VoucherSuspended, VoucherRevoked))
                told.hears(of(voucher_id=f"v{chance.randrange(12)}", reason="why"))
            case _:
                told.hears(bid(f"bid-{nth}", chance.randint(1, 90), classes=(chance.choice(("h100", "h100", "a100")),)))
    assert met["covers"]


def test_vouchers_that_are_all_held_still_decide_where_they_have_to() -> None:
    """They say why nothing pays, and one of a version of which nothing is needed covers a bid."""
    told = story(programme(version=2, classes=("a100",)), programme("1/1000000", version=3))
    told.hears(issued("v0", 10, version=2), bid("bid-0", 15, classes=("a100",)))
    assert draws(told) == [("v0", 10)]
    told.hears(bid("bid-1", 15))
    assert code(told) == Code.CLASS_NOT_IN_PROGRAMME
    told.hears(issued("v1", 1, version=3, issue_seq=2), bid("bid-2", 15))
    assert (code(told), draws(told)) == (None, [])
