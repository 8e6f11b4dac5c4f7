"""Looks for duties that related parties hold together, by its own count of who is related.

Two things are told apart. An act that the rules should have refused, by the relations known in that log at that entry,
is a finding: the decider has a hole. Duties that came together because a relation arose, or became known, later are
listed: no fault of the logs, and what an outsider should look at. A fact may be attested long after it began; what was
under way meanwhile is listed then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from counterfoil.audit.report import Relation, Together
from counterfoil.contract.entry import CommandCause, Entry
from counterfoil.contract.events import GroupAttested, ProgrammePublishedV1
from counterfoil.contract.record import Event
from counterfoil.contract.times import format_time
from counterfoil.issuance.aid_events import AidAttested, AidWithdrawn
from counterfoil.issuance.control_events import ControlAttested
from counterfoil.issuance.events import AuditorAppointed, ProviderListed, VoucherGranted, VoucherIssued
from counterfoil.issuance.freeze_events import SuspensionExtended
from counterfoil.ledger.events import CashDeposited, CashWithdrawn
from counterfoil.ledger.tranche_events import MilestoneAttested
from counterfoil.matching.amendment_events import BidAmendmentRequested
from counterfoil.matching.auction_events import Trade, TradeCleared
from counterfoil.matching.events import BidReceived, TradeMatched
from counterfoil.redemption.adjustment_events import PaymentAdjusted
from counterfoil.redemption.events import (
    ActEndorsed,
    AppealDecided,
    ClaimApproved,
    ClawbackOrdered,
    DebtWrittenOff,
    PaymentConfirmed,
    PaymentReturned,
    RecoveryConfirmed,
    SettlementClosed,
    UsageAccepted,
    UsageReversed,
)
from counterfoil.redemption.payer_events import ShareConfirmed, ShareReturned

Pair = tuple[str, str, str, str]
"""(duty, party, duty, party): two duties that one act brings together."""


def _listing(state: Any, event: ProviderListed, _actor: str) -> Iterator[Pair]:
    yield "issuer", state.programmes[event.programme_id].current.issuer_id, "provider", event.provider_id
    for each in state.directory.related_to(event.provider_id):
        if (event.programme_id, each) in state.issued_to:
            yield "provider", event.provider_id, "beneficiary", each
    for each in _auditors(state, event.programme_id):
        yield "auditor", each, "provider", event.provider_id


def _issue(state: Any, event: VoucherIssued | VoucherGranted, _actor: str) -> Iterator[Pair]:
    yield "issuer", state.programmes[event.programme_id].current.issuer_id, "beneficiary", event.beneficiary_id
    for each in state.directory.related_to(event.beneficiary_id):
        if (event.programme_id, each) in state.listings:
            yield "provider", each, "beneficiary", event.beneficiary_id
    for each in _auditors(state, event.programme_id):
        yield "auditor", each, "beneficiary", event.beneficiary_id


def _publication(state: Any, event: ProgrammePublishedV1, _actor: str) -> Iterator[Pair]:
    for each in _auditors(state, event.programme_id):
        yield "auditor", each, "issuer", event.issuer_id


def _auditors(state: Any, programme_id: str) -> Iterator[str]:
    """Who audits a programme, alone or with all others."""
    for audited, auditor_id in state.auditors:
        if audited in ("", programme_id):
            yield auditor_id


def _appointment(state: Any, event: AuditorAppointed, _actor: str) -> Iterator[Pair]:
    for party_id, party in state.directory.parties.items():
        for duty in sorted({"operator", "treasurer"} & {*party.roles}):
            yield "auditor", event.auditor_id, duty, party_id
        if event.programme_id is None:
            for duty in sorted({"issuer", "provider", "beneficiary"} & {*party.roles}):
                yield "auditor", event.auditor_id, duty, party_id
    for duty, programme_id, party_id in _duties(state):
        if programme_id == event.programme_id:
            yield "auditor", event.auditor_id, duty, party_id


def _extension(state: Any, event: SuspensionExtended, actor: str) -> Iterator[Pair]:
    yield "resolver", actor, "disputant", state.programmes[event.programme_id].current.issuer_id
    yield "resolver", actor, "disputant", state.vouchers[event.voucher_id].beneficiary_id


def _attestation(_state: Any, event: GroupAttested | AidAttested | AidWithdrawn, actor: str) -> Iterator[Pair]:
    yield "attester", actor, "attested", event.party_id


def _control(_state: Any, event: ControlAttested, actor: str) -> Iterator[Pair]:
    yield "attester", actor, "attested", event.owner_id
    yield "attester", actor, "attested", event.party_id


def _milestone(_state: Any, event: MilestoneAttested, actor: str) -> Iterator[Pair]:
    yield "attester", actor, "attested", event.holder_id


def _cash(_state: Any, event: CashDeposited | CashWithdrawn, actor: str) -> Iterator[Pair]:
    yield "treasurer", actor, "owner of the cash", event.party_id


def _bid(state: Any, event: BidReceived | BidAmendmentRequested, _actor: str) -> Iterator[Pair]:
    yield "issuer", _issuer(state, event.programme_id), "beneficiary", event.beneficiary_id
    for each in state.directory.related_to(event.beneficiary_id):
        if (event.programme_id, each) in state.listed:
            yield "provider", each, "beneficiary", event.beneficiary_id


def _trade(state: Any, event: Trade, _actor: str) -> Iterator[Pair]:
    yield "issuer", _issuer(state, event.programme_id), "provider", event.provider_id
    yield "issuer", _issuer(state, event.programme_id), "beneficiary", event.beneficiary_id
    yield "provider", event.provider_id, "beneficiary", event.beneficiary_id


def _issuer(state: Any, programme_id: str) -> str:
    return str(next(iter(state.programmes[programme_id].values())).issuer_id)


def _approval(state: Any, event: ClaimApproved, actor: str) -> Iterator[Pair]:
    yield "approver", actor, "claimant", state.claims[event.claim_id].terms.provider_id


def _endorsement(_state: Any, event: ActEndorsed, actor: str) -> Iterator[Pair]:
    duties = ("approver", "claimant") if event.act != "payment" else ("treasurer", "payee")
    yield duties[0], actor, duties[1], event.provider_id


def _settlement(_state: Any, event: SettlementClosed, actor: str) -> Iterator[Pair]:
    for payee in event.payees:
        yield "approver", actor, "claimant", payee.provider_id


def _payment(
    _state: Any, event: PaymentConfirmed | PaymentReturned | ShareConfirmed | ShareReturned, actor: str
) -> Iterator[Pair]:
    yield "treasurer", actor, "payee", event.provider_id


def _resolution(state: Any, event: UsageAccepted, actor: str) -> Iterator[Pair]:
    if event.by == "resolution":
        contract = state.contracts.get(event.contract_id)
        sides = state.ended[event.contract_id] if contract is None else contract.terms
        yield "resolver", actor, "disputant", sides.provider_id
        yield "resolver", actor, "disputant", sides.beneficiary_id


def _reversal(state: Any, event: UsageReversed, _actor: str) -> Iterator[Pair]:
    contract = state.contracts.get(event.contract_id)
    sides = state.ended[event.contract_id] if contract is None else contract.terms
    if event.by not in (sides.provider_id, sides.beneficiary_id):
        yield "resolver", event.by, "disputant", sides.provider_id
        yield "resolver", event.by, "disputant", sides.beneficiary_id


def _recovery(_state: Any, event: RecoveryConfirmed, actor: str) -> Iterator[Pair]:
    yield "treasurer", actor, "payee", event.provider_id


def _clawback(_state: Any, event: ClawbackOrdered | DebtWrittenOff | PaymentAdjusted, actor: str) -> Iterator[Pair]:
    yield "approver", actor, "claimant", event.provider_id


def _appeal(state: Any, event: AppealDecided, actor: str) -> Iterator[Pair]:
    yield "resolver", actor, "disputant", event.provider_id
    yield "resolver", actor, "disputant", _issuer(state, event.programme_id)


ACTS: Final[Mapping[tuple[str, type[Event]], Callable[[Any, Any, str], Iterator[Pair]]]] = {
    ("issuance", ProviderListed): _listing,
    ("issuance", VoucherIssued): _issue,
    ("issuance", VoucherGranted): _issue,
    ("issuance", ProgrammePublishedV1): _publication,
    ("issuance", AuditorAppointed): _appointment,
    ("issuance", SuspensionExtended): _extension,
    ("issuance", GroupAttested): _attestation,
    ("issuance", AidAttested): _attestation,
    ("issuance", ControlAttested): _control,
    ("issuance", AidWithdrawn): _attestation,
    ("ledger", MilestoneAttested): _milestone,
    ("ledger", CashDeposited): _cash,
    ("ledger", CashWithdrawn): _cash,
    ("matching", BidReceived): _bid,
    ("matching", BidAmendmentRequested): _bid,
    ("matching", TradeMatched): _trade,
    ("matching", TradeCleared): _trade,
    ("redemption", ActEndorsed): _endorsement,
    ("redemption", ClaimApproved): _approval,
    ("redemption", SettlementClosed): _settlement,
    ("redemption", PaymentConfirmed): _payment,
    ("redemption", PaymentReturned): _payment,
    ("redemption", ShareConfirmed): _payment,
    ("redemption", ShareReturned): _payment,
    ("redemption", UsageAccepted): _resolution,
    ("redemption", UsageReversed): _reversal,
    ("redemption", RecoveryConfirmed): _recovery,
    ("redemption", ClawbackOrdered): _clawback,
    ("redemption", DebtWrittenOff): _clawback,
    ("redemption", PaymentAdjusted): _clawback,
    ("redemption", AppealDecided): _appeal,
}
"""By service and event of its log: (state behind the entry, event, who gave the command) -> the duties it joins."""


class Duties:
    """The relations that one log's entries have stated so far, and the duties that its acts brought together."""

    def __init__(self, service: str) -> None:
        self._acts = {kind: act for (name, kind), act in ACTS.items() if name == service}
        self._groups: dict[str, str] = {}  # of the parties whose group an entry seen here attested

    def brought_together(self, state: Any, entry: Entry) -> Iterator[str]:
        """What an entry should not have done. `state`: behind it; every entry is to be given, in order."""
        actor = entry.id.partition("/")[0] if isinstance(entry.cause, CommandCause) else ""
        for event in entry.events:
            act = self._acts.get(type(event))
            for duty, party, other, who in act(state, event, actor) if act is not None else ():
                if party == who or self._group(state, party) == self._group(state, who):
                    yield f"{event.TYPE}: {duty} {party} and {other} {who} are related"
            if type(event) is GroupAttested:
                self._groups[event.party_id] = event.group_after

    def _group(self, state: Any, party_id: str) -> str:
        """The group as of the event at hand, which the state may be past."""
        if party_id in self._groups:
            return self._groups[party_id]
        directory = state.directory
        if party_id in directory.histories:
            return str(directory.histories[party_id].registered)
        return str(directory.group_now(party_id))

    def resume(self, state: Any) -> None:
        """Take the relations from a state that an earlier audit has left."""
        for party_id in state.directory.histories:
            self._groups[party_id] = _group_at(state, party_id, None)


# at the end -----------------------------------------------------------------------------------------------------------


def relations(state: Any) -> list[Relation]:
    """Every attested group, by party and by when it begins."""
    return [
        Relation(party_id, fact.group_id, format_time(fact.since), fact.attested_by)
        for party_id, history in sorted(state.directory.histories.items())
        for fact in history.facts
    ]


def held_together(service: str, state: Any) -> list[Together]:
    """The duties that related parties hold together now, or held while a contract ran, as far as is known now."""
    if service == "issuance":
        return [*_in_programmes(state)]
    return [*_in_contracts(state)] if service == "redemption" else []


def _in_programmes(state: Any) -> Iterator[Together]:
    """Issuance's state: who has a duty in a programme, by programme and group; who audits all does so in each."""
    held: dict[tuple[str, str], dict[str, str]] = {}
    for duty, programme_id, party_id in _duties(state):
        held.setdefault((programme_id, _group_at(state, party_id, None)), {}).setdefault(duty, party_id)
    for programme_id in state.programmes:
        for party_id in _auditors(state, programme_id):
            held.setdefault((programme_id, _group_at(state, party_id, None)), {}).setdefault("auditor", party_id)
    for (programme_id, _), duties in sorted(held.items()):
        parties = list(duties.items())
        for nth, (duty, party_id) in enumerate(parties):
            for other, who in parties[nth + 1 :]:
                yield Together(programme_id, f"{duty} and {other}", party_id, who)


def _duties(state: Any) -> Iterator[tuple[str, str, str]]:
    """(duty, programme, party): issuers, listed providers, and whoever was issued vouchers."""
    for programme_id, programme in state.programmes.items():
        yield "issuer", programme_id, programme.current.issuer_id
    for programme_id, party_id in state.listings:
        yield "provider", programme_id, party_id
    for programme_id, party_id in state.issued_to:
        yield "beneficiary", programme_id, party_id


def _in_contracts(state: Any) -> Iterator[Together]:
    """Redemption's state: contracts whose two sides were related before they ended."""
    if not state.directory.histories:
        return  # parties that were registered as related never traded with each other
    sides = {name: (each.terms, each.ended_at) for name, each in state.contracts.items()}
    sides |= {name: (each, each.ended_at) for name, each in state.ended.items()}
    for contract_id, (terms, ended_at) in sorted(sides.items()):
        groups = (_group_at(state, each, ended_at) for each in (terms.provider_id, terms.beneficiary_id))
        if len({*groups}) == 1:
            yield Together(contract_id, "provider and beneficiary", terms.provider_id, terms.beneficiary_id)


def _group_at(state: Any, party_id: str, time: int | None) -> str:
    """The group of a party at a time (microseconds), None for now: that of the last fact that began by then."""
    history = state.directory.histories.get(party_id)
    if history is None:
        return str(state.directory.group_now(party_id))
    begun = [fact for fact in history.facts if time is None or fact.since <= time]
    return str(
        max(enumerate(begun), key=lambda each: (each[1].since, each[0]))[1].group_id if begun else history.registered
    )
