"""Which programme version pays a bid that names no voucher: the first that covers it, with no work beyond that."""

from __future__ import annotations

import pytest

from counterfoil.contract.refusals import Code
from counterfoil.core.at import At
from counterfoil.ledger import drawdown
from counterfoil.ledger.open_vouchers import Voucher
from counterfoil.ledger.state import LedgerState
from counterfoil.matching.events import BidReceived
from tests.ledger.story import ENDS, bid, code, draws, issued, programme, story

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


def test_vouchers_behind_those_that_cover_a_bid_are_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """Thousands of vouchers of a party must not make each of its bids thousands of times as much work."""
    told = story(*(issued(f"v{nth}", 10, issue_seq=nth) for nth in range(60)))
    looked: list[str] = []
    bar = drawdown._bar

    def counted(state: LedgerState, voucher: Voucher, event: BidReceived, at: At) -> Code | None:
        looked.append(voucher.voucher_id)
        return bar(state, voucher, event, at)

    monkeypatch.setattr(drawdown, "_bar", counted)
    told.hears(bid("bid", 45))
    assert draws(told) == [("v0", 10), ("v1", 10), ("v2", 10)]
    assert looked == ["v0", "v1", "v2"]
