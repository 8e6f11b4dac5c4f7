"""Laws of contracts, of what is captured and reversed for them, and of what is claimed, paid and taken back."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from counterfoil.contract.record import Event
from counterfoil.contract.terms import ProgrammeTerms
from counterfoil.contract.times import HOUR
from counterfoil.issuance.events import (
    ProviderDelisted,
    ProviderListed,
    ProviderReinstated,
    ProviderSuspended,
)
from counterfoil.issuance.invoice_events import ClaimCountedBack, InvoiceClaimed, UseClaimed, UseGranted
from counterfoil.ledger.events import (
    BondReleased,
    BondSlashed,
    CaptureReversed,
    ClaimReopened,
    ClaimSettled,
    ContractFunded,
    HoldCaptured,
    HoldPlaced,
    HoldReleased,
)
from counterfoil.ledger.reclaim_events import ContractReclaimed
from counterfoil.matching.events import TradeMatched
from counterfoil.programme.rules import Rules
from counterfoil.redemption.events import (
    AppealDecided,
    ClaimApproved,
    ClaimSubmitted,
    ClawbackOrdered,
    ContractCancelled,
    ContractCompleted,
    ContractOpened,
    PaymentConfirmed,
    PaymentReturned,
    ProviderDefaulted,
    SettlementClosed,
    UsageAccepted,
    UsageCorrected,
    UsageReported,
    UsageReversed,
    UsageSplit,
)
from counterfoil.redemption.notice_events import ContractWithdrawn
from counterfoil.redemption.payer_events import ShareReturned
from tests.properties.laws import Law, Read, Seen


class Holds(Law):
    """What is held for an order or a contract is captured and given back once, of the vouchers that were drawn on."""

    service = "ledger"

    def __init__(self) -> None:
        self._contracts: dict[str, Counter[str]] = {}
        self._bids: dict[str, Counter[str]] = {}
        self._versions: dict[str, int] = {}
        self._over: set[tuple[str, str]] = set()
        self._drawn: dict[str, list[tuple[str, int]]] = {}
        self._captured: dict[str, list[int]] = {}
        """By report: what was captured of it, subsidy and co-payment, and what of that was reversed."""
        self._invoiced: dict[str, tuple[int, int]] = defaultdict(lambda: (0, 0))

    def reads(self) -> Mapping[type[Event], Read]:
        return {
            HoldPlaced: self.placed,
            HoldReleased: self.released,
            ContractFunded: self.funded,
            ContractReclaimed: self.reclaimed,
            HoldCaptured: self.captured,
            CaptureReversed: self.reversed,
            BondReleased: self.bond_over,
            BondSlashed: self.bond_over,
        }

    def placed(self, event: HoldPlaced, _seen: Seen) -> Iterator[str]:
        """For a bid, once or in the place of what was."""
        self._bids[event.hold_id] = Counter({each.voucher_id: each.amount for each in event.vouchers})
        self._versions[event.hold_id] = event.version
        if ("bid", event.hold_id) in self._over:
            yield "a hold that is over does not begin again"

    def funded(self, event: ContractFunded, _seen: Seen) -> Iterator[str]:
        """Of what was held for its bid."""
        self._versions[event.contract_id] = self._versions[event.bid_id]
        self._contracts[event.contract_id] = Counter({each.voucher_id: each.amount for each in event.vouchers})
        if not {each.voucher_id for each in event.vouchers} <= self._bids[event.bid_id].keys():
            yield "a contract is funded of what was held for its bid"

    def reclaimed(self, event: ContractReclaimed, _seen: Seen) -> Iterator[str]:
        """Of what is held still, and all of it where the contract ends."""
        left = self._contracts[event.contract_id]
        left.subtract({each.voucher_id: each.amount for each in event.vouchers})
        if min(left.values(), default=0) < 0 or (event.ends and +left):
            yield f"what was held was captured or is given back: {left}"
        if event.ends:
            del self._contracts[event.contract_id]
            self._over.add(("contract", event.contract_id))

    def released(self, event: HoldReleased, _seen: Seen) -> Iterator[str]:
        """Once."""
        key = (event.purpose, event.hold_id)
        if key in self._over:
            yield "a hold ends once"
        self._over.add(key)
        if event.purpose == "contract":
            left = self._contracts.pop(event.hold_id)
            if Counter({each.voucher_id: each.amount for each in event.vouchers}) != +left:
                yield f"what was held was captured or is given back: {left}"

    def bond_over(self, event: BondReleased | BondSlashed, _seen: Seen) -> Iterator[str]:
        """Once."""
        if ("bond", event.contract_id) in self._over:
            yield "a bond ends once"
        self._over.add(("bond", event.contract_id))

    def captured(self, event: HoldCaptured, seen: Seen) -> Iterator[str]:
        """No more than is held of each voucher; with the co-payment it is the invoice, of which it is the share."""
        held = self._contracts[event.contract_id]
        held.subtract({each.voucher_id: each.amount for each in event.vouchers})
        if min(held.values(), default=0) < 0:
            yield f"captured is never more than held: {held}"
        if event.subsidy + event.co_payment != event.invoice or min(event.subsidy, event.co_payment) < 0:
            yield "subsidy and co-payment are the invoice"
        if sum(each.amount for each in event.vouchers) != event.subsidy:
            yield "what vouchers pay is the subsidy"
        if event.report_id in self._drawn:
            yield "a report is captured once"
        self._drawn[event.report_id] = [(each.voucher_id, each.amount) for each in event.vouchers]
        self._captured[event.report_id] = [event.subsidy, event.co_payment]
        invoiced, subsidised = self._invoiced[event.contract_id]
        self._invoiced[event.contract_id] = invoiced, subsidised = invoiced + event.invoice, subsidised + event.subsidy
        terms = seen.world.state("ledger").terms(event.programme_id, self._versions[event.contract_id])
        share = terms.share if isinstance(terms, ProgrammeTerms) else None
        if share is not None and subsidised * share.den > invoiced * share.num:
            yield f"vouchers pay their share, rounded down: {subsidised} of {invoiced}"

    def reversed(self, event: CaptureReversed, _seen: Seen) -> Iterator[str]:
        """No more than was captured, of the recorded draws from the end."""
        drawn, given = self._drawn[event.report_id], list[tuple[str, int]]()
        left = event.unclaimed + event.owed
        while left > 0 and drawn:
            voucher_id, amount = drawn.pop()
            if amount > left:
                drawn.append((voucher_id, amount - left))
            given.append((voucher_id, min(amount, left)))
            left -= min(amount, left)
        if left or event.co_payment > self._captured[event.report_id][1]:
            yield "a reversal undoes at most its capture"
        self._captured[event.report_id][1] -= event.co_payment
        back = Counter[str]()
        for voucher_id, amount in given:
            back[voucher_id] += amount
        said = Counter[str]()
        for each in event.vouchers:
            said[each.voucher_id] += each.amount
        if said - back or sum(back.values()) != event.unclaimed + event.owed:
            yield f"a reversal follows the recorded draws, from the end: {given}"


class Deliveries(Law):
    """An hour is reported once, within its contract and after it; what is decided of a report is decided once."""

    service = "redemption"

    def __init__(self) -> None:
        self._open: dict[str, ContractOpened] = {}
        self._hours: dict[str, set[int]] = defaultdict(set)
        self._reports: dict[str, str] = {}
        self._accepted: dict[str, int] = {}
        self._amounts: Counter[str] = Counter()
        self._reversed: Counter[str] = Counter()

    def reads(self) -> Mapping[type[Event], Read]:
        over = (ContractCompleted, ContractCancelled, ContractWithdrawn, ProviderDefaulted)
        return {
            ContractOpened: self.opened,
            **dict.fromkeys(over, self.over),
            UsageReported: self.reported,
            UsageSplit: self.split,
            UsageCorrected: self.corrected,
            UsageAccepted: self.accepted,
            UsageReversed: self.reversed,
        }

    def opened(self, event: ContractOpened, _seen: Seen) -> Iterator[str]:
        """Once."""
        if event.contract_id in self._open or event.contract_id in self._hours:
            yield "a contract is opened once"
        self._open[event.contract_id] = event
        self._hours[event.contract_id] = set()

    def over(self, event: Any, _seen: Seen) -> Iterator[str]:
        """Once, in one way."""
        if self._open.pop(event.contract_id, None) is None:
            yield "a contract ends once"

    def reported(self, event: UsageReported, seen: Seen) -> Iterator[str]:
        """Hours of the contract that have ended, each once, and no more than its nodes give."""
        contract, hours = self._open[event.contract_id], {each.hour for each in event.readings}
        within = range(contract.first_hour, contract.first_hour + contract.hours)
        most = 60 * contract.nodes * contract.gpus_per_node
        if not all(each.hour in within and 0 <= each.gpu_minutes <= most for each in event.readings):
            yield "no use outside its contract is paid"
        if (max(hours, default=0) + 1) * HOUR > seen.time:
            yield "no hour is reported before it has ended"
        if hours & self._hours[event.contract_id] or len(hours) != len(event.readings):
            yield "an hour is reported once"
        self._hours[event.contract_id] |= hours
        self._reports[event.report_id] = event.contract_id

    def split(self, event: UsageSplit, _seen: Seen) -> Iterator[str]:
        """Of one report, in two."""
        self._reports[event.part_id] = event.contract_id
        if {each.hour for each in event.part} & {each.hour for each in event.rest}:
            yield "an hour is in one report"

    def corrected(self, event: UsageCorrected, _seen: Seen) -> Iterator[str]:
        """Before it is accepted."""
        if event.report_id in self._accepted:
            yield "what is accepted is not corrected, but reversed"

    def accepted(self, event: UsageAccepted, _seen: Seen) -> Iterator[str]:
        """Once, while its contract is open."""
        contract = self._open.get(event.contract_id)
        if event.report_id in self._accepted or contract is None:
            yield "a report is accepted once, of a contract that is open"
            return
        self._accepted[event.report_id] = event.amount
        self._amounts[event.contract_id] += event.amount
        if self._amounts[event.contract_id] > contract.price * contract.nodes * contract.gpus_per_node * contract.hours:
            yield "no more is invoiced than was bought"

    def reversed(self, event: UsageReversed, _seen: Seen) -> Iterator[str]:
        """At most what was accepted."""
        self._reversed[event.report_id] += event.amount
        if self._reversed[event.report_id] > self._accepted[event.report_id]:
            yield "a reversal undoes at most its capture"
        if event.unclaimed + event.owed + event.co_payment != event.amount:
            yield "what is reversed is of the voucher, or of the co-payment"


class Payments(Law):
    """No more is paid than settled, approved and claimed; nothing is taken back twice, and only on a ground."""

    service = "redemption"

    def __init__(self) -> None:
        self._claimed: dict[str, int] = {}
        self._settled: Counter[str] = Counter()
        self._paid: Counter[str] = Counter()
        self._payments: dict[tuple[str, str], int] = {}
        self._taken: Counter[tuple[str, str]] = Counter()
        self._clawbacks: dict[str, ClawbackOrdered] = {}

    def reads(self) -> Mapping[type[Event], Read]:
        return {
            ClaimSubmitted: self.submitted,
            ClaimApproved: self.approved,
            SettlementClosed: self.closed,
            PaymentConfirmed: self.paid,
            PaymentReturned: self.returned,
            ShareReturned: self.share_returned,
            ClawbackOrdered: self.taken_back,
            AppealDecided: self.decided,
        }

    def submitted(self, event: ClaimSubmitted, _seen: Seen) -> Iterable[str]:
        """Keep what was claimed."""
        self._claimed[event.claim_id] = event.amount
        return ()

    def approved(self, event: ClaimApproved, _seen: Seen) -> Iterator[str]:
        """At most that."""
        claimed = self._claimed.get(event.claim_id)
        if claimed is not None and event.amount > claimed:
            yield "no more is approved than claimed"

    def closed(self, event: SettlementClosed, _seen: Seen) -> Iterator[str]:
        """What its payees get."""
        self._settled[event.programme_id] += event.amount
        if sum(each.amount for each in event.payees) != event.amount:
            yield "a settlement is what its payees get"

    def paid(self, event: PaymentConfirmed, _seen: Seen) -> Iterator[str]:
        """Once, and no more than was settled."""
        key = (event.settlement_id, event.provider_id)
        if key in self._payments:
            yield "a payment is made once"
        self._payments[key] = event.amount
        self._paid[event.programme_id] += event.amount
        if self._paid[event.programme_id] > self._settled[event.programme_id]:
            yield "no more is paid than was settled"

    def returned(self, event: PaymentReturned, _seen: Seen) -> Iterable[str]:
        """It may be paid once more."""
        if event.was_paid:
            self._payments.pop((event.settlement_id, event.provider_id), None)
            self._paid[event.programme_id] -= event.amount
        return ()

    def share_returned(self, event: ShareReturned, _seen: Seen) -> Iterable[str]:
        """Its payment may be made once more, as a whole."""
        if event.reopened:
            self._paid[event.programme_id] -= self._payments.pop((event.settlement_id, event.provider_id))
        return ()

    def taken_back(self, event: ClawbackOrdered, seen: Seen) -> Iterator[str]:
        """At most what was paid, in all orders; on a ground of the document's, by its issuer."""
        key, state = (event.settlement_id, event.provider_id), seen.world.state("redemption")
        self._clawbacks[event.clawback_id] = event
        self._taken[key] += event.amount
        if self._taken[key] > self._payments.get(key, 0):
            yield "nothing is taken back twice"
        rules = state.terms(event.programme_id, event.version)
        clawback = rules.document.control.clawback if isinstance(rules, Rules) else None
        if clawback is None or event.ground not in clawback.grounds or not event.reason:
            yield "what is forced says so, on a ground of the document's"
        if event.ordered_by != state.issuer(event.programme_id):
            yield "its issuer takes back"

    def decided(self, event: AppealDecided, _seen: Seen) -> Iterator[str]:
        """Once, and at most what was ordered."""
        ordered = self._clawbacks.pop(event.clawback_id, None)
        if ordered is None or event.amount > ordered.amount:
            yield "an appeal is decided once, within what was ordered"
        else:
            self._taken[ordered.settlement_id, ordered.provider_id] -= ordered.amount - event.amount


class Disbursed(Law):
    """The ledger has disbursed each part of a settlement once, until the bank gives it back."""

    service = "ledger"

    def __init__(self) -> None:
        self._settled: set[tuple[str, str]] = set()

    def reads(self) -> Mapping[type[Event], Read]:
        return {ClaimSettled: self.settled, ClaimReopened: self.reopened}

    def settled(self, event: ClaimSettled, _seen: Seen) -> Iterator[str]:
        """Once."""
        if (event.settlement_id, event.provider_id) in self._settled:
            yield "a share is disbursed once"
        self._settled.add((event.settlement_id, event.provider_id))

    def reopened(self, event: ClaimReopened, _seen: Seen) -> Iterator[str]:
        """Only what was."""
        if (event.settlement_id, event.provider_id) not in self._settled:
            yield "only what was disbursed comes back"
        self._settled.discard((event.settlement_id, event.provider_id))


class Invoices(Law):
    """One invoice, one claim, in all programmes; of holder and provider one claims for the same days."""

    service = "issuance"

    def __init__(self) -> None:
        self._claims: dict[bytes, str] = {}
        self._keys: dict[str, bytes] = {}
        self._days: dict[tuple[str, str], list[tuple[int, int, str, str]]] = defaultdict(list)

    def reads(self) -> Mapping[type[Event], Read]:
        return {
            InvoiceClaimed: self.claimed,
            UseClaimed: self.used,
            UseGranted: self.granted,
            ClaimCountedBack: self.counted_back,
        }

    def claimed(self, event: InvoiceClaimed, _seen: Seen) -> Iterator[str]:
        """Of a voucher."""
        yield from self._take(event.invoice_key, event.claim_id)
        yield from self._share(event)
        for line in event.basis.lines:
            if line.provider_id is None or line.starts is None or line.ends is None:
                continue
            mine = self._days[event.holder_id, line.provider_id]
            for starts, ends, claimant, claim_id in mine:
                both = starts <= line.ends and line.starts <= ends and claimant != event.claimant_id
                if both and claim_id in self._keys:
                    yield f"of holder and provider one claims for the same days: {claim_id}"
            mine.append((line.starts, line.ends, event.claimant_id, event.claim_id))

    def used(self, event: UseClaimed, _seen: Seen) -> Iterator[str]:
        """After use, on an invoice that nobody is paid for; before it is granted it bars nobody else."""
        if event.invoice_key in self._claims:
            yield f"one invoice, one claim, in all programmes: {self._claims[event.invoice_key]}"

    def granted(self, event: UseGranted, _seen: Seen) -> Iterator[str]:
        """After use."""
        yield from self._take(event.invoice_key, event.claim_id)
        yield from self._share(event)

    def _share(self, event: InvoiceClaimed | UseGranted) -> Iterator[str]:
        if event.subsidy + event.co_payment > event.eligible or sum(each.amount for each in event.payers) not in (
            0,
            event.subsidy,
        ):
            yield "subsidy and co-payment are the eligible lines, and payers bear the subsidy"

    def counted_back(self, event: ClaimCountedBack, _seen: Seen) -> Iterable[str]:
        """Of a claim that came to nothing the invoice is free."""
        if event.over:
            self._drop(event.claim_id)
        return ()

    def _take(self, key: bytes, claim_id: str) -> Iterator[str]:
        if self._claims.setdefault(key, claim_id) != claim_id:
            yield f"one invoice, one claim, in all programmes: {self._claims[key]}"
        self._keys[claim_id] = key

    def _drop(self, claim_id: str) -> None:
        key = self._keys.pop(claim_id, None)
        if key is not None:
            del self._claims[key]


class Listings(Law):
    """Who trades for a programme's credit is listed, as matching has read it in its log."""

    service = "matching"

    def __init__(self) -> None:
        self._listed: set[tuple[str, str]] = set()

    def reads(self) -> Mapping[type[Event], Read]:
        return {
            **dict.fromkeys((ProviderListed, ProviderReinstated), self.listed),
            **dict.fromkeys((ProviderDelisted, ProviderSuspended), self.gone),
            TradeMatched: self.traded,
        }

    def listed(self, event: ProviderListed | ProviderReinstated, _seen: Seen) -> Iterable[str]:
        """From here on."""
        self._listed.add((event.programme_id, event.provider_id))
        return ()

    def gone(self, event: ProviderDelisted | ProviderSuspended, _seen: Seen) -> Iterable[str]:
        """From here on not; what was sold before is delivered and paid."""
        self._listed.discard((event.programme_id, event.provider_id))
        return ()

    def traded(self, event: TradeMatched, _seen: Seen) -> Iterator[str]:
        """At that moment; of an auction, as it locked."""
        if (event.programme_id, event.provider_id) not in self._listed:
            yield "only who is listed is paid"
