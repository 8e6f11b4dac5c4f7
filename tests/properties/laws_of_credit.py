"""Laws of vouchers, from their beginning to their end, and of what hands them on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from counterfoil.contract.record import Event
from counterfoil.contract.times import DAY
from counterfoil.issuance.freeze_events import RevocationOrdered, SuspensionOrdered
from counterfoil.ledger.credit_events import (
    CreditBidPlaced,
    CreditOffered,
    CreditOrderClosed,
    CreditSettled,
    CreditTraded,
    CreditTradeFailed,
)
from counterfoil.ledger.events import (
    HoldPlaced,
    VoucherCancelled,
    VoucherClosed,
    VoucherCredited,
    VoucherExpired,
    VoucherFrozen,
    VoucherRestored,
    VoucherUnfrozen,
)
from counterfoil.ledger.expiry_events import ExpiryNotified
from counterfoil.ledger.extension_events import VoucherEndSet, VoucherExtended
from counterfoil.ledger.invoice_events import InvoiceCaptured, UseCaptured
from counterfoil.ledger.transfer_events import (
    PledgeEnforced,
    PledgeMade,
    PledgeReleased,
    TransferAccepted,
    TransferApproved,
    TransferClosed,
    TransferJudged,
    TransferProposed,
    VoucherReissued,
)
from counterfoil.programme.expiry import NEVER
from counterfoil.programme.rules import Rules
from counterfoil.programme.values import parse_amount
from tests.properties.laws import Law, Read, Seen
from tests.properties.laws_of_books import Books

FROM_HERE = (VoucherCredited, VoucherRestored, VoucherReissued)


class Vouchers(Law):
    """A voucher pays between its beginning and its end, which the issuer alone moves; then the unheld rest of it ends.

    Every end has its notices before it in the log; that the writer makes them in time, the audit asks of it.
    """

    service = "ledger"

    def __init__(self, books: Books) -> None:
        self._books = books
        self.begun: dict[str, Any] = {}
        self._ends: dict[str, int] = {}
        self._frozen: set[str] = set()
        self._told: dict[str, set[int]] = defaultdict(set)
        self._moved: dict[str, int] = {}

    def reads(self) -> Mapping[type[Event], Read]:
        spent = dict.fromkeys((HoldPlaced, TransferProposed, TransferAccepted, PledgeMade, CreditOffered), self.spent)
        return {
            **dict.fromkeys(FROM_HERE, self.begins),
            **spent,
            VoucherExtended: self.extended,
            VoucherEndSet: self.end_set,
            VoucherFrozen: self.frozen,
            VoucherUnfrozen: self.unfrozen,
            ExpiryNotified: self.notified,
            VoucherExpired: self.expired,
            VoucherCancelled: self.cancelled,
            InvoiceCaptured: self.captured,
            UseCaptured: self.captured,
            VoucherClosed: self.closed,
        }

    def begins(self, event: Any, seen: Seen) -> Iterator[str]:
        """With an end; of one that was handed on, the end that it had."""
        self.begun[event.voucher_id], self._ends[event.voucher_id] = event, event.expires_at
        self._moved[event.voucher_id] = seen.time
        if isinstance(event, VoucherReissued) and event.expires_at != self._ends[event.reissued_from]:
            yield "no transfer moves the end of a voucher"
        if isinstance(event, VoucherRestored) and event.suspended:
            self._frozen.add(event.voucher_id)

    def spent(self, event: Any, seen: Seen) -> Iterator[str]:
        """Only within its time, and while nobody has stopped it."""
        drawn = [each.voucher_id for each in event.vouchers] if isinstance(event, HoldPlaced) else [event.voucher_id]
        for voucher_id in drawn:
            if not self.begun[voucher_id].not_before <= seen.time < self._ends[voucher_id]:
                yield f"a voucher pays only between its beginning and its end: {voucher_id}"
            if voucher_id in self._frozen:
                yield f"what is suspended moves only to end: {voucher_id}"
        if isinstance(event, TransferAccepted) and event.expires_at != self._ends[event.voucher_id]:
            yield "no transfer moves the end of a voucher"

    def captured(self, event: InvoiceCaptured | UseCaptured, _seen: Seen) -> Iterator[str]:
        """Of a voucher that is there, for its own programme; when it was claimed, issuance says."""
        if self.begun[event.voucher_id].programme_id != event.programme_id:
            yield "a voucher pays in its programme"

    def extended(self, event: VoucherExtended, seen: Seen) -> Iterator[str]:
        """By the issuer, and to a later time."""
        terms = seen.world.state("ledger")
        if event.expired_at != self._ends[event.voucher_id] or event.expires_at <= event.expired_at:
            yield "an extension moves an end to a later time"
        if event.extended_by != terms.issuer(event.programme_id):
            yield "nothing but an extension of the issuer's moves an end"
        self._set(event.voucher_id, event.expires_at, seen.time)

    def end_set(self, event: VoucherEndSet, seen: Seen) -> Iterator[str]:
        """Only where there was none."""
        if self._ends[event.voucher_id] < NEVER:
            yield "a voucher that has an end keeps it"
        self._set(event.voucher_id, event.expires_at, seen.time)

    def _set(self, voucher_id: str, ends: int, time: int) -> None:
        self._ends[voucher_id], self._moved[voucher_id] = ends, time
        self._told.pop(voucher_id, None)

    def frozen(self, event: VoucherFrozen, _seen: Seen) -> Iterable[str]:
        """From here on."""
        self._frozen.add(event.voucher_id)
        return ()

    def unfrozen(self, event: VoucherUnfrozen, _seen: Seen) -> Iterable[str]:
        """Until here."""
        self._frozen.discard(event.voucher_id)
        return ()

    def notified(self, event: ExpiryNotified, _seen: Seen) -> Iterator[str]:
        """Before the end that it names, which is the voucher's."""
        self._told[event.voucher_id].add(event.days)
        if event.expires_at != self._ends[event.voucher_id]:
            yield "a notice names the end that the voucher has"

    def expired(self, event: VoucherExpired, seen: Seen) -> Iterator[str]:
        """Of this voucher alone, what is not held, after its end and its notices."""
        voucher_id = event.voucher_id
        if seen.time < self._ends[voucher_id]:
            yield "nothing expires before its end"
        yield from self._takes_unheld(event)
        rules = seen.world.state("ledger").terms(event.programme_id, self.begun[voucher_id].version)
        days = rules.document.expiry.notices_days if isinstance(rules, Rules) else ()
        lived = self._ends[voucher_id] - self._moved[voucher_id]
        due = {each for each in days if each * DAY <= lived}
        if event.amount and not due <= self._told[voucher_id]:
            yield f"every expiry has its notices before: {due}, {self._told[voucher_id]}"

    def cancelled(self, event: VoucherCancelled, _seen: Seen) -> Iterator[str]:
        """The same of a voucher that is revoked."""
        yield from self._takes_unheld(event)

    def _takes_unheld(self, event: VoucherExpired | VoucherCancelled) -> Iterator[str]:
        taken = [leg for leg in event.legs if not leg.asset.startswith(("budget:", "claims:"))]
        posted = sum(leg.amount for leg in taken if leg.effect == "post")
        if {leg.asset for leg in taken} - {event.voucher_id} or posted != event.amount:
            yield "an expiry takes of the named voucher, and of no other"
        for leg in taken:
            each = self._books.assets[leg.asset][leg.debit]
            if each.posted != each.held:
                yield f"an expiry takes all that is not held: {leg.debit}"

    def closed(self, event: VoucherClosed, _seen: Seen) -> Iterable[str]:
        """It may be looked at once more, as what another was made of."""
        self._told.pop(event.voucher_id, None)
        return ()


class Hands(Law):
    """What is handed on, pledged or on a book ends once, as it was proposed, and only where its document lets it."""

    service = "ledger"

    def __init__(self, vouchers: Vouchers) -> None:
        self._vouchers = vouchers
        self._open: dict[str, Any] = {}
        self._approved: set[str] = set()
        self._hops: dict[tuple[str, str], int] = {}

    def reads(self) -> Mapping[type[Event], Read]:
        opens = (TransferProposed, PledgeMade, CreditOffered, CreditBidPlaced, CreditTraded)
        ends = (TransferClosed, PledgeReleased, CreditOrderClosed, CreditSettled, CreditTradeFailed)
        return {
            **dict.fromkeys(opens, self.opened),
            **dict.fromkeys(ends, self.ended),
            TransferApproved: self.approved,
            TransferAccepted: self.accepted,
            TransferJudged: self.judged,
            PledgeEnforced: self.enforced,
        }

    def opened(self, event: Any, _seen: Seen) -> Iterator[str]:
        """Once, until the voucher's end at the latest."""
        id_ = _named(event)
        if id_ in self._open:
            yield f"what is handed on begins once: {id_}"
        self._open[id_] = event
        ends = getattr(self._vouchers.begun.get(getattr(event, "voucher_id", "")), "expires_at", None)
        if isinstance(event, TransferProposed | PledgeMade) and ends is None:
            yield "a voucher that is handed on is there"

    def ended(self, event: Any, _seen: Seen) -> Iterator[str]:
        """Once."""
        if self._open.pop(_named(event), None) is None:
            yield "a hold ends once"

    def approved(self, event: TransferApproved, _seen: Seen) -> Iterator[str]:
        """While it is open."""
        self._approved.add(event.transfer_id)
        if event.transfer_id not in self._open:
            yield "what is over is not approved"

    def judged(self, event: TransferJudged, _seen: Seen) -> Iterator[str]:
        """While it is open."""
        if event.transfer_id not in self._open:
            yield "what is over is not judged"

    def accepted(self, event: TransferAccepted, seen: Seen) -> Iterator[str]:
        """As proposed, value and price in one entry, where the document of the voucher lets it."""
        proposed = self._open.pop(event.transfer_id, None)
        if proposed is None:
            yield "a hold ends once"
            return
        if isinstance(proposed, TransferProposed):
            names = ("voucher_id", "holder_id", "receiver_id", "amount", "price", "fee")
            if any(getattr(proposed, name) != getattr(event, name) for name in names):
                yield "what is accepted is what was proposed"
        yield from _paid_at_once(event)
        ledger = seen.world.state("ledger")
        rules = ledger.terms(event.programme_id, self._vouchers.begun[event.voucher_id].version)
        if not isinstance(rules, Rules):
            yield "a programme without a document hands nothing on"
            return
        yield from self._allowed(rules, event, seen)

    def _allowed(self, rules: Rules, event: TransferAccepted, seen: Seen) -> Iterator[str]:
        rule, wrong = rules.document.transfer, list[str]()
        related = seen.world.state("ledger").directory.related(event.holder_id, event.receiver_id)
        before = self._hops.get((event.voucher_id, event.holder_id), 0)
        wrong += ["mode"] if rule.mode == "NONE" or (rule.mode == "INTRA_GROUP" and not related) else []
        approval = rule.mode in ("ISSUER_APPROVED", "SURRENDER_REISSUE")
        wrong += ["approval"] if approval and event.transfer_id not in self._approved else []
        wrong += ["reissue"] if (event.reissued_as is not None) is not (rule.mode == "SURRENDER_REISSUE") else []
        prices = {"AT_PAR": event.price == event.amount, "BELOW_PAR_ONLY": event.price < event.amount}
        wrong += ["price"] if not {**prices, "GIFT_ONLY": not event.price}.get(rule.price_rule, True) else []
        wrong += ["hops"] if rule.max_hops is not None and before >= rule.max_hops else []
        least = 0 if rule.min_amount is None else parse_amount(rule.min_amount)
        wrong += ["minimum"] if event.amount < least else []
        wrong += ["itself"] if event.holder_id == event.receiver_id else []
        if wrong:
            yield f"a transfer is accepted only where its document lets it: {wrong}"
        lot = event.voucher_id if event.reissued_as is None else event.reissued_as
        mine = self._hops.get((lot, event.receiver_id), 0)
        self._hops[lot, event.receiver_id] = max(mine, before + 1)
        if event.hops < before + 1:
            yield f"a part keeps how often it changed hands: {before}"

    def enforced(self, event: PledgeEnforced, _seen: Seen) -> Iterator[str]:
        """Of what was pledged to it, all of it, once."""
        made = self._open.pop(event.pledge_id, None)
        names = ("voucher_id", "holder_id", "pledgee_id", "amount")
        if made is None or any(getattr(made, name) != getattr(event, name) for name in names):
            yield "a pledge is enforced once, as it was made"
        before = self._hops.get((event.voucher_id, event.holder_id), 0)
        mine = self._hops.get((event.voucher_id, event.pledgee_id), 0)
        self._hops[event.voucher_id, event.pledgee_id] = max(mine, before + 1)


def _named(event: Any) -> str:
    """The id of what begins or ends; a trade of credit is a transfer besides."""
    if isinstance(event, CreditTraded | CreditSettled | CreditTradeFailed):
        return f"trade {event.trade_id}"
    if isinstance(event, CreditOffered | CreditBidPlaced | CreditOrderClosed):
        return str(event.order_id)
    return str(event.pledge_id if isinstance(event, PledgeMade | PledgeReleased) else event.transfer_id)


def _paid_at_once(event: TransferAccepted) -> Iterator[str]:
    paid = {
        (leg.debit, leg.credit): leg.amount
        for leg in event.legs
        if leg.effect == "post" and leg.asset == event.currency
    }
    due = {
        (f"cash/{event.receiver_id}", f"cash/{event.holder_id}"): event.price,
        (f"cash/{event.receiver_id}", f"cash/{event.issuer_id}"): event.fee,
    }
    if event.receiver_id == event.issuer_id:
        due.popitem()
    if sum(paid.values()) != sum(due.values()) or any(due.get(key) is None for key in paid):
        yield f"value and its price move at once: {paid}"
    given = sum(leg.amount for leg in event.legs if leg.asset == event.voucher_id and leg.effect == "release")
    if given != event.amount:
        yield "what was pending is what is handed on"


class Forced(Law):
    """What is done to a voucher against its holder's will names a ground that its document has, and is its issuer's."""

    service = "issuance"

    def reads(self) -> Mapping[type[Event], Read]:
        return {SuspensionOrdered: self.stopped, RevocationOrdered: self.stopped}

    def stopped(self, event: SuspensionOrdered | RevocationOrdered, seen: Seen) -> Iterator[str]:
        """On a ground of the document."""
        control = seen.world.state("ledger").terms(event.programme_id, event.version).document.control
        named = control.revoke_grounds if isinstance(event, RevocationOrdered) else control.freeze.grounds
        if event.ground not in named or not event.reason:
            yield "what is forced says so, on a ground of the document's"
