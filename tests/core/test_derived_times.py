"""Times that a decider computes may lie after the last year of a command's times; every entry with one can be read."""

from __future__ import annotations

from typing import Any

import pytest

from counterfoil.contract import scalars
from counterfoil.contract.entry import Entry
from counterfoil.contract.events import GroupAttested, WriterResumed
from counterfoil.contract.limits import MAX_WINDOW
from counterfoil.contract.record import Command as Body
from counterfoil.contract.record import Event, annotations_of
from counterfoil.contract.submission import Header
from counterfoil.contract.terms import RelativeExpiry
from counterfoil.contract.times import END_OF_HOURS, HOUR, LAST_DERIVED_YEAR, SECOND, format_time, parse_derived_time
from counterfoil.core.rules import RULES
from counterfoil.gateway.rows import parse
from counterfoil.issuance.commands import AppropriateBudget, IssueVoucher
from counterfoil.issuance.events import (
    ApplicationDecided,
    ApplicationOverdue,
    ApplicationReviewed,
    ApplicationSubmitted,
    RecoveryProposed,
    VoucherGranted,
    VoucherIssued,
)
from counterfoil.issuance.freeze_events import SuspensionExtended, SuspensionOrdered
from counterfoil.issuance.invoice_events import InvoiceDue, UseDue
from counterfoil.ledger import service as ledger
from counterfoil.ledger.credit_events import CreditBidPlaced, CreditOffered
from counterfoil.ledger.events import PurchaseJudged, VoucherCredited, VoucherRestored
from counterfoil.ledger.expiry_events import ExpiryNotified, VoucherTakenOffline
from counterfoil.ledger.extension_events import VoucherEndSet, VoucherExtended
from counterfoil.ledger.transfer_events import (
    PledgeEnforced,
    PledgeMade,
    TransferAccepted,
    TransferProposed,
    VoucherReissued,
)
from counterfoil.redemption import service as redemption
from counterfoil.redemption.closing_events import LastDaySet
from counterfoil.redemption.commands import Reading, ReportUsage
from counterfoil.redemption.events import (
    AppealFiled,
    CancellationProposed,
    ClawbackOrdered,
    ContractOpened,
    DisputeRaised,
    UsageDisputed,
    UsageReported,
    UsageSplit,
)
from counterfoil.redemption.reclaim_events import DeliveryReclaimed
from counterfoil.vocabulary import CODEC, VOCABULARY
from tests.core import largest
from tests.core.largest import CITY, CLOUD, LAB, LAST_TIME, PROGRAMME, Large
from tests.core.test_entry_sizes import BID, OFFER, issuing, published_with
from tests.programmes import changed
from tests.redemption.world import dispute

BEFORE_LAST = LAST_TIME - 1  # a command must expire later than its entry, so no command's entry is later than this
LAST_HOUR = END_OF_HOURS - 1

DERIVED = {
    (ApplicationSubmitted, "review_by"),
    (ApplicationReviewed, "review_by"),
    (ApplicationOverdue, "since"),
    (CreditOffered, "until"),
    (CreditBidPlaced, "until"),
    (PurchaseJudged, "traded_at"),
    (DeliveryReclaimed, "report_by"),
    (VoucherGranted, "expires_at"),
    (VoucherGranted, "not_before"),
    (ExpiryNotified, "expires_at"),
    (ExpiryNotified, "offline_at"),
    (ExpiryNotified, "ends_at"),
    (VoucherTakenOffline, "restorable_until"),
    (VoucherTakenOffline, "ends_at"),
    (VoucherExtended, "expired_at"),
    (VoucherExtended, "expires_at"),
    (VoucherEndSet, "expires_at"),
    (PledgeEnforced, "expires_at"),
    (PledgeMade, "until"),
    (TransferAccepted, "expires_at"),
    (TransferProposed, "until"),
    (VoucherReissued, "expires_at"),
    (VoucherReissued, "not_before"),
    (InvoiceDue, "claimed_at"),
    (SuspensionOrdered, "begins_at"),
    (SuspensionOrdered, "ends_at"),
    (SuspensionExtended, "ends_at"),
    (UseDue, "granted_at"),
    (VoucherIssued, "not_before"),
    (VoucherIssued, "expires_at"),
    (VoucherCredited, "not_before"),
    (VoucherCredited, "expires_at"),
    (VoucherRestored, "not_before"),
    (VoucherRestored, "expires_at"),
    (ContractOpened, "report_by"),
    (LastDaySet, "since"),
    (LastDaySet, "until"),
    (UsageReported, "dispute_until"),
    (UsageSplit, "reported_at"),
    (UsageSplit, "dispute_until"),
    (UsageDisputed, "resolve_by"),
    (RecoveryProposed, "in_force_at"),
    (GroupAttested, "since"),
    (ApplicationDecided, "submitted_at"),
    (DisputeRaised, "resolve_by"),
    (AppealFiled, "decide_by"),
    (ClawbackOrdered, "appeal_until"),
    (CancellationProposed, "until"),
    (WriterResumed, "away_since"),
    (WriterResumed, "earliest"),
}


def members(scalar: Any, records: Any) -> set[tuple[Any, str]]:
    """The members of this type in some records, those that may be null included."""
    return {
        (record, name)
        for record in records
        for name, annotation in annotations_of(record).items()
        if annotation in (scalar, scalar | None)
    }


def test_which_members_are_derived_and_which_are_a_command_s() -> None:
    events = VOCABULARY.events.values()
    assert members(scalars.DerivedTime, events) == DERIVED
    assert {name for _, name in members(scalars.Time, events)} == {"good_until", "locks_at", "clears_at"}
    assert not members(scalars.DerivedTime, [*VOCABULARY.commands.values(), Header])


def read_back(large: Large) -> list[Entry]:
    """Every entry so far, read from its bytes, which must be what was written."""
    for entry, data in large.entries:
        assert CODEC.decode_entry(data) == entry
    return [entry for entry, _ in large.entries]


def only(large: Large, kind: type[Event]) -> Any:
    """The event of this class in the last entry, which can be read."""
    (event,) = (event for event in read_back(large)[-1].events if type(event) is kind)
    return event


def under(number: int, large: Large) -> Large:
    """A service that decides by this version of the rules."""
    large.state.rules = RULES[number]
    return large


@pytest.mark.parametrize("number", RULES)
def test_a_voucher_issued_at_the_last_instant(number: int) -> None:
    issuer = under(number, issuing())
    largest.register(issuer, (LAB, "beneficiary"))
    expiry = RelativeExpiry(kind="relative", after_seconds=MAX_WINDOW // SECOND)
    bodies: list[Body] = [
        changed(published_with(PROGRAMME, 1), expiry=expiry),
        AppropriateBudget(programme_id=PROGRAMME, amount=10_000, document="d"),
        IssueVoucher(programme_id=PROGRAMME, beneficiary_id=LAB, amount=9),
    ]
    keeper = under(number, Large(ledger.DECIDER))
    for nth, body in enumerate(bodies):
        entry = issuer.decides(CITY, body, at=LAST_TIME - len(bodies) + nth)
        keeper.hears(*entry.events, at=LAST_TIME)
    issued = only(issuer, VoucherIssued)
    assert issued.not_before == BEFORE_LAST
    assert issued.expires_at == BEFORE_LAST + MAX_WINDOW > LAST_TIME
    assert only(keeper, VoucherCredited).expires_at == issued.expires_at


@pytest.fixture(params=RULES)
def delivery(request: pytest.FixtureRequest) -> Large:
    """Redemption with a programme whose windows are as long as they get."""
    large = under(request.param, Large(redemption.DECIDER))
    largest.register(large, (CITY, "issuer"), (LAB, "beneficiary"), (CLOUD, "provider"))
    large.hears(largest.programme())
    return large


def test_a_contract_for_the_last_hour(delivery: Large) -> None:
    delivery.hears(largest.trade(BID, OFFER, first_hour=LAST_HOUR, hours=1), at=LAST_TIME)
    assert only(delivery, ContractOpened).report_by == END_OF_HOURS * HOUR + MAX_WINDOW


def test_usage_reported_and_disputed_at_the_last_instants(delivery: Large) -> None:
    delivery.hears(largest.trade(BID, OFFER, first_hour=LAST_HOUR - 1, hours=1), at=LAST_TIME - HOUR)
    (contract_id,) = delivery.state.contracts
    reading = Reading(hour=LAST_HOUR - 1, gpu_minutes=1)
    delivery.decides(CLOUD, ReportUsage(contract_id=contract_id, readings=(reading,)), at=BEFORE_LAST - 1)
    reported = only(delivery, UsageReported)
    assert reported.dispute_until == BEFORE_LAST - 1 + MAX_WINDOW
    delivery.decides(LAB, dispute(reported.report_id), at=BEFORE_LAST)
    resolution = delivery.state.rules.resolution_window
    assert only(delivery, DisputeRaised).resolve_by == BEFORE_LAST + resolution > LAST_TIME


def test_entries_after_the_last_instant(delivery: Large) -> None:
    """The clock stands still there, and each entry is a microsecond later than the one before."""
    for hour in (LAST_HOUR, LAST_HOUR - 1):
        delivery.hears(largest.trade(BID, OFFER, trade_id=f"trd-{hour}-0", first_hour=hour, hours=1), at=LAST_TIME)
    delivery.fires("state_root", LAST_TIME)
    assert [entry.time for entry in read_back(delivery)][-3:] == [LAST_TIME, LAST_TIME + 1, LAST_TIME + 2]


def test_nothing_derived_lies_after_what_can_be_read() -> None:
    """Delivery and reporting, a dispute and its resolution, one after the other, in the last hour there is."""
    last = parse_derived_time(f"{LAST_DERIVED_YEAR}-12-31T23:59:59.999999Z")
    longest = max(rules.resolution_window for rules in RULES.values())
    assert END_OF_HOURS * HOUR + 2 * MAX_WINDOW + longest < last < 2**53
    assert parse("time", format_time(last)) == last
