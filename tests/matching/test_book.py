"""Each rule of the block-bid book by example, for the fast book and for its naive twin alike."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from counterfoil.contract.ensure import InvariantViolation
from counterfoil.matching import ladder
from counterfoil.matching.continuous import PTW_1
from counterfoil.matching.orders import (
    BLOCK_HOURS_MAX,
    HOUR_END,
    NODES_MAX,
    WINDOW_HOURS_MAX,
    Bid,
    BidTif,
    Match,
    Offer,
    Plan,
    Prevented,
)
from tests.matching.books import RULES_OF_MATCHING, RuledBook

AnyBook = RuledBook
MakeBook = Callable[..., AnyBook]
BOUND = 100


def eligible(bid: Bid, offer: Offer, _time: int) -> bool:
    """A programme excludes the provider named after it."""
    return offer.provider_id != f"not-{bid.programme_id}"


def offer(offer_id: str, seq: int, price: int, nodes: int, window: tuple[int, int], **other: Any) -> Offer:
    """An offer of class `a` in region `r`."""
    terms: dict[str, Any] = {
        "provider_id": "provider", "group_id": "sellers", "class_id": "a", "region": "r", "currency": "CNY",
        "gpus_per_node": 8,
    }  # fmt: skip
    start, end = window
    return Offer(
        offer_id=offer_id, seq=seq, price=price, nodes=nodes, window_start=start, window_end=end, **(terms | other)
    )


def bid(bid_id: str, seq: int, limit: int, nodes: int, hours: int, starts: tuple[int, int], **other: Any) -> Bid:
    """A bid for class `a` in region `r`."""
    terms: dict[str, Any] = {
        "beneficiary_id": "firm", "group_id": "buyers", "programme_id": "city", "classes": ("a",), "regions": ("r",),
        "currency": "CNY",
    }  # fmt: skip
    earliest, latest = starts
    return Bid(
        bid_id=bid_id, seq=seq, limit_price=limit, nodes=nodes, hours=hours, earliest=earliest, latest=latest,
        **(terms | other),
    )  # fmt: skip


@pytest.fixture(params=[(rule, continues) for rule in RULES_OF_MATCHING for continues in (False, True)])
def make_book(request: pytest.FixtureRequest) -> MakeBook:
    """Makes a book that holds the given orders, for both rules and both ways of a pass to end."""
    rule, continues = request.param

    def make(*orders: Offer | Bid) -> AnyBook:
        book = RuledBook(rule, eligible, continues=continues)
        for order in orders:
            if isinstance(order, Offer):
                book.add_offer(replace(order))
            else:
                book.add_bid(replace(order))
        return book

    return make


def worked_example(book: AnyBook) -> AnyBook:
    """O1 has 2 of 4 nodes sold in hours 6..11; O2 is dearer; O3 costs the same as O1 and came later."""
    book.add_offer(offer("O1", 1, 1400, 4, (0, 24)))
    book.add_offer(offer("O2", 2, 1500, 8, (0, 48)))
    book.add_offer(offer("O3", 3, 1400, 8, (12, 36)))
    book.fill("O1", "somebody", 2, 6, 6)
    return book


@pytest.mark.parametrize(
    ("latest", "expected"),
    [
        (24, Match("B", "O1", 3, 12, 1400)),  # price beats start time
        (0, Match("B", "O2", 3, 0, 1500)),  # a bid that needs hour 0 must name it, and pays for it
        (11, Match("B", "O2", 3, 0, 1500)),
        (12, Match("B", "O1", 3, 12, 1400)),
    ],
)
def test_worked_example(make_book: MakeBook, latest: int, expected: Match) -> None:
    """The worked example of the market rules: 3 nodes for 12 hours at 15.50 at most."""
    book = worked_example(make_book())
    assert book.plan_bid(bid("B", 4, 1550, 3, 12, (0, latest)), "GTC", 0, BOUND) == Plan(matches=(expected,))


CHEAP = offer("cheap", 1, 10, 4, (0, 24))
LATE = offer("late", 3, 10, 4, (0, 24))
DEAR = offer("dear", 2, 20, 4, (0, 48))

# offers, the bid's (limit, nodes, hours, (earliest, latest)), its other terms, floor hour, (offer, nodes, hour) matched
CANDIDATES: dict[str, tuple[list[Offer], Any, dict[str, Any], int, list[tuple[str, int, int]]]] = {
    "same price: the earlier seq": ([LATE, CHEAP], (10, 4, 4, (0, 9)), {}, 0, [("cheap", 4, 0)]),
    "same price, first does not fit: the later seq": ([LATE, replace(CHEAP, nodes=3)], (10, 4, 4, (0, 9)), {}, 0,
                                                      [("late", 4, 0)]),
    "limit equals price": ([DEAR], (20, 1, 1, (0, 0)), {}, 0, [("dear", 1, 0)]),
    "limit one below price": ([DEAR], (19, 1, 1, (0, 0)), {}, 0, []),
    "other class": ([replace(CHEAP, class_id="b"), DEAR], (20, 1, 1, (0, 0)), {}, 0, [("dear", 1, 0)]),
    "other region": ([replace(CHEAP, region="s"), DEAR], (20, 1, 1, (0, 0)), {}, 0, [("dear", 1, 0)]),
    "other currency": ([replace(CHEAP, currency="EUR"), DEAR], (20, 1, 1, (0, 0)), {}, 0, [("dear", 1, 0)]),
    "two classes compete by price": ([DEAR, replace(CHEAP, class_id="b")], (20, 1, 1, (0, 0)), {"classes": ("a", "b")},
                                     0, [("cheap", 1, 0)]),
    "two regions, same price: by seq": ([LATE, replace(CHEAP, region="s")], (20, 1, 1, (0, 0)),
                                        {"regions": ("r", "s")}, 0, [("cheap", 1, 0)]),
    "not eligible": ([replace(CHEAP, provider_id="not-city"), DEAR], (20, 1, 1, (0, 0)), {}, 0, [("dear", 1, 0)]),
    "earliest": ([CHEAP], (10, 1, 4, (7, 30)), {}, 0, [("cheap", 1, 7)]),
    "floor hour after earliest": ([CHEAP], (10, 1, 4, (7, 30)), {}, 9, [("cheap", 1, 9)]),
    "floor hour at latest": ([CHEAP], (10, 1, 4, (7, 9)), {}, 9, [("cheap", 1, 9)]),
    "floor hour after latest": ([CHEAP], (10, 1, 4, (7, 9)), {}, 10, []),
    "window opens after earliest": ([replace(CHEAP, window_start=5)], (10, 1, 4, (0, 30)), {}, 0, [("cheap", 1, 5)]),
    "window opens at latest": ([replace(CHEAP, window_start=5)], (10, 1, 4, (0, 5)), {}, 0, [("cheap", 1, 5)]),
    "window opens after latest": ([replace(CHEAP, window_start=5)], (10, 1, 4, (0, 4)), {}, 0, []),
    "block ends with the window": ([CHEAP], (10, 1, 4, (20, 30)), {}, 0, [("cheap", 1, 20)]),
    "block would end after the window": ([CHEAP], (10, 1, 4, (21, 30)), {}, 0, []),
    "as long as the window": ([CHEAP], (10, 1, 24, (0, 9)), {}, 0, [("cheap", 1, 0)]),
    "longer than the window": ([CHEAP, DEAR], (20, 1, 25, (0, 9)), {}, 0, [("dear", 1, 0)]),
    "all nodes": ([CHEAP], (10, 4, 4, (0, 9)), {}, 0, [("cheap", 4, 0)]),
    "one node too many": ([CHEAP], (10, 5, 4, (0, 9)), {}, 0, []),
    "smallest block, nodes": ([replace(CHEAP, min_nodes=3)], (10, 3, 4, (0, 9)), {}, 0, [("cheap", 3, 0)]),
    "below the smallest block, nodes": ([replace(CHEAP, min_nodes=3)], (10, 2, 4, (0, 9)), {}, 0, []),
    "smallest block, hours": ([replace(CHEAP, min_hours=4)], (10, 1, 4, (0, 9)), {}, 0, [("cheap", 1, 0)]),
    "below the smallest block, hours": ([replace(CHEAP, min_hours=5)], (10, 1, 4, (0, 9)), {}, 0, []),
    "partial takes several offers in rank order": ([DEAR, LATE, CHEAP], (20, 9, 4, (0, 9)), {"partial": True}, 0,
                                                   [("cheap", 4, 0), ("late", 4, 0), ("dear", 1, 0)]),
    "one match for each offer in a pass": ([CHEAP], (10, 8, 4, (0, 9)), {"partial": True}, 0, [("cheap", 4, 0)]),
    "partial skips less than min_nodes": ([replace(CHEAP, nodes=2), DEAR], (20, 6, 4, (0, 9)),
                                          {"partial": True, "min_nodes": 3}, 0, [("dear", 4, 0)]),
    "the last part may be below min_nodes": ([CHEAP, DEAR], (20, 6, 4, (0, 9)), {"partial": True, "min_nodes": 3}, 0,
                                             [("cheap", 4, 0), ("dear", 2, 0)]),
    "the last part is still the offer's smallest block": ([CHEAP, replace(DEAR, min_nodes=3)], (20, 6, 4, (0, 9)),
                                                          {"partial": True, "min_nodes": 3}, 0, [("cheap", 4, 0)]),
    "a small last part fits across regions": ([CHEAP, replace(DEAR, region="s", nodes=2)], (20, 6, 4, (0, 9)),
                                              {"partial": True, "min_nodes": 4, "regions": ("r", "s")}, 0,
                                              [("cheap", 4, 0), ("dear", 2, 0)]),
}  # fmt: skip


# The same where a pass continues until nothing fits: an offer may give more than one block.
GOES_ON = {
    "partial takes several offers in rank order": [("cheap", 4, 0), ("cheap", 4, 4), ("cheap", 1, 8)],
    "one match for each offer in a pass": [("cheap", 4, 0), ("cheap", 4, 4)],
    "partial skips less than min_nodes": [("dear", 4, 0), ("cheap", 2, 0)],  # which is enough for the last part
    "the last part may be below min_nodes": [("cheap", 4, 0), ("cheap", 2, 4)],
    "the last part is still the offer's smallest block": [("cheap", 4, 0), ("cheap", 2, 4)],
    "a small last part fits across regions": [("cheap", 4, 0), ("cheap", 2, 4)],
}


@pytest.mark.parametrize("name", CANDIDATES)
def test_which_offer_how_many_nodes_and_when(make_book: MakeBook, name: str) -> None:
    """R1, R2 and R4, at each limit and one beyond it."""
    offers, terms, other, floor, expected = CANDIDATES[name]
    book = make_book(*offers)
    if book.continues:
        expected = GOES_ON.get(name, expected)
    plan = book.plan_bid(bid("B", 9, *terms, **other), "GTC", floor, BOUND)
    assert [(match.offer_id, match.nodes, match.first_hour) for match in plan.matches] == expected
    filled = sum(match.nodes for match in plan.matches)
    assert plan == Plan(matches=plan.matches, rests=filled < terms[1])


def test_more_nodes_come_before_an_earlier_start(make_book: MakeBook) -> None:
    """R2: of a partial bid the largest part counts first, then the earliest start."""
    book = make_book(CHEAP)
    book.fill("cheap", "somebody", 3, 0, 5)
    plan = book.plan_bid(bid("B", 9, 10, 8, 4, (0, 9), partial=True), "GTC", 0, BOUND)
    again = (Match("B", "cheap", 4, 9, 10),) if book.continues else ()
    assert plan.matches == (Match("B", "cheap", 4, 5, 10), *again)
    plan = book.plan_bid(bid("B", 9, 10, 8, 4, (0, 4), partial=True), "GTC", 0, BOUND)
    again = (Match("B", "cheap", 1, 4, 10),) if book.continues else ()
    assert plan.matches == (Match("B", "cheap", 1, 0, 10), *again)


OWN = offer("own", 1, 10, 4, (0, 24), group_id="buyers")
P_BOTH, P_MAKER, P_TAKER = (
    Prevented("B", "own", 2, 0, cancels_bid=bid, cancels_offer=offer)
    for bid, offer in ((True, True), (False, True), (True, False))
)
ON_DEAR = (Match("B", "dear", 2, 0, 20),)


@pytest.mark.parametrize(
    ("stp", "tif", "expected"),
    [
        ("taker", "GTC", Plan(prevented=(P_TAKER,))),
        ("maker", "GTC", Plan(ON_DEAR, (P_MAKER,))),
        ("both", "GTC", Plan(prevented=(P_BOTH,))),
        ("taker", "IOC", Plan(prevented=(P_TAKER,))),
        ("maker", "FOK", Plan(ON_DEAR, (P_MAKER,))),
        ("taker", "FOK", Plan(refusal="not_fillable")),  # a refused order cancels nothing
        ("both", "FOK", Plan(refusal="not_fillable")),
    ],
)
def test_self_trade_of_a_bid(make_book: MakeBook, stp: Any, tif: BidTif, expected: Plan) -> None:
    """R5 for an incoming bid that would meet its own group's offer first."""
    assert make_book(OWN, DEAR).plan_bid(bid("B", 9, 20, 2, 4, (0, 9), stp=stp), tif, 0, BOUND) == expected


def test_own_offer_that_does_not_fit_prevents_nothing(make_book: MakeBook) -> None:
    """R5: only a pair that would have matched."""
    assert make_book(replace(OWN, nodes=1), DEAR).plan_bid(bid("B", 9, 20, 2, 4, (0, 9)), "GTC", 0, BOUND) == Plan(
        ON_DEAR
    )


def test_matches_before_a_prevention_stand(make_book: MakeBook) -> None:
    """R5: the remainder is cancelled, not what was matched before."""
    taker = bid("B", 9, 20, 6, 4, (0, 0), partial=True)
    plan = make_book(CHEAP, replace(OWN, price=11), DEAR).plan_bid(taker, "GTC", 0, BOUND)
    assert plan == Plan((Match("B", "cheap", 4, 0, 10),), (P_TAKER,))


@pytest.mark.parametrize(
    ("stp", "expected"),
    [
        ("taker", Plan(prevented=(P_TAKER._replace(cancels_bid=False, cancels_offer=True),))),
        ("maker", Plan((Match("other", "own", 4, 0, 15),), (P_MAKER._replace(cancels_bid=True, cancels_offer=False),),
                       rests=True)),
        ("both", Plan(prevented=(P_BOTH,))),
    ],
)  # fmt: skip
def test_self_trade_of_an_offer(make_book: MakeBook, stp: Any, expected: Plan) -> None:
    """R5 for an incoming offer that would meet its own group's bid first."""
    book = make_book(bid("B", 1, 20, 2, 4, (0, 9)), bid("other", 2, 15, 4, 4, (0, 9), group_id="strangers"))
    assert book.plan_offer(replace(OWN, stp=stp), "GTC", 0, BOUND) == expected


@pytest.mark.parametrize(
    ("tif", "nodes", "partial", "post_only", "expected"),
    [
        ("GTC", 4, False, False, Plan((Match("B", "cheap", 4, 0, 10),))),
        ("GTC", 5, False, False, Plan(rests=True)),
        ("GTD", 5, False, False, Plan(rests=True)),
        ("IOC", 5, False, False, Plan()),
        ("FOK", 5, False, False, Plan(refusal="not_fillable")),
        ("FOK", 4, False, False, Plan((Match("B", "cheap", 4, 0, 10),))),
        ("GTC", 5, True, False, Plan((Match("B", "cheap", 4, 0, 10),), rests=True)),
        ("IOC", 5, True, False, Plan((Match("B", "cheap", 4, 0, 10),))),
        ("FOK", 5, True, False, Plan(refusal="not_fillable")),
        ("FOK", 4, True, False, Plan((Match("B", "cheap", 4, 0, 10),))),
        ("GTC", 4, False, True, Plan(refusal="would_match")),
        ("GTC", 5, False, True, Plan(rests=True)),
        ("GTC", 5, True, True, Plan(refusal="would_match")),
    ],
)
def test_time_in_force(
    make_book: MakeBook, tif: BidTif, nodes: int, partial: bool, post_only: bool, expected: Plan
) -> None:
    """R6 and R7 against one offer of four nodes; making the plan changes nothing."""
    book = make_book(CHEAP)
    before = book.digest()
    taker = bid("B", 9, 10, nodes, 4, (0, 3), partial=partial, post_only=post_only)
    assert book.plan_bid(taker, tif, 0, BOUND) == expected
    assert (book.digest(), taker.remaining) == (before, nodes)


def test_post_only_is_refused_for_its_own_group_too(make_book: MakeBook) -> None:
    """R7: for every fitting counterpart."""
    plan = make_book(OWN).plan_bid(bid("B", 9, 10, 2, 4, (0, 9), post_only=True), "GTC", 0, BOUND)
    assert plan == Plan(refusal="would_match")


def test_offer_meets_bids_by_limit_then_seq_at_their_own_prices(make_book: MakeBook) -> None:
    """R1, R3 and R4 from the offer's side; the bid that does not fit stays first in the queue."""
    book = make_book(
        bid("low", 1, 9, 1, 4, (0, 9)),
        bid("second", 3, 12, 3, 4, (0, 0)),
        bid("first", 2, 12, 2, 4, (0, 0)),
        bid("top, too big", 4, 30, 5, 4, (0, 9)),
        bid("third", 5, 10, 2, 4, (0, 0), classes=("a", "b"), regions=("q", "r")),
        bid("not eligible", 6, 40, 1, 4, (0, 0), programme_id="x"),
        bid("elsewhere", 7, 40, 1, 4, (0, 0), regions=("q",)),
        bid("in euro", 8, 40, 1, 4, (0, 0), currency="EUR"),
    )
    taker = replace(CHEAP, provider_id="not-x")
    plan = book.plan_offer(taker, "GTC", 0, BOUND)
    assert plan == Plan((Match("first", "cheap", 2, 0, 12), Match("third", "cheap", 2, 0, 10)), rests=True)
    # A later, larger offer still finds the one that was passed over first.
    larger = book.plan_offer(replace(taker, nodes=5), "GTC", 0, BOUND)
    assert larger.matches[0] == Match("top, too big", "cheap", 5, 0, 30)


def test_bids_of_one_shape_share_the_offer(make_book: MakeBook) -> None:
    """R2 sees what the matches before it in the same pass have taken."""
    book = make_book(*(bid(f"b{n}", n, 20, 3, 12, (0, 24)) for n in range(5)))
    plan = book.plan_offer(CHEAP, "GTC", 0, BOUND)
    assert plan == Plan((Match("b0", "cheap", 3, 0, 20), Match("b1", "cheap", 3, 12, 20)), rests=True)


@pytest.mark.parametrize(
    ("tif", "hours", "rests"), [("GTC", 23, True), ("GTD", 23, True), ("IOC", 23, False), ("GTC", 24, False)]
)
def test_offer_rests_while_an_hour_is_left(make_book: MakeBook, tif: Any, hours: int, rests: bool) -> None:
    """R6 for an offer of 24 hours."""
    plan = make_book(bid("B", 1, 10, 4, hours, (0, 0))).plan_offer(CHEAP, tif, 0, BOUND)
    assert plan == Plan((Match("B", "cheap", 4, 0, 10),), rests=rests)


def test_bounded_pass_of_a_bid_goes_on_where_the_book_stands(make_book: MakeBook) -> None:
    """R8: `more` at the bound only if one more was to come; without `continues`, only for an order that rests."""
    book = make_book(CHEAP, LATE, DEAR)
    taker = bid("B", 9, 20, 12, 12, (0, 0), partial=True)
    one, two = Match("B", "cheap", 4, 0, 10), Match("B", "late", 4, 0, 10)
    assert book.plan_bid(taker, "GTC", 0, 3) == Plan((one, two, Match("B", "dear", 4, 0, 20)))
    cut = Plan((one, two), rests=True, more=True)
    assert book.plan_bid(taker, "IOC", 0, 2) == (cut if book.continues else Plan((one, two)))
    assert book.plan_bid(taker, "FOK", 0, 2) == (cut if book.continues else Plan(refusal="not_fillable"))
    assert book.plan_bid(taker, "FOK", 0, 3).refusal is None
    assert book.plan_bid(taker, "GTC", 0, 2) == Plan((one, two), rests=True, more=True)
    assert book.plan_bid(replace(taker, limit_price=10), "GTC", 0, 2) == Plan((one, two), rests=True)

    book.add_bid(taker)
    book.fill("cheap", "B", 4, 0, 12)
    book.fill("late", "B", 4, 0, 12)
    assert taker.remaining == 4
    assert book.plan_bid(taker, "GTC", 0, 2) == Plan((Match("B", "dear", 4, 0, 20),))
    book.fill("dear", "B", 4, 0, 12)
    assert book.bid("B") is None
    assert book.offer("cheap") is not None


def test_bounded_pass_of_an_offer(make_book: MakeBook) -> None:
    """R8 from the offer's side, preventions counted; a further plan sees what is left."""
    book = make_book(*(bid(f"b{n}", n, 20, 2, 24, (0, 0)) for n in range(4)))
    taker = replace(CHEAP, nodes=8, stp="maker")
    first = book.plan_offer(taker, "GTC", 0, 3)
    assert first == Plan(tuple(Match(f"b{n}", "cheap", 2, 0, 20) for n in range(3)), rests=True, more=True)
    assert book.plan_offer(taker, "IOC", 0, 3).more == book.continues
    assert book.plan_offer(taker, "GTC", 0, 4) == Plan((*first.matches, Match("b3", "cheap", 2, 0, 20)))
    related = book.plan_offer(replace(taker, group_id="buyers"), "GTC", 0, 3)
    assert (len(related.prevented), related.matches, related.more) == (3, (), True)

    book.add_offer(replace(taker))
    for match in first.matches:
        book.fill("cheap", match.bid_id, match.nodes, match.first_hour, 24)
    assert book.residual("cheap") == ((0, 24, 2),)
    assert book.plan_more("cheap", "GTC", 0, 3) == Plan((Match("b3", "cheap", 2, 0, 20),))


def test_new_and_withdrawn_capacity_is_seen_at_once(make_book: MakeBook) -> None:
    """A search that found nothing must not hide an offer that comes later, nor show one that was removed."""
    book = make_book(*(replace(DEAR, offer_id=f"d{n}", seq=100 + n, nodes=1) for n in range(80)))
    taker = bid("B", 9, 20, 3, 4, (2, 9))
    for _ in range(3):
        assert book.plan_bid(taker, "IOC", 0, BOUND) == Plan()
        book.add_offer(replace(LATE, window_start=4))
        assert book.plan_bid(taker, "IOC", 0, BOUND).matches == (Match("B", "late", 3, 4, 10),)
        book.add_offer(replace(CHEAP))
        assert book.plan_bid(taker, "IOC", 0, BOUND).matches == (Match("B", "cheap", 3, 2, 10),)
        book.remove_offer("cheap")
        book.reduce_offer("late", 1)
        assert book.plan_bid(taker, "IOC", 0, BOUND).matches == (Match("B", "late", 3, 4, 10),)
        book.reduce_offer("late", 1)
        assert book.plan_bid(taker, "IOC", 0, BOUND) == Plan()
        book.remove_offer("late")


def test_records_are_in_priority_order_with_runs(make_book: MakeBook) -> None:
    """The canonical form, and that the digest sees each part of it."""
    book = worked_example(make_book(bid("y", 7, 10, 1, 1, (0, 0)), bid("x", 8, 11, 1, 1, (0, 0))))
    records = list(book.records())
    assert [record[:2] for record in records] == [
        ("offer", "O1"), ("offer", "O3"), ("offer", "O2"), ("bid", "x"), ("bid", "y"),
    ]  # fmt: skip
    assert [record[-1] for record in records[:3]] == [
        ((0, 6, 4), (6, 6, 2), (12, 12, 4)),
        ((12, 24, 8),),
        ((0, 48, 8),),
    ]
    digests = [book.digest()]
    changes: tuple[Callable[[], object], ...] = (
        lambda: book.fill("O1", "x", 1, 23, 1),
        lambda: book.fill("O1", "somebody", 1, 0, 1),
        lambda: book.reduce_offer("O2", 1),
        lambda: book.remove_bid("y"),
        lambda: book.remove_offer("O3"),
    )
    for change in changes:
        change()
        digests.append(book.digest())
    assert len(set(digests)) == 6
    assert book.residual("O1") == ((0, 1, 3), (1, 5, 4), (6, 6, 2), (12, 11, 4), (23, 1, 3))


def test_reduction_keeps_priority(make_book: MakeBook) -> None:
    """R9 on both sides."""
    book = make_book(CHEAP, LATE, bid("x", 5, 9, 4, 1, (0, 0)), bid("y", 6, 9, 4, 1, (0, 0)))
    book.reduce_offer("cheap", 3)
    book.reduce_bid("x", 2)
    assert [record[1] for record in book.records()] == ["cheap", "late", "x", "y"]
    assert book.plan_bid(bid("B", 9, 10, 1, 1, (0, 0)), "IOC", 0, BOUND).matches[0].offer_id == "cheap"
    matches = book.plan_offer(replace(CHEAP, price=9), "IOC", 0, BOUND).matches
    assert matches == (Match("x", "cheap", 2, 0, 9),)


IMPOSSIBLE: dict[str, Callable[[AnyBook], object]] = {
    "offer twice": lambda book: book.add_offer(replace(CHEAP)),
    "bid twice": lambda book: book.add_bid(bid("x", 5, 9, 4, 1, (0, 0))),
    "remove unknown offer": lambda book: book.remove_offer("unknown"),
    "remove unknown bid": lambda book: book.remove_bid("unknown"),
    "continue unknown offer": lambda book: book.plan_more("unknown", "GTC", 0, BOUND),
    "residual of unknown offer": lambda book: book.residual("unknown"),
    "reduction of unknown offer": lambda book: book.can_reduce_offer("unknown", 1),
    "fill unknown offer": lambda book: book.fill("unknown", "x", 1, 0, 1),
    "fill more than is left": lambda book: book.fill("cheap", "x", 4, 4, 2),
    "fill more than exists": lambda book: book.fill("cheap", "somebody", 8, 0, 1),
    "fill more than the bid asks for": lambda book: book.fill("dear", "x", 4, 0, 1),
    "fill before the window": lambda book: book.fill("cheap", "x", 1, -1, 2),
    "fill beyond the window": lambda book: book.fill("cheap", "x", 1, 23, 2),
    "fill no node": lambda book: book.fill("cheap", "x", 0, 0, 1),
    "fill no hour": lambda book: book.fill("cheap", "x", 1, 0, 0),
    "reduce more than is unsold": lambda book: book.reduce_offer("cheap", 4),
    "reduce by nothing": lambda book: book.reduce_offer("cheap", 0),
    "reduce to nothing": lambda book: book.reduce_offer("dear", 4),
    "reduce a bid to nothing": lambda book: book.reduce_bid("x", 3),
    "reduce a bid by nothing": lambda book: book.reduce_bid("x", 0),
    "reduce unknown bid": lambda book: book.reduce_bid("unknown", 1),
    "a pass without matches": lambda book: book.plan_bid(bid("B", 9, 20, 1, 1, (0, 0)), "GTC", 0, 0),
    "an offer's pass without matches": lambda book: book.plan_offer(LATE, "GTC", 0, 0),
}


@pytest.mark.parametrize("change", IMPOSSIBLE.values(), ids=IMPOSSIBLE)
def test_the_impossible_changes_nothing(make_book: MakeBook, change: Callable[[AnyBook], object]) -> None:
    """What the book refuses leaves it as it was."""
    book = make_book(CHEAP, DEAR, bid("x", 5, 9, 3, 1, (0, 0)))
    book.fill("cheap", "somebody", 1, 5, 1)
    before = book.digest()
    with pytest.raises(InvariantViolation):
        change(book)
    assert book.digest() == before
    assert book.can_reduce_offer("cheap", 3)
    assert not book.can_reduce_offer("cheap", 4)


A_BID = bid("B", 1, 1, NODES_MAX, BLOCK_HOURS_MAX, (0, HOUR_END - 1))
AT_THE_LIMIT = {
    "nodes": (CHEAP, {"nodes": NODES_MAX, "min_nodes": NODES_MAX}, {"nodes": NODES_MAX + 1}),
    "no nodes": (CHEAP, {"nodes": 1}, {"nodes": 0}),
    "window": (CHEAP, {"window_end": WINDOW_HOURS_MAX}, {"window_end": WINDOW_HOURS_MAX + 1}),
    "no window": (CHEAP, {"window_end": 1}, {"window_end": 0}),
    "last hour": (CHEAP, {"window_start": HOUR_END - 1, "window_end": HOUR_END},
                  {"window_start": HOUR_END - 1, "window_end": HOUR_END + 1}),
    "price": (CHEAP, {"price": 0}, {"price": -1}),
    "offer's stp": (CHEAP, {"stp": "both"}, {"stp": "decrement"}),
    "hours": (A_BID, {"hours": BLOCK_HOURS_MAX}, {"hours": BLOCK_HOURS_MAX + 1}),
    "no hours": (A_BID, {"hours": 1}, {"hours": 0}),
    "bid's nodes": (A_BID, {"nodes": NODES_MAX}, {"nodes": NODES_MAX + 1}),
    "remaining": (A_BID, {"remaining": 1}, {"remaining": 0}),
    "starts": (A_BID, {"earliest": HOUR_END - 1}, {"earliest": HOUR_END}),
    "last start": (A_BID, {"latest": HOUR_END - 1}, {"latest": HOUR_END}),
    "min_nodes": (A_BID, {"min_nodes": NODES_MAX}, {"min_nodes": NODES_MAX + 1}),
    "classes": (A_BID, {"classes": ("a", "b")}, {"classes": ("a", "a")}),
    "regions": (A_BID, {"regions": ("q", "r")}, {"regions": ("r", "q")}),
    "bid's stp": (A_BID, {"stp": "maker"}, {"stp": "none"}),
}  # fmt: skip


@pytest.mark.parametrize(("order", "inside", "outside"), AT_THE_LIMIT.values(), ids=AT_THE_LIMIT)
def test_orders_keep_to_the_limits(order: Any, inside: dict[str, Any], outside: dict[str, Any]) -> None:
    """At the limit an order can be made, one beyond it cannot."""
    replace(order, **inside)
    with pytest.raises(InvariantViolation):
        replace(order, **outside)


def test_largest_orders_match(make_book: MakeBook) -> None:
    """The largest block in the longest window, at the last hour that it can start."""
    largest = offer("big", 1, 1, NODES_MAX, (490_000, 490_000 + WINDOW_HOURS_MAX))
    last = 490_000 + WINDOW_HOURS_MAX - BLOCK_HOURS_MAX
    taker = bid("B", 2, 1, NODES_MAX, BLOCK_HOURS_MAX, (last, HOUR_END - 1))
    book = make_book(largest)
    plan = book.plan_bid(replace(taker, earliest=last, latest=last), "FOK", 490_000, 1)
    assert plan == Plan((Match("B", "big", NODES_MAX, last, 1),))
    book.fill("big", "B", NODES_MAX, last, BLOCK_HOURS_MAX)
    assert book.residual("big") == ((490_000, last - 490_000, NODES_MAX), (last, BLOCK_HOURS_MAX, 0))
    assert book.plan_bid(taker, "IOC", 490_000, 1) == Plan()


@pytest.mark.parametrize("min_nodes", [1, 2])
def test_a_whole_pass_looks_at_each_offer_but_a_few_times(monkeypatch: pytest.MonkeyPatch, min_nodes: int) -> None:
    """A FOK bid is planned over the whole book: its cost grows with the book, and not with its square.

    Own offers are worst: each is passed over, and leaves as many nodes to look for as before.
    """
    looked: list[str] = []
    exact = ladder.fit

    def counted(starts: Any, bid: Bid, remaining: int, offer: Offer, floor_hour: int, room: Any) -> Any:
        looked.append(offer.offer_id)
        return exact(starts, bid, remaining, offer, floor_hour, room)

    monkeypatch.setattr(ladder, "fit", counted)
    book, own = RuledBook(PTW_1, eligible, continues=True), 200
    book.add_offer(offer("O", 1, 9, 2, (0, 1)))
    for seq in range(2, own + 2):
        book.add_offer(offer(f"O{seq}", seq, 10, 2, (0, 1), group_id="buyers"))
    taker = bid("B", own + 2, 10, 3, 1, (0, 0), partial=True, min_nodes=min_nodes, stp="maker")
    assert book.plan_bid(taker, "FOK", 0, 24) == Plan(refusal="not_fillable")
    assert len(looked) <= 4 * own
