"""Long lives of a market by chance: they meet all that is to be met, no law of them is broken, and each law can be."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import msgspec
import pytest

from counterfoil.contract.entry import CommandCause, Entry, EntryCause
from counterfoil.contract.events import KeyAdded, LogOpened, StateRooted, WriterResumed
from counterfoil.contract.record import Event
from counterfoil.contract.refusals import Code, Refusal
from counterfoil.contract.times import DAY
from counterfoil.issuance.aid_events import AidCounted
from counterfoil.issuance.events import FourEyesDemanded, ProviderListed, VoucherGranted
from counterfoil.issuance.freeze_events import RevocationOrdered
from counterfoil.ledger.events import (
    CaptureReversed,
    CashDeposited,
    CashWithdrawn,
    ClaimSettled,
    HoldCaptured,
    HoldPlaced,
    HoldReleased,
    VoucherCredited,
    VoucherExpired,
    VoucherFrozen,
)
from counterfoil.ledger.expiry_events import ExpiryNotified
from counterfoil.ledger.extension_events import VoucherExtended
from counterfoil.ledger.transfer_events import TransferAccepted, TransferApproved
from counterfoil.redemption.events import (
    ActEndorsed,
    ClawbackOrdered,
    ContractCompleted,
    PaymentConfirmed,
    UsageAccepted,
    UsageDisputed,
    UsageReported,
    UsageReversed,
)
from counterfoil.vocabulary import CODEC, VOCABULARY
from tests.properties.credit_moves import ALL, ALL_ISSUERS, credit_move
from tests.properties.kinds import OF_CREDIT
from tests.properties.later_moves import later_move
from tests.properties.law_book import LawBook
from tests.properties.moves import CLAIMED
from tests.properties.statements import check_statements
from tests.properties.test_document_worlds import world_of_documents
from tests.properties.test_world_stateful import RECLAIMS, check_replay, check_settled, walk
from tests.properties.world import World, opened, small_entries
from tests.reports.agreeing import check_reports

STEPS = 1_700
ELSEWHERE = (
    "Application", "Fact", "Window",  # `tests/issuance/test_application_walk.py` has them
    "ProgrammeClos", "ProgrammeDecided", "ProgrammeSettled", "ProgrammeStaysOpen", "ProgrammeUnsettled", "Rest",
    "RunOff", "LastDay",  # `test_world_stateful`: every programme is closed in the end
    "Unclaimed", "ClaimLapsed",  # `tests/e2e/test_closing.py`, `test_claimed.py`
    "CreditTradeFailed",  # `tests/ledger/test_credit.py`
    *RECLAIMS,  # `test_world_stateful`
    "AuctionOfferImproved", "RecoveryEnded",  # `tests/matching/test_auctions.py`, `tests/issuance/test_recoveries.py`
    "UsageCorrected",  # `test_redemption_stateful`
    "PartyClosed",  # `tests/matching/test_leaving.py`
    "TradeCleared", "Solution",  # `tests/matching/test_auctions.py`
    "Position",  # `tests/matching/test_positions.py`, `tests/properties/million.py`
    "OrderLimit", "OrdersCounted",  # `tests/matching/test_order_limits.py`, `tests/properties/million.py`
    "PriceCollar", "ReferencePrice",  # `tests/matching/test_collars.py`
    "Control", "AidCovered", "VoucherEndSet",  # tests of their services
    "ContractWithdrawn", "CoverQuoted",  # tests of bonds and deliveries
)  # fmt: skip


@cache
def lived(of_credit: bool) -> World:
    """A market of any rules, or one of the newest in which credit changes hands, after many steps.

    Seeds are found by trying: in some worlds little happens, since whoever matters was stopped.
    """
    make, seed = (credit_move, 1) if of_credit else (later_move, 3)
    with small_entries():
        world = world_of_documents(ALL, ALL_ISSUERS) if of_credit else opened(World)
        walk(world, random.Random(seed), STEPS, make)
        world.settle()
        check_settled(world)
    return world


@pytest.mark.parametrize("of_credit", [False, True])
def test_after_a_long_life_all_adds_up(of_credit: bool) -> None:
    world = lived(of_credit)
    check_replay(world)
    check_reports(world.logs)
    assert check_statements(world) > 100
    assert list(world.law_book.books.differs(world.state("ledger"))) == []


def test_long_walks_meet_everything() -> None:
    """The moves reach what the laws are to judge: every event of the contract, and most refusals."""
    events = lived(False).events.keys() | lived(True).events.keys()
    everything = {event.__name__ for event in VOCABULARY.events.values()}
    everything -= {LogOpened.__name__, StateRooted.__name__, WriterResumed.__name__}
    everything -= {UsageDisputed.__name__, "AidCountedV1"}  # of rules before the latest
    everything -= {FourEyesDemanded.__name__, ActEndorsed.__name__}  # `test_redemption_stateful` has two signatories
    everything -= {name for name in everything if name.startswith(ELSEWHERE)}
    everything -= {VOCABULARY.events[name].__name__ for name in CLAIMED}  # `tests/e2e/test_claimed.py` and others
    assert everything <= events, sorted(everything - events)
    refusals = lived(False).refusals.keys() | lived(True).refusals.keys()
    assert len(refusals) > 35, sorted(refusals)


@pytest.mark.parametrize("kind", sorted(OF_CREDIT))
def test_credit_that_changes_hands_meets_each_kind(kind: str) -> None:
    assert lived(True).law_book.met[kind] > 0


# each law can be broken ---------------------------------------------------------------------------------------------

Change = Callable[[Entry, Any], Entry]


def with_events(entry: Entry, old: Event, *new: Event) -> Entry:
    """An entry with others in the place of one event."""
    events = tuple(each for event in entry.events for each in (new if event is old else (event,)))
    outcomes = entry.outcomes
    if len(outcomes) == 1:
        outcomes = (msgspec.structs.replace(outcomes[0], events=len(events)),)
    return msgspec.structs.replace(entry, events=events, outcomes=outcomes)


def says(**other: Callable[[Any], Any]) -> Change:
    """An event says another thing."""
    return lambda entry, event: with_events(
        entry, event, replace(event, **{name: new(getattr(event, name)) for name, new in other.items()})
    )


def twice(entry: Entry, event: Event) -> Entry:
    """An event comes a second time."""
    return with_events(entry, event, event, event)


def never(entry: Entry, event: Event) -> Entry:
    """An event is left out."""
    return with_events(entry, event)


def leg(**other: Callable[[Any], Any]) -> Change:
    """The first leg of an event says another thing."""

    def change(legs: tuple[Any, ...]) -> tuple[Any, ...]:
        first = replace(legs[0], **{name: new(getattr(legs[0], name)) for name, new in other.items()})
        return (first, *legs[1:])

    return says(legs=change)


def more(amount: int) -> int:
    """One more."""
    return amount + 1


def first_draw_is(**other: Any) -> Callable[[Any], Any]:
    """The first voucher of several is another, or another amount of it."""
    return lambda draws: (replace(draws[0], **other), *draws[1:])


@dataclass(frozen=True)
class Breach:
    """What is changed in the log of a service, by the type of an event: the first one, or all of them."""

    law: str
    service: str
    kind: type[Event]
    change: Change
    every: bool = False
    where: Callable[[Any], bool] = bool


def frozen_first(entry: Entry, event: HoldPlaced) -> Entry:
    """A voucher is suspended, and then held."""
    return with_events(entry, event, VoucherFrozen(voucher_id=event.vouchers[0].voucher_id), event)


def extended_by(party_id: str, days: int = 1) -> Change:
    """A new voucher is extended at once."""

    def change(entry: Entry, event: VoucherCredited) -> Entry:
        extended = VoucherExtended(
            voucher_id=event.voucher_id, programme_id=event.programme_id, number=1, days=days, ground=None, reason="r",
            extended_by=party_id, expired_at=event.expires_at, expires_at=event.expires_at + days * DAY, holders=(),
        )  # fmt: skip
        return with_events(entry, event, event, extended)

    return change


def much_earlier(entry: Entry, event: VoucherExpired) -> Entry:
    """What happened long before; the times of entries are another law."""
    return msgspec.structs.replace(with_events(entry, event, event), time=entry.time - 10 * DAY)


BREACHES = (
    Breach("a leg moves a positive amount between two", "ledger", HoldPlaced, leg(credit=lambda _: "owner/lab-1"),
           where=lambda each: each.legs and each.legs[0].debit == "owner/lab-1"),
    Breach("the balances that an event says are those", "ledger", CashDeposited, leg(amount=more)),
    Breach("value comes only from where it may", "ledger", CashDeposited, leg(debit=lambda _: "circulation")),
    Breach("nobody spends what is not available", "ledger", CashWithdrawn, leg(amount=lambda _: 10**15)),
    Breach("no more is captured and released than was held", "ledger", HoldReleased, leg(amount=lambda each: 9 * each),
           where=lambda each: each.legs),
    Breach("each voucher begins once", "ledger", VoucherCredited, twice),
    Breach("face is what was redeemed", "ledger", VoucherCredited, says(face=more), every=True),
    Breach("no entry nets two programmes", "ledger", VoucherCredited, leg(asset=lambda _: "budget:p0")),
    Breach("a voucher pays only between its beginning", "ledger", VoucherCredited,
           says(expires_at=lambda _: 1), every=True),
    Breach("what is suspended moves only to end", "ledger", HoldPlaced, frozen_first,
           where=lambda each: each.vouchers),
    Breach("no transfer moves the end of a voucher", "ledger", TransferAccepted, says(expires_at=more)),
    Breach("nothing but an extension of the issuer's", "ledger", VoucherCredited, extended_by("lab-1")),
    Breach("an extension moves an end to a later time", "ledger", VoucherCredited, extended_by("city", 0)),
    Breach("nothing expires before its end", "ledger", VoucherExpired, much_earlier),
    Breach("an expiry takes of the named voucher", "ledger", VoucherExpired, says(amount=more)),
    Breach("an expiry takes all that is not held", "ledger", VoucherExpired,
           leg(amount=lambda each: each - 1), where=lambda each: each.legs and each.legs[0].debit.startswith("owner/")),
    Breach("every expiry has its notices before", "ledger", ExpiryNotified, never, every=True),
    Breach("a hold ends once", "ledger", HoldReleased, twice),
    Breach("captured is never more than held", "ledger", HoldCaptured, says(vouchers=first_draw_is(amount=10**15)),
           where=lambda each: each.vouchers),
    Breach("subsidy and co-payment are the invoice", "ledger", HoldCaptured, says(co_payment=more)),
    Breach("what vouchers pay is the subsidy", "ledger", HoldCaptured, says(subsidy=more)),
    Breach("a report is captured once", "ledger", HoldCaptured, twice),
    Breach("a reversal undoes at most its capture", "ledger", CaptureReversed, says(co_payment=lambda _: 10**15)),
    Breach("a reversal follows the recorded draws", "ledger", CaptureReversed,
           says(vouchers=first_draw_is(voucher_id="vch-0-0")), where=lambda each: each.vouchers),
    Breach("a share is disbursed once", "ledger", ClaimSettled, twice),
    Breach("what is accepted is what was proposed", "ledger", TransferAccepted, says(amount=more)),
    Breach("value and its price move at once", "ledger", TransferAccepted, says(price=more)),
    Breach("a transfer is accepted only where", "ledger", TransferApproved, never, every=True),
    Breach("no use outside its contract is paid", "redemption", UsageReported,
           says(readings=lambda each: (replace(each[0], hour=1),))),
    Breach("an hour is reported once", "redemption", UsageReported, twice),
    Breach("a report is accepted once", "redemption", UsageAccepted, twice),
    Breach("no more is invoiced than was bought", "redemption", UsageAccepted, says(amount=lambda _: 10**15)),
    Breach("a contract ends once", "redemption", ContractCompleted, twice),
    Breach("a reversal undoes at most its capture", "redemption", UsageReversed, says(amount=lambda _: 10**15)),
    Breach("no more is paid than was settled", "redemption", PaymentConfirmed, says(amount=lambda _: 10**15)),
    Breach("nothing is taken back twice", "redemption", ClawbackOrdered, says(amount=lambda _: 10**15)),
    Breach("what is forced says so", "redemption", ClawbackOrdered, says(ground=lambda _: "WHIM")),
    Breach("what is forced says so", "issuance", RevocationOrdered, says(ground=lambda _: "WHIM")),
    Breach("a decision names rules that were", "issuance", VoucherGranted, says(rules_hash=lambda _: bytes(32))),
    Breach("no grant is above a ceiling of law", "issuance", AidCounted, says(counted_before=lambda _: 10**15)),
    Breach("only who is listed is paid", "matching", ProviderListed, never, every=True),
    Breach("the key that signs is in force", "ledger", KeyAdded, never, every=True),
)  # fmt: skip


def entries(world: World, service: str) -> Iterator[Entry]:
    """What a log says."""
    return map(CODEC.decode_entry, world.logs[service])


def judge(service: str, log: Iterator[Entry]) -> None:
    """Read a log by all laws."""
    book = LawBook()
    for entry in log:
        book.laws.see(lived(True), service, entry)


@pytest.mark.parametrize("service", ["issuance", "ledger", "matching", "redemption"])
def test_an_honest_log_breaks_no_law(service: str) -> None:
    judge(service, entries(lived(True), service))


@pytest.mark.parametrize("breach", BREACHES, ids=lambda each: f"{each.kind.__name__}: {each.law}")
def test_a_small_change_breaks_the_law_that_it_is_against(breach: Breach) -> None:
    def changed() -> Iterator[Entry]:
        done = False
        for entry in entries(lived(True), breach.service):
            made = entry
            for event in entry.events:
                if type(event) is breach.kind and breach.where(event) and (breach.every or not done):
                    made, done = breach.change(made, event), True
            yield made
        assert done, "nothing was changed"

    with pytest.raises(AssertionError, match=breach.law):
        judge(breach.service, changed())


def shifted(entry: Entry) -> Entry:
    """At the time of no other, as it must be."""
    return msgspec.structs.replace(entry, time=entry.time - 10 * DAY)


def refused(entry: Entry) -> Entry:
    """With an outcome that has no events."""
    if not entry.events or not isinstance(entry.cause, CommandCause):
        return entry
    none = msgspec.structs.replace(entry.outcomes[0], events=0, refusal=Refusal(Code.EMPTY_LIST, ()))
    return msgspec.structs.replace(entry, outcomes=(none,) * len(entry.outcomes))


def same_cause(entry: Entry) -> Entry:
    """Of an event that was consumed before."""
    if not isinstance(entry.cause, EntryCause):
        return entry
    return msgspec.structs.replace(entry, cause=msgspec.structs.replace(entry.cause, index=0, item=0))


@pytest.mark.parametrize(
    ("law", "change"),
    [
        ("indices have no gap, and times rise", lambda entry: shifted(entry) if entry.index == 9 else entry),
        ("a refusal has no events", refused),
        ("each event of another log is consumed once", same_cause),
    ],
)
def test_the_order_of_entries_is_judged(law: str, change: Callable[[Entry], Entry]) -> None:
    with pytest.raises(AssertionError, match=law):
        judge("ledger", map(change, entries(lived(True), "ledger")))
