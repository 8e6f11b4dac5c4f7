"""The ledger, rule by rule: money in and out, holds and their refusals, trades, captures and settlement."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from counterfoil.contract.codec import dump_event, encode_entry
from counterfoil.contract.ensure import InvariantViolation
from counterfoil.contract.entry import Entry, EntryCause
from counterfoil.contract.events import (
    KeyAdded,
    KeyRevoked,
    PartyClosed,
    PartyRecovered,
    PartyReinstated,
    PartySuspended,
    RecoveryKeySet,
)
from counterfoil.contract.key_id import key_id_of
from counterfoil.contract.limits import MAX_AMOUNT, MAX_ENTRY_BYTES, MAX_LEGS
from counterfoil.contract.record import Command as Body
from counterfoil.contract.record import Event
from counterfoil.contract.refusals import Code
from counterfoil.contract.times import DAY
from counterfoil.core.rules import LATEST, RULES
from counterfoil.issuance.events import BudgetReduced
from counterfoil.ledger.events import (
    AppropriationReduced,
    BondHeld,
    BondReleased,
    BondSlashed,
    ContractFunded,
    HoldCaptured,
    HoldPlaced,
    HoldReduced,
    HoldReleased,
    VoucherCancelled,
    VoucherClosed,
    VoucherExpired,
    VoucherRestored,
)
from counterfoil.ledger.notice_events import BondDivided, DeliveryEnded
from counterfoil.ledger.service import DECIDER, SERVICE
from counterfoil.matching.cover_events import CoverQuoted
from counterfoil.matching.events import BidReceived, BidReduced, OfferClosed, OfferReduced
from counterfoil.redemption.notice_events import ContractWithdrawn
from tests.ledger.story import (
    CALLED_OFF,
    CLOSED,
    COMPLETED,
    DEFAULTED,
    ENDS,
    LAST_START,
    REINSTATED,
    REVOKED,
    SUSPENDED,
    Story,
    T,
    accepted,
    appropriated,
    bid,
    claim_denied,
    code,
    deposit,
    draws,
    expire,
    issued,
    offer,
    paid,
    party,
    programme,
    returned,
    story,
    trade,
    traded,
    withdraw,
)
from tests.views import viewed_in

MAX_VOUCHERS_PER_HOLD = RULES[LATEST].max_vouchers_per_hold
MAX_ITEMS_PER_SWEEP = RULES[LATEST].max_items_per_sweep

# cash ---------------------------------------------------------------------------------------------------------------

ROOM = MAX_AMOUNT - 20_000


@pytest.mark.parametrize(
    ("body", "actor", "expected"),
    [
        (deposit("acme", 1), "treasury", None),
        (deposit("acme", ROOM), "treasury", None),
        (deposit("acme", MAX_AMOUNT, "EUR"), "treasury", None),
        (deposit("acme", ROOM + 1), "treasury", Code.AMOUNT_TOO_LARGE),
        (deposit("nobody", ROOM + 1), "treasury", Code.UNKNOWN_PARTY),
        (deposit("nobody", 1), "acme", Code.ROLE_NOT_ALLOWED),
        (withdraw("acme", 9_900), "treasury", None),
        (withdraw("acme", 9_901), "treasury", Code.EXCEEDS_AVAILABLE),
        (withdraw("acme", 1, "EUR"), "treasury", Code.EXCEEDS_AVAILABLE),
        (withdraw("nobody", 1), "treasury", Code.UNKNOWN_PARTY),
        (withdraw("acme", 1), "acme", Code.ROLE_NOT_ALLOWED),
    ],
)
def test_money_comes_in_and_goes_out_within_what_is_there(body: Body, actor: str, expected: Code | None) -> None:
    told = story(issued("v1", 1_000), bid("bid", 300))
    told.when(body, actor)
    if expected is None:
        assert told.said
    else:
        told.refused(expected)


def test_deposit_room_is_given_back_by_withdrawals_so_money_may_go_round_for_ever() -> None:
    told = story()
    for _ in range(3):
        told.when(deposit("acme", ROOM), "treasury").when(deposit("acme", 1), "treasury")
        told.refused(Code.AMOUNT_TOO_LARGE)
        told.when(withdraw("acme", ROOM), "treasury")
    assert told.cash("acme") == (10_000, 0)


# holds --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (bid("bid", 300), None),
        (bid("bid", 300, 1, "v1"), None),
        (bid("bid", 300, programme_id="town"), Code.UNKNOWN_PROGRAMME),
        (bid("bid", 300, 1, "v1", "v-none"), Code.UNKNOWN_VOUCHER),
        (bid("bid", 300, 1, "other-party"), Code.UNKNOWN_VOUCHER),
        (bid("bid", 300, 1, "other-programme"), Code.UNKNOWN_VOUCHER),
        (bid("bid", 300, 1, "revoked-unheld"), Code.UNKNOWN_VOUCHER),
        (bid("bid", 300, 1, "v1", "suspended"), Code.VOUCHER_SUSPENDED),
        (bid("bid", 300, 1, "v1", "revoked"), Code.VOUCHER_REVOKED),
        (bid("bid", 300, 1, "v1", "second-version"), Code.VERSIONS_DIFFER),
        (bid("bid", 300, 1, "early"), Code.VOUCHER_NOT_YET_VALID),
        (bid("bid", 300, 1, "late"), Code.VOUCHER_EXPIRED),
        (bid("bid", 300, 1, "no-toll", latest=LAST_START), None),
        (bid("bid", 300, 1, "no-toll", latest=LAST_START + 1), Code.VOUCHER_EXPIRES_BEFORE_DELIVERY),
        (bid("bid", 300, 1, "no-toll", latest=LAST_START, hours=2), Code.VOUCHER_EXPIRES_BEFORE_DELIVERY),
        (bid("bid", 300, 1, "v1", latest=LAST_START + 1), None),
        (bid("bid", 1_500, 1, "v1"), None),
        (bid("bid", 1_502, 1, "v1"), Code.EXCEEDS_AVAILABLE),
        (bid("bid", 1, beneficiary_id="third"), Code.EXCEEDS_AVAILABLE),
        # The first in the order of the codes, wherever the voucher stands in the list.
        (bid("bid", 300, 1, "suspended", "v-none"), Code.UNKNOWN_VOUCHER),
        (bid("bid", 300, 1, "late", "suspended"), Code.VOUCHER_SUSPENDED),
        (bid("bid", 300, 1, "late", "second-version"), Code.VERSIONS_DIFFER),
        (bid("bid", 300, 1, "second-version", "revoked"), Code.VOUCHER_REVOKED),
        (bid("bid", 300, 1, "late", "early"), Code.VOUCHER_NOT_YET_VALID),
        (bid("bid", 9_000, 1, "late"), Code.VOUCHER_EXPIRED),
    ],
)
def test_a_bid_is_held_or_refused(wanted: BidReceived, expected: Code | None) -> None:
    told = story(
        party("other", "beneficiary"), party("third", "beneficiary"),
        programme(version=2), programme(version=3, tolls=False), programme(programme_id="other"),
        appropriated(5_000, "other"),
        issued("v1", 1_000), issued("other-party", 1_000, "other"),
        issued("other-programme", 1_000, programme_id="other"),
        issued("revoked-unheld", 10), replace(REVOKED, voucher_id="revoked-unheld"),
        issued("revoked", 200), bid("keeps", 150, 1, "revoked"), replace(REVOKED, voucher_id="revoked"),
        issued("suspended", 1_000), replace(SUSPENDED, voucher_id="suspended"),
        issued("second-version", 1_000, version=2), issued("no-toll", 1_000, version=3),
        issued("early", 1_000, not_before=T + DAY), issued("late", 1_000, expires_at=T + 1_000),
    )  # fmt: skip
    told.hears(wanted, at=T + 1_000)
    assert code(told) == expected


@pytest.mark.parametrize(
    ("share", "cost", "nodes", "cash", "expected"),
    [
        ("2/3", 300, 1, 100, None),
        ("2/3", 300, 1, 99, Code.EXCEEDS_AVAILABLE),
        ("2/3", 301, 1, 101, None),  # the voucher's part is floored, so the rest rounds up
        ("2/3", 301, 1, 100, Code.EXCEEDS_AVAILABLE),
        ("2/3", 300, 3, 302, None),  # a partial bid holds a micro-unit for each trade but the first
        ("2/3", 300, 3, 301, Code.EXCEEDS_AVAILABLE),
        ("1/1", 300, 3, 1, None),  # nothing is ever rounded: nothing more is held
        ("3/3", 300, 3, 1, None),
    ],
)
def test_the_co_payment_is_held_on_cash(share: str, cost: int, nodes: int, cash: int, expected: Code | None) -> None:
    told = story(issued("v1", 5_000), share=share)
    told.when(withdraw("acme", 10_000 - cash), "treasury")
    told.hears(bid("bid", cost, nodes))
    assert code(told) == expected


@pytest.mark.parametrize(("count", "expected"), [(MAX_VOUCHERS_PER_HOLD, None), (33, Code.OVER_LIMIT)])
def test_a_hold_draws_on_so_many_vouchers_and_no_more(count: int, expected: Code | None) -> None:
    told = story(*(issued(f"v{nth}", 2) for nth in range(40)))
    told.hears(bid("bid", 3 * count))
    assert code(told) == expected


def test_too_many_vouchers_come_before_too_little_cash_and_after_too_little_value() -> None:
    told = story(*(issued(f"v{nth}", 2) for nth in range(40)))
    told.when(withdraw("acme", 10_000), "treasury")
    assert code(told.hears(bid("bid", 99))) == Code.OVER_LIMIT
    assert code(told.hears(bid("bid", 123))) == Code.EXCEEDS_AVAILABLE


@pytest.mark.parametrize(("bond", "expected"), [(10_000, None), (10_001, Code.EXCEEDS_AVAILABLE)])
def test_a_bond_is_held_or_refused(bond: int, expected: Code | None) -> None:
    told = story(offer("offer", bond))
    assert code(told) == expected
    assert told.cash("cloud") == ((10_000, 0) if expected else (0, 10_000))
    told.hears(OfferClosed(offer_id="offer", reason="cancelled"))
    told.then_types(*([] if expected else [HoldReleased]))
    assert told.cash("cloud") == (10_000, 0)


@pytest.mark.parametrize(
    ("named", "cost", "expected"),
    [
        ((), 30, [("soon", 20)]),
        ((), 300, [("soon", 100), ("a-first", 100)]),
        ((), 600, [("soon", 100), ("a-first", 100), ("b-first", 100), ("b-second", 100)]),
        ((), 750, [("soon", 100), ("a-first", 100), ("b-first", 100), ("b-second", 100), ("b-third", 100)]),
        (("b-third", "soon"), 180, [("b-third", 100), ("soon", 20)]),
        (("soon",), 180, None),
    ],
)
def test_vouchers_are_drawn_down_in_order(
    named: tuple[str, ...], cost: int, expected: list[tuple[str, int]] | None
) -> None:
    """Unless named: what expires first, was valid first, was issued first; never two versions."""
    told = story(
        programme(version=2),
        issued("b-third", 100, issue_seq=4), issued("b-second", 100, issue_seq=3), issued("b-first", 100, issue_seq=2),
        issued("a-first", 100, issue_seq=5, not_before=T - DAY),
        issued("other-version", 100, version=2, issue_seq=6, expires_at=ENDS - 5),
        issued("soon", 100, issue_seq=7, expires_at=ENDS - 10),
        issued("gone", 100, issue_seq=1, expires_at=T + 2), issued("used", 100, issue_seq=1, expires_at=T + DAY),
        bid("earlier", 150, 1, "used"),
    )  # fmt: skip
    told.hears(bid("bid", cost, 1, *named))
    assert (None if code(told) else draws(told)) == expected


def test_a_used_up_voucher_of_another_version_does_not_stand_in_the_way() -> None:
    told = story(programme(version=2), issued("v1", 100), issued("v2", 100, version=2), bid("first", 150, 1, "v1"))
    told.hears(bid("second", 150))
    assert draws(told) == [("v2", 100)]


@pytest.mark.parametrize(("at", "expected"), [(T + DAY - 1, Code.VOUCHER_NOT_YET_VALID), (T + DAY, None)])
def test_a_voucher_is_valid_from_its_first_microsecond(at: int, expected: Code | None) -> None:
    told = story(issued("v1", 100, not_before=T + DAY))
    assert code(told.hears(bid("bid", 3, 1, "v1"), at=at)) == expected


# trades -------------------------------------------------------------------------------------------------------------


def test_a_better_price_gives_the_difference_back_at_once() -> None:
    told = story(issued("v1", 400), issued("v2", 600), offer("offer", 100), bid("bid", 900))
    told.hears(trade("trade", 500)).then_types(ContractFunded)
    assert told.voucher("v1") == (67, 333, 0, 0, 0)
    assert told.voucher("v2") == (600, 0, 0, 0, 0)
    assert told.cash("acme") == (10_000 - 167, 167)
    left = {purpose: hold.cash for (purpose, _), hold in told.state.holds.open.items()}
    assert left == {"contract": 167, "bond": 50, "offer": 50}


def test_trades_take_from_the_front_of_a_hold_and_give_back_from_its_end() -> None:
    told = story(issued("v1", 250), issued("v2", 600), offer("offer", 100), bid("bid", 300, 3))
    told.hears(trade("trade", 180, 2)).then_types(ContractFunded)
    (funded,) = told.said
    assert [(draw.voucher_id, draw.amount) for draw in funded.vouchers] == [("v1", 120)]
    assert [(draw.voucher_id, draw.amount) for draw in funded.released_vouchers] == [("v2", 80)]
    left = told.state.holds.of_bid("bid")
    assert ([(draw.voucher_id, draw.amount) for draw in left.draws], left.terms.nodes) == (
        [("v1", 130), ("v2", 270)],
        2,
    )


def test_two_thirds_of_three_trades_round_by_micro_units_and_the_hold_still_covers_them() -> None:
    """100 a node: 66 from vouchers and 34 in cash each time, though all three together need 200 and 100."""
    told = story(issued("v1", 5_000), offer("offer", 30), bid("bid", 100, 3))
    assert (told.voucher("v1")[1], told.cash("acme")[1]) == (200, 102)
    for left, held in ((2, (66 + 133, 34 + 67 + 1)), (1, (132 + 66, 68 + 34)), (0, (198, 102))):
        told.hears(trade(f"trade-{left}", 100, left)).then_types(ContractFunded)
        assert (told.voucher("v1")[1], told.cash("acme")[1]) == held
    assert not told.state.holds.for_all("bid")


def test_a_trade_above_the_offers_price_takes_the_bond_of_the_offers_price() -> None:
    """An offer that takes a dearer bid trades at the bid's price; its bond was measured by its own, and is split so."""
    told = story(issued("v1", 5_000), offer("offer", 20), bid("bid", 300, 2))
    told.hears(trade("one", 300, 1, taker="offer", hours=100, price=3))
    told.hears(trade("two", 300, 0, taker="offer", hours=100, price=3))
    assert [hold.cash for hold in told.state.holds.for_all("bond").values()] == [10, 10]
    told.hears(OfferClosed(offer_id="offer", reason="expired"), replace(DEFAULTED, contract_id="one"))
    assert told.cash("cloud") == (9_980, 10)
    told.hears(replace(DEFAULTED, contract_id="two")).then_types(HoldReleased, BondSlashed)
    assert told.cash("acme") == (10_020, 0)


def test_a_smaller_order_needs_a_smaller_hold() -> None:
    told = story(issued("v1", 100), issued("v2", 5_000), offer("offer", 100), bid("bid", 100, 3))
    told.hears(BidReduced(bid_id="bid", nodes_left=1)).then_types(HoldReduced)
    assert draws(told) == [("v1", 34), ("v2", 100)]
    assert told.state.holds.of_bid("bid").terms.nodes == 1
    assert (told.voucher("v1")[1], told.voucher("v2")[1], told.cash("acme")[1]) == (66, 0, 34)
    told.hears(OfferReduced(offer_id="offer", reduced_by=1, bond_released=40)).then_types(HoldReduced)
    assert told.cash("cloud") == (9_940, 60)
    told.hears(OfferReduced(offer_id="offer", reduced_by=1, bond_released=61))
    assert told.cash("cloud") == (10_000, 0)
    told.hears(CLOSED).then_types(HoldReleased)
    assert (told.voucher("v1")[1], told.cash("acme")) == (0, (10_000, 0))


@pytest.mark.parametrize(
    "event",
    [
        CLOSED,
        BidReduced(bid_id="bid", nodes_left=1),
        OfferClosed(offer_id="offer", reason="bond_refused"),
        OfferReduced(offer_id="offer", reduced_by=1, bond_released=1),
        replace(SUSPENDED, voucher_id="none"),
        replace(REINSTATED, voucher_id="none"),
        replace(REVOKED, voucher_id="none"),
    ],
)
def test_there_is_nothing_to_do_for_what_the_ledger_does_not_hold(event: Event) -> None:
    told = story()
    before = told.records()
    told.hears(event).then()
    assert told.records() == before


# delivery -----------------------------------------------------------------------------------------------------------


def test_captures_round_together_not_each_by_itself() -> None:
    """The subsidy of 1, 1, 1 is 0, 1, 1: two thirds of what was invoiced so far, rounded once."""
    told = traded(issued("v1", 2), issued("v2", 5_000))
    subsidies = []
    for nth in range(3):
        told.hears(accepted("trade", 1, f"r{nth}")).then_types(HoldCaptured)
        subsidies.append(told.state.contracts["trade"].subsidised)
    assert subsidies == [0, 1, 2]
    assert told.voucher("v1") == (0, 0, 2, 0, 0)
    told.hears(accepted("trade", 897, "rest"))
    hold, contract = told.state.holds.open["contract", "trade"], told.state.contracts["trade"]
    assert (hold.draws, hold.cash, contract.invoiced, contract.subsidised) == ((), 0, 900, 600)
    assert told.voucher("v2") == (5_000 - 598, 0, 598, 0, 0)
    assert told.posted("claims/cloud", "claims:city") == 600 == -told.posted("claims_payable/city", "claims:city")
    assert (told.cash("acme"), told.cash("cloud")) == ((9_700, 0), (10_210, 90))
    with pytest.raises(InvariantViolation):
        told.hears(accepted("trade", 1, "too much"))


def test_usage_worth_nothing_is_captured_as_nothing() -> None:
    told = traded(issued("v1", 5_000)).hears(accepted("trade", 0))
    (event,) = told.said
    assert (event.subsidy, event.co_payment, event.vouchers, event.legs) == (0, 0, (), ())


def test_completion_gives_back_what_was_not_used() -> None:
    told = traded(issued("v1", 400), issued("v2", 600)).hears(accepted("trade", 450))
    told.hears(COMPLETED).then_types(HoldReleased, BondDivided)
    assert (told.voucher("v1"), told.voucher("v2")) == ((100, 0, 300, 0, 0), (600, 0, 0, 0, 0))
    assert (told.cash("acme"), told.cash("cloud")) == ((9_850 + 45, 0), (10_150 - 45, 0)), "half was not delivered"
    assert not told.state.contracts


def test_a_cancelled_contract_costs_neither_side_anything(tmp_path: Path) -> None:
    with viewed_in(tmp_path, SERVICE) as viewed:
        told = viewed.of(traded(issued("v1", 1_000)))
        told.hears(CALLED_OFF).then_types(HoldReleased, BondReleased, DeliveryEnded)
        assert told.voucher("v1") == (1_000, 0, 0, 0, 0)
        assert (told.cash("acme"), told.cash("cloud")) == ((10_000, 0), (10_000, 0))
        assert not told.state.contracts
        assert viewed.part("holds", "trade", "status", "reason") == ("cancelled", "cancelled")


def test_default_gives_the_rest_back_and_the_bond_on_top() -> None:
    told = traded(issued("v1", 1_000)).hears(accepted("trade", 450))
    told.hears(DEFAULTED).then_types(HoldReleased, BondSlashed)
    assert told.voucher("v1") == (700, 0, 300, 0, 0)
    assert (told.cash("acme"), told.cash("cloud")) == ((9_850 + 90, 0), (10_150 - 90, 0))


@pytest.mark.parametrize("cause", ["usage_not_reported", "withdrawn", "not_delivered"])
def test_whatever_the_cause_a_default_costs_the_bond(cause: Any) -> None:
    """Also one of a provider that reported every hour, with nothing delivered."""
    told = traded(issued("v1", 1_000)).hears(accepted("trade", 0))
    early = [DeliveryEnded] if cause == "withdrawn" else []
    told.hears(replace(DEFAULTED, cause=cause, missing_hours=0)).then_types(HoldReleased, BondSlashed, *early)
    assert told.voucher("v1") == (1_000, 0, 0, 0, 0)
    assert (told.cash("acme"), told.cash("cloud")) == ((10_090, 0), (9_910, 0))


@pytest.mark.parametrize(
    ("forfeits_bps", "cover", "paid"),
    [
        (2_500, 0, 22), (2_500, 22, 22), (2_500, 23, 23), (5_000, 44, 45), (5_000, 89, 89), (5_000, 91, 90),
        (2_500, None, 90),
    ],
)  # fmt: skip
def test_of_a_contract_given_up_the_bond_is_divided(
    tmp_path: Path, forfeits_bps: int, cover: int | None, paid: int
) -> None:
    """The part for the notice, rounded down, or the cover if it is more, or all; the price waits for it, too."""
    with viewed_in(tmp_path, SERVICE) as viewed:
        told = viewed.of(traded(issued("v1", 1_000)))
        withdrawn = ContractWithdrawn(
            contract_id="trade", beneficiary_id="acme", provider_id="cloud", notice_hours=30, forfeits_bps=forfeits_bps
        )
        told.hears(withdrawn).then(DeliveryEnded(contract_id="trade", forfeits_bps=forfeits_bps))
        assert told.cash("acme") == (9_700, 300)
        offer_id = None if cover is None else "other"
        told.hears(
            CoverQuoted(contract_id="trade", forfeits_bps=forfeits_bps, offer_id=offer_id, price=None, cover=cover)
        ).then_types(HoldReleased, BondDivided)
        assert told.voucher("v1") == (1_000, 0, 0, 0, 0)
        assert (told.cash("acme"), told.cash("cloud")) == ((10_000 + paid, 0), (10_000 - paid, 0))
        assert not told.state.contracts
        assert viewed.part("holds", "trade", "status", "reason") == ("withdrawn", "withdrawn")
        assert viewed.part("slashes", "trade", "amount", "returned", "replacement") == (paid, 90 - paid, offer_id)


@pytest.mark.parametrize("event", [accepted("trade", 1), COMPLETED, CALLED_OFF, DEFAULTED])
def test_delivery_waits_for_the_trade_it_belongs_to(event: Event) -> None:
    told = story(issued("v1", 1_000), offer("offer", 100), bid("bid", 900))
    assert not DECIDER.ready[type(event)](told.state, event)
    told.hears(trade("trade", 900))
    assert DECIDER.ready[type(event)](told.state, event)


def settled(told: Story) -> tuple[int, int]:
    """(claims of the provider, settled) on the programme."""
    return told.posted("claims/cloud", "claims:city"), told.posted("settled", "claims:city")


def test_claims_of_earlier_rules_are_settled_too() -> None:
    """A provider's claims on a programme may have begun by rules 3, in the currency, and gone on by rules 4."""
    told = traded(issued("v1", 1_000))
    told.state.rules = RULES[3]
    told.hears(accepted("trade", 150))
    told.state.rules = RULES[LATEST]
    told.hears(accepted("trade", 150, "later"))
    assert (told.posted("claims/cloud"), settled(told)) == (100, (100, 0))
    told.hears(paid("cloud", 130))
    assert (told.posted("claims/cloud"), settled(told), told.posted("settled")) == (70, (0, 100), 30)
    told.hears(paid("cloud", 70))
    assert told.budget() == (99_000, 800, 200, 0)


def test_a_smaller_budget_goes_back_to_where_it_came_from() -> None:
    told = story(issued("v1", 1_000))
    told.hears(BudgetReduced(
        programme_id="city", amount=99_000, document="b", reason="typing error", uncommitted_after=0
    )).then_types(AppropriationReduced)  # fmt: skip
    assert told.budget() == (0, 1_000, 0, 0)
    assert told.posted("funding", "budget:city") == -1_000


def test_a_paid_batch_settles_claims_and_disburses_the_budget() -> None:
    told = traded(issued("v1", 1_000)).hears(accepted("trade", 450))
    assert told.budget() == (99_000, 1_000, 0, 0)
    told.hears(paid("cloud", 200))
    assert (settled(told), told.budget()) == ((100, 200), (99_000, 800, 200, 0))
    told.hears(paid("cloud", 100))
    assert (settled(told), told.budget()) == ((0, 300), (99_000, 700, 300, 0))
    with pytest.raises(InvariantViolation, match="overdrawn"):
        told.hears(paid("cloud", 1))


def test_a_payment_that_came_back_is_owed_again_and_one_that_failed_was_never_made() -> None:
    told = traded(issued("v1", 1_000)).hears(accepted("trade", 450), paid("cloud", 200))
    told.hears(returned("cloud", 100, was_paid=False))
    assert told.said == []
    told.hears(returned("cloud", 200))
    assert (settled(told), told.budget()) == ((300, 0), (99_000, 1_000, 0, 0))


def test_what_was_denied_goes_where_the_terms_of_its_contract_say() -> None:
    told = traded(issued("v1", 1_000), recycle="lapsed").hears(accepted("trade", 450), COMPLETED)
    told.hears(claim_denied("cloud", ("trade", 120), ("of-another-ledger", 7)))
    (released,) = told.said
    assert (released.amount, released.recycled) == (120, 0)
    assert (settled(told), told.posted("denied/city", "claims:city")) == ((180, 0), 120)
    appropriation, _, _, lapsed = told.budget()
    assert (appropriation, lapsed) == (99_000, 120)
    told = traded(issued("v1", 1_000), recycle="appropriation").hears(accepted("trade", 450))
    told.hears(claim_denied("cloud", ("trade", 120)))
    assert told.said[0].recycled == 120
    assert told.budget()[0] == 99_120
    told.hears(claim_denied("cloud", ("of-another-ledger", 7)))
    assert told.said == []


# limits -------------------------------------------------------------------------------------------------------------


def test_a_sweep_takes_so_many_and_comes_again() -> None:
    count = MAX_ITEMS_PER_SWEEP + 1
    told = story(*(issued(f"v{nth:02}", 10, expires_at=ENDS - nth) for nth in range(count)))
    expire(told)
    swept = [event.voucher_id for event in told.said if isinstance(event, VoucherExpired)]
    assert swept == [f"v{nth:02}" for nth in reversed(range(1, count))]
    assert DECIDER.due(told.state) == (ENDS, "voucher_expiry")
    expire(told).then_types(VoucherExpired, VoucherClosed)


@pytest.mark.parametrize("dead", [True, False])
@pytest.mark.parametrize("ending", [CLOSED, trade("trade", 1), DEFAULTED])
def test_the_largest_reaction_fits_into_an_entry(ending: Event, dead: bool) -> None:
    """All of the vouchers of a hold given back, all dead or all expired, every id and amount as long as can be."""
    firm, cloud, city, long = "a" * 63, "c" * 63, "p" * 63, "v" * 40
    face = MAX_AMOUNT // 100
    told = Story(
        party("treasury", "treasurer"), party(firm), party(cloud),
        programme("1/2", programme_id=city), appropriated(MAX_AMOUNT, city),
    )  # fmt: skip
    told.when(deposit(firm, MAX_AMOUNT // 2), "treasury").when(deposit(cloud, MAX_AMOUNT // 4), "treasury")
    names = [f"{long}{nth:02}" for nth in range(MAX_VOUCHERS_PER_HOLD)]
    told.hears(*(issued(name, face, firm, programme_id=city) for name in names))
    cost = face * 2 * len(names)
    told.hears(
        bid("bid", cost, beneficiary_id=firm, programme_id=city), offer("offer", MAX_AMOUNT // 4, provider_id=cloud)
    )
    if ending is DEFAULTED:
        told.hears(trade("trade", cost))
    if dead:
        told.hears(*(replace(REVOKED, voucher_id=name) for name in names))
    told.hears(ending, at=ENDS)
    events = tuple(told.said)
    ends = VoucherCancelled if dead else VoucherRestored if ending is DEFAULTED else VoucherExpired
    assert sum(isinstance(event, ends) for event in events) >= MAX_VOUCHERS_PER_HOLD
    assert max(len(getattr(event, "legs", ())) for event in events) <= MAX_LEGS
    cause = EntryCause(f"{'h' * 63}:65535/redemption/main", 2**53 - 1, bytes(32), 47)
    entry = Entry(cause.origin, 2**53 - 1, "redemption/9007199254740991/47", T, "redemption", cause, False, (), events)
    assert len(encode_entry(entry)) <= MAX_ENTRY_BYTES


def test_the_directory_is_taken_over_word_for_word() -> None:
    told = story()
    added = KeyAdded(party_id="acme", key_id="0" * 16, public_key=bytes(32))
    told.hears(added).then(added)
    revoked = KeyRevoked(party_id="acme", key_id="0" * 16, reason="lost")
    told.hears(revoked).then(revoked)
    recovery = RecoveryKeySet(party_id="acme", key_id=key_id_of(bytes(32)), public_key=bytes(32), replaces=None)
    told.hears(recovery).then(recovery)
    recovered = PartyRecovered(
        recovery_id="rec-1-0", party_id="acme", proposed_by=None, reason=None, key_id="1" * 16, public_key=bytes(32),
        recovery_key=None, revoked=("0" * 16,),
    )  # fmt: skip
    told.hears(recovered).then(recovered)
    closed = PartyClosed(party_id="acme", reason="sold")
    told.hears(closed).then(closed)
    suspended = PartySuspended(party_id="acme", reason="inquiry")
    told.hears(suspended).then(suspended)
    reinstated = PartyReinstated(party_id="acme", reason="inquiry is over")
    told.hears(reinstated).then(reinstated)
    key = {"public_key": "A" * 43 + "="}
    assert told.records()["party/acme"] == {
        "name": "acme", "roles": ["beneficiary"], "group_id": "acme", "closed": True, "suspended": False,
        "keys": {"0" * 16: {**key, "in_force": False}, "1" * 16: {**key, "in_force": True}},
        "recovery_keys": {key_id_of(bytes(32)): {**key, "in_force": True}},
    }  # fmt: skip


def test_the_records_say_what_is_held_for_whom() -> None:
    told = traded(issued("v1", 1_000)).hears(offer("next", 7), bid("more", 3, 2, "v1"))
    records: dict[str, Any] = told.records()
    values = {key: [*record.values()] for key, record in records.items() if isinstance(record, dict)}
    assert values["contract/trade"] == ["acme", "cloud", "city", 1, "0", "0", "0"]
    assert values["hold/contract/trade"] == ["acme", "CNY", [{"voucher_id": "v1", "amount": "600"}], "300", None]
    assert values["hold/bond/trade"] == ["cloud", "CNY", [], "90", None]
    need = {"programme_id": "city", "version": 1, "nodes": 2, "cost_per_node": "3", "partial": True}
    assert values["hold/bid/more"] == ["acme", "CNY", [{"voucher_id": "v1", "amount": "4"}], "3", need]
    assert values["hold/offer/next"] == ["cloud", "CNY", [], "7", {"price": "1", "bps": 1000}]
    index = told.state.vouchers.open["v1"].index
    assert values["voucher/v1"] == ["city", 1, "acme", "1000", T, ENDS, 1, index, "active", None]
    assert values["position/v1/owner/acme"] == [3, "0", "1000", "604", "0"]
    assert records["programme/city/1"] == dump_event(told.state.programmes["city"][1])
    held = {type(event) for event, _ in told.decided}
    assert {HoldPlaced, BondHeld} <= held
