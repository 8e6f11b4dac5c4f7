"""No command, event or timer makes an entry that the log cannot hold, however long everything is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import get_args

import pytest

from counterfoil.contract import limits
from counterfoil.contract.accelerators import Cards, Collective, FloorPrice
from counterfoil.contract.entry import Entry
from counterfoil.contract.events import KeyAdded, ProgrammePublishedV1, RecoveryKeySet
from counterfoil.contract.limits import MAX_AMOUNT, MAX_COUNT, MAX_ENTRY_BYTES
from counterfoil.contract.log_id import host_of
from counterfoil.contract.terms import FixedExpiry, Rate
from counterfoil.contract.times import HOUR
from counterfoil.core.rules import LATEST, RULES
from counterfoil.core.rules import LATEST as NEWEST
from counterfoil.issuance import service as issuance
from counterfoil.issuance.class_commands import RegisterClass
from counterfoil.issuance.commands import ProposeRecovery, PublishProgrammeV1, RegisterClassV1, RegisterParty
from counterfoil.issuance.events import ProviderListed
from counterfoil.ledger import service as ledger
from counterfoil.ledger.events import ContractFunded, HoldCaptured, HoldPlaced
from counterfoil.matching.commands import AmendBid
from counterfoil.matching.events import BidClosed
from counterfoil.matching.service import SERVICE as MATCHING
from counterfoil.redemption import service as redemption
from counterfoil.redemption.commands import (
    ApproveClaim,
    ApprovedLine,
    CloseSettlement,
    ConfirmPaymentV1,
    DisputeUsage,
    Reading,
    ReportUsage,
    SubmitClaim,
)
from counterfoil.redemption.events import (
    ClaimApproved,
    ClaimDenied,
    ClaimLine,
    ClaimSubmitted,
    PaymentConfirmed,
    ProviderDefaulted,
    SettlementClosed,
    UsageAccepted,
    UsageReported,
)
from counterfoil.redemption.state import Claimable
from tests.core import largest
from tests.core.largest import CITY, CLOUD, CURRENCY, LAB, LATE, PROGRAMME, WIDE, Large, T, long_id
from tests.matching.world import bond_held, hold_placed
from tests.possession import proven
from tests.programmes import publish

PRICE_TICK = RULES[LATEST].price_tick
MAX_VOUCHERS_PER_HOLD = RULES[LATEST].max_vouchers_per_hold
MAX_READINGS = RULES[LATEST].max_readings
MAX_CONTRACTS_PER_CLAIM = RULES[LATEST].max_contracts_per_claim
MAX_CLAIMS_PER_SETTLEMENT = RULES[LATEST].max_claims_per_settlement
MAX_ITEMS_PER_SWEEP = RULES[LATEST].max_items_per_sweep

WIDEST = "\U00020000"
"""A letter of four bytes that a reference may have."""
MAX_MATCHES = RULES[NEWEST].max_matches_per_entry
BID, OFFER, TRADE = f"bid-{LATE}-47", f"off-{LATE}-47", f"trd-{LATE}-47-23"
DEAD = T + 1_001 * HOUR  # all vouchers have expired, and no sweep has run
SHARE = Rate(num=999_999, den=1_000_000)


def kinds(entry: Entry) -> list[str]:
    """The names of an entry's event types, each once, in order."""
    return list(dict.fromkeys(type(event).__name__ for event in entry.events))


# the ledger ---------------------------------------------------------------------------------------------------------


def held() -> Large:
    """A hold on as many vouchers as one may draw on, to their last unit, and a bond."""
    large = Large(ledger.DECIDER)
    largest.funded(large, MAX_VOUCHERS_PER_HOLD, SHARE)
    cost = sum(voucher.face for voucher in large.state.vouchers.open.values()) * SHARE.den // SHARE.num - 1
    bid = largest.bid(BID, nodes=1, partial=False, cost_per_node=cost)
    entry = large.hears(largest.offer(OFFER, bond=MAX_AMOUNT // 4), bid)
    (placed,) = entry.events
    assert isinstance(placed, HoldPlaced)
    assert len(placed.vouchers) == MAX_VOUCHERS_PER_HOLD
    largest.worn(large)
    return large


def funded_contract(price: int) -> Large:
    """The hold turned into a contract at this price."""
    large = held()
    large.hears(largest.trade(BID, OFFER, notional=price, price=price))
    largest.worn(large)
    return large


def whole_price() -> int:
    """What the hold was made for."""
    (hold,) = held().state.holds.for_all("bid").values()
    return int(hold.terms.cost_per_node)


def hold() -> Large:
    return held()


def trade_far_below_the_limit_after_the_vouchers_ran_out() -> Large:
    large = held()
    entry = large.hears(largest.trade(BID, OFFER), at=DEAD)
    funded = entry.events[0]
    assert isinstance(funded, ContractFunded)
    assert len(funded.released_vouchers) == MAX_VOUCHERS_PER_HOLD
    assert kinds(entry) == ["ContractFunded", "VoucherExpired", "VoucherClosed"]
    assert len(entry.events) == 2 * MAX_VOUCHERS_PER_HOLD  # one is held for the trade, in part
    return large


def bid_closed_after_the_vouchers_ran_out() -> Large:
    large = held()
    assert len(large.hears(BidClosed(bid_id=BID, reason="immediate_or_cancel"), at=DEAD).events) == 65
    return large


def capture_from_every_voucher() -> Large:
    large = funded_contract(whole_price())
    usage = UsageAccepted(
        report_id=f"rep-{LATE}-47", contract_id=TRADE, gpu_minutes=MAX_COUNT, amount=whole_price(), by="beneficiary"
    )
    captured = large.hears(usage).events[0]
    assert isinstance(captured, HoldCaptured)
    assert len(captured.vouchers) == MAX_VOUCHERS_PER_HOLD
    return large


def default_after_the_vouchers_ran_out() -> Large:
    large = funded_contract(whole_price())
    default = ProviderDefaulted(
        contract_id=TRADE, provider_id=CLOUD, cause="usage_not_reported", missing_hours=MAX_COUNT
    )
    entry = large.hears(default, at=DEAD)
    assert kinds(entry) == ["HoldReleased", "VoucherRestored", "BondSlashed"]
    assert len(entry.events) == 2 + MAX_VOUCHERS_PER_HOLD
    return large


def sweep_of_vouchers() -> Large:
    large = Large(ledger.DECIDER)
    largest.funded(large, MAX_ITEMS_PER_SWEEP + 1, SHARE)
    entry = large.fires("voucher_expiry", DEAD)
    assert kinds(entry) == ["VoucherExpired", "VoucherClosed"]
    assert len(entry.events) == 2 * MAX_ITEMS_PER_SWEEP
    return large


# matching -----------------------------------------------------------------------------------------------------------


def market(*, related: bool = False) -> Large:
    """Matching with the programme and its classes; both sides in one group if related."""
    large = Large(MATCHING.decider)
    largest.register(large, (CITY, "issuer"), (LAB, "beneficiary"), (CLOUD, "provider"))
    large.hears(largest.programme(), *largest.accelerators(), ProviderListed(programme_id=PROGRAMME, provider_id=CLOUD))
    if related:
        for party_id in (LAB, CLOUD):
            large.state.directory.parties[party_id].group_id = LAB
    return large


def bids_resting(count: int, *, related: bool = False) -> Large:
    """As many bids in the book, as long as they come."""
    large = market(related=related)
    for number in range(count):
        bid = largest.bid(f"bid-{LATE + number}-47", nodes=1, group_id=LAB)
        large.folds(bid)
        large.hears(hold_placed(bid, 1_000_000))
    return large


def offers_resting(count: int, *, related: bool = False) -> Large:
    """As many offers of one node each in the book."""
    large = market(related=related)
    for number in range(count):
        offer = largest.offer(f"off-{LATE + number}-47", nodes=1, group_id=LAB if related else CLOUD)
        large.folds(offer)
        large.hears(bond_held(offer))
    return large


def pass_of_an_offer() -> Large:
    large = bids_resting(MAX_MATCHES + 1)
    offer = largest.offer(OFFER)
    large.folds(offer)
    entry = large.hears(bond_held(offer))
    assert kinds(entry) == ["OfferAdmitted", "TradeMatched", "MatchContinued"]
    assert len(entry.events) == MAX_MATCHES + 2
    return large


def pass_of_a_bid() -> Large:
    large = offers_resting(MAX_MATCHES + 1)
    bid = largest.bid(BID)
    large.folds(bid)
    entry = large.hears(hold_placed(bid, 1_000_000))
    assert kinds(entry) == ["BidAdmitted", "TradeMatched", "MatchContinued"]
    assert len(entry.events) == MAX_MATCHES + 2
    return large


def pass_of_prevented_matches() -> Large:
    large = offers_resting(MAX_MATCHES + 1, related=True)
    bid = largest.bid(BID, group_id=LAB)
    large.folds(bid)
    entry = large.hears(hold_placed(bid, 1_000_000))
    assert kinds(entry) == ["BidAdmitted", "MatchPrevented", "OfferClosed", "MatchContinued"]
    assert len(entry.events) == 2 * MAX_MATCHES + 2
    return large


def sweep_of_orders() -> Large:
    large = bids_resting(MAX_ITEMS_PER_SWEEP + 1)
    entry = large.fires("order_expiry", T + 3_000 * HOUR)
    assert len(entry.events) == MAX_ITEMS_PER_SWEEP
    return large


def new_price_for_a_bid() -> Large:
    large = bids_resting(1)
    (bid_id,) = large.state.bids
    large.decides(LAB, AmendBid(bid_id=bid_id, reduce_nodes_by=None, limit_price=PRICE_TICK))
    return large


# redemption ---------------------------------------------------------------------------------------------------------


def delivery(contracts: int) -> Large:
    """Redemption with as many contracts of 48 hours that are over."""
    large = Large(redemption.DECIDER)
    largest.register(large, (CITY, "issuer"), (LAB, "beneficiary"), (CLOUD, "provider"), ("bank", "treasurer"))
    windows = {"report_within_seconds": 86_400, "dispute_window_seconds": 60}
    large.hears(largest.programme(**windows))
    first = T // HOUR - 64
    for number in range(contracts):
        terms = {"first_hour": first, "hours": 48, "nodes": 1_023, "gpus_per_node": 64, "price": PRICE_TICK * 1_000}
        large.hears(largest.trade(BID, OFFER, trade_id=f"trd-{LATE + number}-47-23", **terms))
    return large


def readings() -> tuple[Reading, ...]:
    """All that a contract of `delivery` can report, at once."""
    first = T // HOUR - 64
    return tuple(Reading(hour=first + hour, gpu_minutes=1_023 * 64 * 60) for hour in range(MAX_READINGS))


def report() -> Large:
    large = delivery(1)
    entry = large.decides(CLOUD, ReportUsage(contract_id=next(iter(large.state.contracts)), readings=readings()))
    assert kinds(entry) == [UsageReported.__name__]
    return large


def sweep_of_windows() -> Large:
    large = delivery(MAX_ITEMS_PER_SWEEP + 1)
    for contract_id in list(large.state.contracts):
        large.decides(CLOUD, ReportUsage(contract_id=contract_id, readings=readings()))
    entry = large.fires("dispute_window", T + HOUR)
    assert kinds(entry) == ["UsageAccepted", "ContractCompleted"]
    assert len(entry.events) == 2 * MAX_ITEMS_PER_SWEEP
    return large


def idle() -> Large:
    """More contracts than a sweep takes, each reported in full as idle: what is accepted is no delivery."""
    large = delivery(MAX_ITEMS_PER_SWEEP + 1)
    nothing = tuple(replace(reading, gpu_minutes=0) for reading in readings())
    for contract_id in list(large.state.contracts):
        large.decides(CLOUD, ReportUsage(contract_id=contract_id, readings=nothing))
    return large


def sweep_of_windows_without_delivery() -> Large:
    return ends_in_default(idle(), "dispute_window")


def sweep_of_disputes() -> Large:
    large = idle()
    for report_id in list(large.state.reports):
        entry = large.decides(
            LAB, DisputeUsage(report_id=report_id, hours=(), evidence=(), reason=WIDE * limits.MAX_REASON)
        )
        assert kinds(entry) == ["DisputeRaised"]
    return ends_in_default(large, "resolution_window")


def ends_in_default(large: Large, timer: str) -> Large:
    """The sweep, of which every acceptance is the end of a contract."""
    entry = large.fires(timer, T + 30 * HOUR + RULES[LATEST].resolution_window)
    assert kinds(entry) == ["UsageAccepted", "ProviderDefaulted"]
    assert len(entry.events) == 2 * MAX_ITEMS_PER_SWEEP
    return large


def sweep_of_deadlines() -> Large:
    large = delivery(MAX_ITEMS_PER_SWEEP + 1)
    entry = large.fires("reporting", T + 30 * HOUR)
    assert kinds(entry) == ["ProviderDefaulted"]
    assert len(entry.events) == MAX_ITEMS_PER_SWEEP
    return large


def earned(contract_ids: Sequence[str]) -> Large:
    """Redemption where each of these contracts has earned its share of all the money there can be."""
    large = delivery(0)
    for contract_id in contract_ids:
        large.state.claimable[contract_id] = Claimable(PROGRAMME, CLOUD)
        large.state.claimable[contract_id].amount = MAX_AMOUNT // len(contract_ids)
        large.state.reversible[contract_id] = MAX_AMOUNT // len(contract_ids)
    return large


def claim() -> Large:
    names = tuple(f"trd-{LATE + n}-47-23" for n in range(MAX_CONTRACTS_PER_CLAIM))
    large = earned(names)
    entry = large.decides(CLOUD, SubmitClaim(programme_id=PROGRAMME, invoice_number="i" * 64, contract_ids=names))
    assert kinds(entry) == [ClaimSubmitted.__name__]
    return large


def approved(large: Large, claim_ids: Sequence[str]) -> None:
    """Approved claims of as many providers, whose ids are as long as they get."""
    amount = MAX_AMOUNT // (len(claim_ids) + 1)  # what is carried comes on top
    for number, claim_id in enumerate(claim_ids):
        line = ClaimLine(contract_id=f"trd-{LATE + number}-47-23", amount=amount, resubmitted=0)
        large.state.claimable[line.contract_id] = Claimable(PROGRAMME, CLOUD)
        large.folds(
            ClaimSubmitted(
                claim_id=claim_id, programme_id=PROGRAMME, provider_id=long_id(f"cloud-{number}"),
                invoice_number="i" * 64, lines=(line,), amount=amount,
            ),
            ClaimApproved(claim_id=claim_id, lines=(line,), amount=amount, claimable=()),
        )  # fmt: skip


def approval_in_part() -> Large:
    """Of each line of a resubmitted claim a part is approved, one ends, and one may be claimed again."""
    names = tuple(f"trd-{LATE + n}-47-23" for n in range(MAX_CONTRACTS_PER_CLAIM))
    large = earned(names)
    for name in names:
        large.state.claimable[name].rejected = large.state.claimable[name].amount // 3
    entry = large.decides(CLOUD, SubmitClaim(programme_id=PROGRAMME, invoice_number=WIDEST * 64, contract_ids=names))
    (submitted,) = entry.events
    assert isinstance(submitted, ClaimSubmitted)
    lines = tuple(ApprovedLine(contract_id=line.contract_id, amount=line.amount // 3) for line in submitted.lines)
    entry = large.decides(CITY, ApproveClaim(claim_id=submitted.claim_id, lines=lines, rest="claimable"))
    assert kinds(entry) == [ClaimApproved.__name__, ClaimDenied.__name__]
    return large


def settlement() -> Large:
    large = delivery(0)
    names = tuple(f"clm-{LATE + n}-47" for n in range(MAX_CLAIMS_PER_SETTLEMENT))
    approved(large, names)
    entry = large.decides(CITY, CloseSettlement(programme_id=PROGRAMME, claim_ids=names, payee_ids=()))
    assert kinds(entry) == [SettlementClosed.__name__]
    return large


def payment_of_a_batch() -> Large:
    """All of it at once, as rules before version 4 have it."""
    large = settlement()
    (settlement_id,) = large.state.settlements
    entry = large.decides("bank", ConfirmPaymentV1(settlement_id=settlement_id, payment_reference=WIDEST * 64))
    assert kinds(entry) == [PaymentConfirmed.__name__]
    assert len(entry.events) == MAX_CLAIMS_PER_SETTLEMENT
    return large


# issuance -----------------------------------------------------------------------------------------------------------


def issuing() -> Large:
    """Issuance with the classes of the programme."""
    large = Large(issuance.DECIDER)
    largest.register(large, ("op", "operator"), (CITY, "issuer"))
    for accelerator in largest.accelerators():
        large.folds(accelerator)
    return large


def published_with(programme_id: str, words: int) -> PublishProgrammeV1:
    """A first version whose texts have this many characters."""
    event = largest.programme()
    return publish(
        programme_id=programme_id, version=1, title=WIDE * min(words, limits.MAX_NAME), legal_basis=WIDE * words,
        currency=CURRENCY, share=SHARE, beneficiary_cap=MAX_AMOUNT, min_face=9,
        classes=event.terms.classes, regions=event.terms.regions,
        valid_from=0, valid_until=largest.LAST_TIME, expiry=FixedExpiry(kind="fixed", at=largest.LAST_TIME),
        recycle="appropriation", hold_tolls_expiry=False, report_within_seconds=31_622_400,
        dispute_window_seconds=31_622_400,
    )  # fmt: skip


def publication() -> Large:
    large = issuing()
    entry = large.decides(CITY, published_with(PROGRAMME, limits.MAX_REASON))
    assert kinds(entry) == [ProgrammePublishedV1.__name__]
    return large


def registration() -> Large:
    large = issuing()
    accelerator = largest.accelerators()[0]
    body = RegisterClassV1(
        class_id="new", version=1, description=accelerator.description, mem_mb=MAX_COUNT, gpus_per_node=64,
        bf16_mtflops_nominal=MAX_COUNT, bf16_mtflops_attested=MAX_COUNT, interconnect=accelerator.interconnect,
        sources=accelerator.sources,
    )  # fmt: skip
    large.decides("op", body)
    currencies = sorted(RULES[LATEST].currencies or ())[: RULES[LATEST].max_floor_prices]
    described = RegisterClass(
        class_id=long_id("described"), version=1, description=accelerator.description, mem_mb=MAX_COUNT,
        mem_mbps=MAX_COUNT, gpus_per_node=64, bf16_mtflops_nominal=MAX_COUNT, bf16_mtflops_attested=MAX_COUNT,
        figures_withheld=False, allreduce=tuple(Collective(cards=each, mbps=MAX_COUNT) for each in get_args(Cards)),
        interconnect=long_id("link"), interconnect_mbps=MAX_COUNT, origin=long_id("origin"),
        sources=tuple(f"{WIDE * (limits.MAX_NAME - 1)}{nth}" for nth in range(RULES[LATEST].max_sources)),
        confidence="unknown", inventory_attested=True,
        floor_prices=tuple(FloorPrice(currency=each, price=10**12) for each in currencies),
    )  # fmt: skip
    large.decides("op", described)
    roles = ("operator", "issuer", "provider", "beneficiary", "treasurer", "auditor")
    name = WIDE * (limits.MAX_NAME - 1) + "\U0001f5c4"  # as wide as the others' names, and another
    large.decides("op", RegisterParty(
        party_id=LAB, name=name, roles=roles, group_id=LAB,  # type: ignore[arg-type]
        key=proven(1, LAB, host_of(large.engine.origin)),
        recovery_key=proven(2, LAB, host_of(large.engine.origin), "recovery"),
        looks_like=None,
    ))  # fmt: skip
    assert all(outcome.refusal is None for entry, _ in large.entries for outcome in entry.outcomes)
    return large


def sweep_of_recoveries() -> Large:
    """Parties with as many keys as they may have, all of which end."""
    large, rules = issuing(), RULES[LATEST]
    host = host_of(large.engine.origin)
    for number in range(MAX_ITEMS_PER_SWEEP + 1):
        party = long_id(f"party{number}")
        largest.register(large, (party, "provider"))
        for nth in range(rules.max_keys_per_party - 1):
            large.folds(KeyAdded(party_id=party, key_id=f"{number:08x}{nth:08x}", public_key=bytes(32)))
        large.folds(RecoveryKeySet(
            party_id=party, key_id="f" * 16, public_key=number.to_bytes(32), replaces=None
        ))  # fmt: skip
        entry = large.decides("op", ProposeRecovery(
            party_id=party, key=proven(100 + number, party, host), reason=WIDE * limits.MAX_REASON,
            recovery_key=proven(200 + number, party, host, "recovery"),
        ))  # fmt: skip
        assert kinds(entry) == ["RecoveryProposed"]
    entry = large.fires("recovery", T + HOUR + rules.recovery_delay)
    assert kinds(entry) == ["PartyRecovered"]
    assert len(entry.events) == MAX_ITEMS_PER_SWEEP
    return large


LARGEST: list[tuple[Callable[[], Large], int]] = [
    (hold, 13_000),
    (trade_far_below_the_limit_after_the_vouchers_ran_out, 40_000),
    (bid_closed_after_the_vouchers_ran_out, 40_000),
    (capture_from_every_voucher, 13_000),
    (default_after_the_vouchers_ran_out, 40_000),
    (sweep_of_vouchers, 18_000),
    (pass_of_an_offer, 18_000),
    (pass_of_a_bid, 18_000),
    (pass_of_prevented_matches, 5_000),
    (sweep_of_orders, 2_000),
    (new_price_for_a_bid, 3_000),
    (report, 5_000),
    (sweep_of_windows, 5_000),
    (sweep_of_windows_without_delivery, 8_500),
    (sweep_of_disputes, 8_500),
    (sweep_of_deadlines, 4_000),
    (claim, 5_000),
    (settlement, 8_000),
    (payment_of_a_batch, 20_000),
    (approval_in_part, 7_000),
    (publication, 10_000),
    (registration, 10_000),
    (sweep_of_recoveries, 40_000),
]


@pytest.mark.parametrize(("made", "least"), LARGEST, ids=lambda value: getattr(value, "__name__", None))
def test_the_largest_entry_of_a_single_cause_fits(made: Callable[[], Large], least: int) -> None:
    large = made()
    assert least <= large.largest <= MAX_ENTRY_BYTES, large.largest
