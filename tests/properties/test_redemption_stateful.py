"""Anything that parties, timers and the ledger do, in any order: hours, contracts and subsidies are counted once."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any, get_args

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from counterfoil.contract.codec import dump_event
from counterfoil.contract.record import Command as Body
from counterfoil.contract.record import Event
from counterfoil.contract.refusals import Refusal
from counterfoil.contract.terms import FourEyesAct
from counterfoil.contract.times import HOUR
from counterfoil.core.at import At
from counterfoil.core.rules import LATEST, RULES
from counterfoil.issuance.events import FourEyesDemanded
from counterfoil.redemption.commands import (
    AcceptUsage,
    AgreeCancellation,
    AgreeCorrection,
    ApproveClaim,
    ApprovedLine,
    ConfirmPayment,
    DisputeUsage,
    ProposeCancellation,
    ProposeCorrection,
    Reading,
    RejectClaim,
    ReportUsage,
    ResolveDispute,
    Rest,
    ReturnPayment,
    WithdrawApproval,
    WithdrawDelivery,
    WithdrawDispute,
)
from counterfoil.redemption.events import (
    ActEndorsed,
    ApprovalWithdrawn,
    CaptureRecorded,
    ClaimApproved,
    ClaimDenied,
    ClaimRejected,
    ClaimSubmitted,
    ContractCancelled,
    ContractCompleted,
    ContractOpened,
    DisputeRaised,
    PaymentConfirmed,
    PaymentReturned,
    ProviderDefaulted,
    SettlementClosed,
    UsageAccepted,
    UsageCorrected,
    UsageReported,
    UsageSplit,
)
from counterfoil.redemption.service import DECIDER
from counterfoil.vocabulary import CODEC
from tests.given import Scenario
from tests.paper_work import PAID_ON
from tests.redemption import world
from tests.redemption.world import FIRST, PEOPLE, PRICE, captured, claim, settle, trade
from tests.state_root import state_root

MAX_ITEMS_PER_SWEEP = RULES[LATEST].max_items_per_sweep

PROVIDERS = ("gpu-1", "gpu-2")
LABS = ("lab-1", "lab-2")
ISSUERS = {"p1": "city", "p2": "town"}
DEPUTIES = {"city": "mayor", "town": "deputy"}
"""Parties of the issuers' groups."""
FEN = 10_000  # the minor unit of CNY, in micro-units
REST = st.sampled_from(("ends", "claimable"))
CAPACITY = 240  # GPU-minutes of an hour: 1 node of 4 GPUs


class Audit:
    """What an auditor counts from the events alone."""

    def __init__(self) -> None:
        self.contracts: dict[str, ContractOpened] = {}
        self.hours: set[tuple[str, int]] = set()
        self.reports: dict[str, UsageReported] = {}
        self.accepted: dict[str, UsageAccepted] = {}
        self.disputed: dict[str, DisputeRaised] = {}
        self.ended: dict[str, str] = {}
        self.captured: dict[str, CaptureRecorded] = {}
        self.claims: dict[str, ClaimSubmitted] = {}
        self.pending: set[str] = set()
        """Claims that were neither rejected nor put into a settlement."""
        self.approved: dict[str, ClaimApproved] = {}
        self.back: Counter[tuple[str, str]] = Counter()
        """What may be claimed once more of a claim's line; `denied`: what never may."""
        self.denied: Counter[tuple[str, str]] = Counter()
        self.submitted: Counter[str] = Counter()
        """By contract, how much was ever claimed."""
        self.due: dict[tuple[str, str], int] = {}
        self.paid: dict[tuple[str, str], int] = {}
        self.payable: Counter[tuple[str, str]] = Counter()
        self.references: set[tuple[str, str]] = set()
        self.actor = ""
        """Who gave the last command."""
        self.four_eyes: set[tuple[str, str]] = set()
        self.signed: dict[tuple[str, str], str] = {}
        """The first of two signatures: who gave it."""

    def read(self, event: Event) -> None:
        """Count one event, and object to what must not follow from the ones before."""
        match event:
            case ContractOpened():
                self.contracts[event.contract_id] = event
            case UsageReported():
                self._open(event.contract_id)
                for reading in event.readings:
                    assert (event.contract_id, reading.hour) not in self.hours
                    self.hours.add((event.contract_id, reading.hour))
                    terms = self.contracts[event.contract_id]
                    assert 0 <= reading.hour - terms.first_hour < terms.hours
                    assert reading.gpu_minutes <= CAPACITY
                self.reports[event.report_id] = event
            case DisputeRaised():
                self._open(event.contract_id)
                assert event.report_id not in self.disputed.keys() | self.accepted.keys()
                self.disputed[event.report_id] = event
            case UsageSplit():
                whole = self.reports[event.report_id]
                assert sorted((*event.part, *event.rest), key=lambda reading: reading.hour) == list(whole.readings)
                self._say(event.report_id, event.rest)
                self.reports[event.part_id] = replace(whole, report_id=event.part_id)
                self._say(event.part_id, event.part)
            case UsageCorrected():
                assert [each.hour for each in event.readings] == [
                    each.hour for each in self.reports[event.report_id].readings
                ]
                assert all(reading.gpu_minutes <= CAPACITY for reading in event.readings)
                self._say(event.report_id, event.readings)
            case UsageAccepted():
                self._open(event.contract_id)
                assert event.report_id not in self.accepted
                report = self.reports[event.report_id]
                assert event.gpu_minutes <= len(report.readings) * CAPACITY
                assert event.amount == event.gpu_minutes * PRICE // 60
                disputed = event.report_id in self.disputed
                assert event.by == "agreement" or disputed == (event.by in ("resolution", "withdrawal", "lapse"))
                assert event.by == "resolution" or event.gpu_minutes == report.gpu_minutes
                self.accepted[event.report_id] = event
            case ContractCancelled():
                self._open(event.contract_id)
                assert not any(owner == event.contract_id for owner, _ in self.hours)
                self.ended[event.contract_id] = type(event).__name__
            case ContractCompleted() | ProviderDefaulted():
                self._end(event)
            case CaptureRecorded():
                assert event.report_id not in self.captured
                self.captured[event.report_id] = event
            case _:
                self._read_paper(event)

    def _read_paper(self, event: Event) -> None:
        match event:
            case ClaimSubmitted():
                self._claim(event)
            case FourEyesDemanded():
                self.four_eyes.add((event.programme_id, event.act))
            case ActEndorsed():
                assert (event.programme_id, event.act) in self.four_eyes
                assert event.endorsed_by == self.actor
                self.signed[event.object_id, event.provider_id] = event.endorsed_by
            case ClaimApproved() | ClaimRejected():
                assert event.claim_id in self.pending - self.approved.keys()
                claim = self.claims[event.claim_id]
                acted = isinstance(event, ClaimApproved) and (claim.programme_id, "approval") in self.four_eyes
                self._by_two((event.claim_id, claim.provider_id), acted=acted)
                for part in event.claimable:
                    self.back[event.claim_id, part.contract_id] += part.amount
                if isinstance(event, ClaimApproved):
                    self.approved[event.claim_id] = event
                else:
                    self.pending.remove(event.claim_id)
            case ApprovalWithdrawn():
                del self.approved[event.claim_id]
            case ClaimDenied():
                for part in event.lines:
                    self.denied[event.claim_id, part.contract_id] += part.amount
            case SettlementClosed():
                self._settle(event)
            case PaymentConfirmed():
                self._pay(event)
            case PaymentReturned():
                self._return(event)
            case _:
                pass

    def _by_two(self, key: tuple[str, str], *, acted: bool) -> None:
        """What was signed for is over; an act that needs it has had another signatory."""
        first = self.signed.pop(key, None)
        if acted:
            assert first not in (None, self.actor)

    def _say(self, report_id: str, readings: tuple[Reading, ...]) -> None:
        total = sum(reading.gpu_minutes for reading in readings)
        self.reports[report_id] = replace(self.reports[report_id], readings=readings, gpu_minutes=total)

    def _open(self, contract_id: str) -> None:
        assert contract_id not in self.ended, "nothing is delivered after the end"

    def _end(self, event: ContractCompleted | ProviderDefaulted) -> None:
        contract_id = event.contract_id
        self._open(contract_id)
        self.ended[contract_id] = type(event).__name__
        reported = sum(1 for owner, _ in self.hours if owner == contract_id)
        missing = self.contracts[contract_id].hours - reported
        assert not self.undecided(contract_id)
        used = sum(each.gpu_minutes for each in self.accepted.values() if each.contract_id == contract_id)
        delivered = missing == 0 and 2 * used >= self.contracts[contract_id].hours * CAPACITY
        assert delivered == isinstance(event, ContractCompleted)
        if isinstance(event, ProviderDefaulted):
            assert event.missing_hours == missing
            assert (event.cause == "not_delivered") == (missing == 0)

    def undecided(self, contract_id: str) -> list[str]:
        """Reports that are neither accepted nor resolved."""
        return [r for r, each in self.reports.items() if each.contract_id == contract_id and r not in self.accepted]

    def _claim(self, event: ClaimSubmitted) -> None:
        earlier = [(each.provider_id, each.invoice_number) for each in self.claims.values()]
        assert (event.provider_id, event.invoice_number) not in earlier
        assert event.amount == sum(line.amount for line in event.lines)
        for line in event.lines:
            terms = self.contracts[line.contract_id]
            assert (terms.provider_id, terms.programme_id) == (event.provider_id, event.programme_id)
            assert line.resubmitted <= line.amount
            self.submitted[line.contract_id] += line.amount
        self.claims[event.claim_id] = event
        self.pending.add(event.claim_id)

    def _settle(self, event: SettlementClosed) -> None:
        net = Counter[str]()
        for claim_id in event.claim_ids:
            self.pending.remove(claim_id)
            net[self.claims[claim_id].provider_id] += self.approved.pop(claim_id).amount
        for payee in event.payees:
            who = event.programme_id, payee.provider_id
            assert (payee.claimed, payee.brought) == (net.pop(payee.provider_id, 0), self.payable[who])
            assert payee.amount + payee.carried == payee.claimed + payee.brought
            assert payee.amount % FEN == 0
            assert payee.carried < FEN
            self.payable[who] = payee.carried
            if payee.amount:
                self.due[event.settlement_id, payee.provider_id] = payee.amount
        assert not net
        assert event.amount == sum(payee.amount for payee in event.payees)

    def _pay(self, event: PaymentConfirmed) -> None:
        key = event.settlement_id, event.provider_id
        assert self.due.pop(key) == event.amount
        self.paid[key] = event.amount
        self._by_two(key, acted=(event.programme_id, "payment") in self.four_eyes)
        assert event.over == all(settlement_id != event.settlement_id for settlement_id, _ in self.due)
        self._use(f"payment {event.treasurer_id}", event.payment_reference)

    def _return(self, event: PaymentReturned) -> None:
        key = event.settlement_id, event.provider_id
        assert (self.paid if event.was_paid else self.due).pop(key) == event.amount
        self._by_two(key, acted=False)
        self.payable[event.programme_id, event.provider_id] += event.amount
        assert self.payable[event.programme_id, event.provider_id] == event.payable_after
        self._use("return", event.return_reference)

    def _use(self, kind: str, reference: str) -> None:
        spelled = reference.casefold().replace(" ", "")
        assert (kind, spelled) not in self.references
        self.references.add((kind, spelled))


KNOWN = (
    *PEOPLE[:-2],
    *(replace(world.party(deputy, "issuer"), group_id=issuer_id) for issuer_id, deputy in DEPUTIES.items()),
    world.party("teller", "treasurer"),
    *(
        world.programme(
            programme_id,
            issuer_id,
            1 + within * 4 + window,
            report_within_seconds=within * 3_600,
            dispute_window_seconds=window * 3_600,
        )
        for programme_id, issuer_id in (("p1", "city"), ("p2", "town"))
        for within in range(6)
        for window in range(4)
    ),
)
"""The parties, and a version of each programme for each pair of windows."""


class Redemption(RuleBasedStateMachine):
    """Parties that mostly ask for what makes sense, a clock that jumps, a ledger that captures late."""

    def __init__(self) -> None:
        super().__init__()
        self.scenario = Scenario(DECIDER, *KNOWN, time=FIRST * HOUR)
        self.audit = Audit()
        self.log: list[tuple[Event, At]] = []
        self.uncaptured: list[UsageAccepted] = []

    # telling ----------------------------------------------------------------------------------------------------------

    def follow(self) -> list[Event]:
        """Apply what was decided last."""
        decided = self.scenario.last
        assert not isinstance(decided, Refusal)
        for event in decided:
            self.audit.read(event)
            assert CODEC.load_event(dump_event(event)) == event  # within every range of the contract
            self.log.append((event, At(self.scenario.time, self.scenario.index, 0)))
            if isinstance(event, UsageAccepted):
                self.uncaptured.append(event)
                assert event.by != "lapse" or self.scenario.time >= self.audit.disputed[event.report_id].resolve_by
            if isinstance(event, DisputeRaised):
                assert event.resolve_by == self.scenario.time + RULES[LATEST].resolution_window
        return list(decided)

    def ask(self, body: Body, actor: str) -> None:
        """A command; refused, it changes nothing."""
        before = self.scenario.records()
        self.audit.actor = actor
        self.scenario.when(body, actor)
        if isinstance(self.scenario.last, Refusal):
            assert self.scenario.records() == before
        else:
            self.follow()

    def fire_due(self) -> None:
        """Run timers as the runner does; every timer that is due has something to do."""
        while (due := DECIDER.due(self.scenario.state)) is not None and due[0] <= self.scenario.time:
            timer, here = DECIDER.timers[due[1]], At(self.scenario.time + 1, self.scenario.index + 1, 0)
            tried = timer(self.scenario.state, here.time, here)
            self.scenario.fires(due[1], self.scenario.time)
            events = self.follow()
            assert events == list(tried), "deciding alone changes nothing"
            assert 1 <= len(events) <= 2 * MAX_ITEMS_PER_SWEEP

    # delivery ---------------------------------------------------------------------------------------------------------

    @precondition(lambda self: len(self.audit.contracts) < 9)
    @rule(
        provider=st.sampled_from(PROVIDERS), lab=st.sampled_from(LABS), programme=st.sampled_from(("p1", "p2")),
        start=st.integers(-1, 1), hours=st.integers(1, 3), within=st.integers(0, 5), window=st.integers(0, 3),
    )  # fmt: skip
    def open(self, provider: str, lab: str, programme: str, start: int, hours: int, within: int, window: int) -> None:
        self.scenario.reacts_to(
            trade(
                f"c{len(self.audit.contracts)}", provider_id=provider, beneficiary_id=lab, programme_id=programme,
                nodes=1, first_hour=self.scenario.time // HOUR + start, hours=hours,
                version=1 + within * 4 + window,
            )
        )  # fmt: skip
        self.follow()

    @initialize()
    def begin(self) -> None:
        """Contracts at every stage: just traded, reported, and with subsidy to claim."""
        for provider, programme in (("gpu-1", "p1"), ("gpu-2", "p1"), ("gpu-1", "p2"), ("gpu-2", "p1")):
            self.open(provider, "lab-1", programme, -1, 2, 5, 2)
        for contract_id, hours in list(self.ready().items())[:3]:
            reading = Reading(hour=hours[0], gpu_minutes=CAPACITY - 1)
            provider = self.audit.contracts[contract_id].provider_id
            self.ask(ReportUsage(contract_id=contract_id, readings=(reading,)), provider)
        for report_id in list(self.audit.reports)[:2]:
            self.ask(AcceptUsage(report_id=report_id), "lab-1")
            self.capture(50)

    @precondition(lambda self: self.audit.contracts)
    @rule(data=st.data(), readings=st.lists(st.tuples(st.integers(0, 2), st.integers(0, CAPACITY + 1)), max_size=3))
    def report(self, data: Any, readings: list[tuple[int, int]]) -> None:
        terms = self.audit.contracts[self.pick(data, self.audit.contracts)]
        made = tuple(Reading(hour=terms.first_hour + hour, gpu_minutes=minutes) for hour, minutes in readings)
        self.ask(ReportUsage(contract_id=terms.contract_id, readings=made), terms.provider_id)

    @precondition(lambda self: self.ready())
    @rule(data=st.data(), minutes=st.integers(0, CAPACITY))
    def report_what_is_ready(self, data: Any, minutes: int) -> None:
        ready = self.ready()
        contract_id = self.pick(data, ready)
        hours = ready[contract_id][: data.draw(st.integers(1, 3))]
        made = tuple(Reading(hour=hour, gpu_minutes=minutes) for hour in hours)
        self.ask(ReportUsage(contract_id=contract_id, readings=made), self.audit.contracts[contract_id].provider_id)

    def ready(self) -> dict[str, list[int]]:
        """The hours that are over and not reported, of contracts that have not ended."""
        now, found = self.scenario.time // HOUR, dict[str, list[int]]()
        for contract_id, terms in self.audit.contracts.items():
            hours = range(terms.first_hour, min(terms.first_hour + terms.hours, now))
            left = [hour for hour in hours if (contract_id, hour) not in self.audit.hours]
            if left and contract_id not in self.audit.ended and self.scenario.time < terms.report_by:
                found[contract_id] = left
        return found

    @precondition(lambda self: self.scenario.state.reports)
    @rule(data=st.data(), minutes=st.integers(0, CAPACITY + 1), late=st.booleans())
    def decide(self, data: Any, minutes: int, late: bool) -> None:
        usage = self.audit.reports[self.pick(data, self.audit.reports if late else self.scenario.state.reports)]
        lab, report_id = self.audit.contracts[usage.contract_id].beneficiary_id, usage.report_id
        hours = data.draw(st.sets(st.sampled_from([reading.hour for reading in usage.readings])))
        accept = AcceptUsage(report_id=report_id)
        dispute = DisputeUsage(report_id=report_id, hours=tuple(sorted(hours)), evidence=(), reason="idle")
        resolve = ResolveDispute(report_id=report_id, gpu_minutes=minutes, reason="meter")
        withdraw = WithdrawDispute(report_id=report_id)
        choices = [(accept, lab), (dispute, lab), (dispute, lab), (resolve, "op"), (withdraw, lab)]
        self.ask(*data.draw(st.sampled_from(choices)))

    @precondition(lambda self: self.scenario.state.reports)
    @rule(data=st.data(), minutes=st.integers(0, CAPACITY + 1), agree=st.booleans(), swap=st.booleans())
    def correct(self, data: Any, minutes: int, agree: bool, swap: bool) -> None:
        """One side proposes, and the other may agree; or, swapped, the one that proposed."""
        usage = self.audit.reports[self.pick(data, self.scenario.state.reports)]
        terms = self.audit.contracts[usage.contract_id]
        by, other = data.draw(st.permutations((terms.provider_id, terms.beneficiary_id)))
        hours = data.draw(st.sets(st.sampled_from([reading.hour for reading in usage.readings])))
        said = tuple(Reading(hour=hour, gpu_minutes=minutes) for hour in sorted(hours))
        self.ask(ProposeCorrection(report_id=usage.report_id, readings=said, reason="meter"), by)
        report = self.scenario.state.reports.get(usage.report_id)
        if agree and report is not None and report.corrections:
            correction_id = report.corrections[-1].correction_id
            self.ask(AgreeCorrection(report_id=usage.report_id, correction_id=correction_id), by if swap else other)

    @precondition(lambda self: self.scenario.state.contracts)
    @rule(data=st.data(), agree=st.booleans(), swap=st.booleans())
    def cancel(self, data: Any, agree: bool, swap: bool) -> None:
        terms = self.audit.contracts[self.pick(data, self.scenario.state.contracts)]
        by, other = data.draw(st.permutations((terms.provider_id, terms.beneficiary_id)))
        self.ask(ProposeCancellation(contract_id=terms.contract_id, reason="fire"), by)
        if agree:
            self.ask(AgreeCancellation(contract_id=terms.contract_id), by if swap else other)

    @precondition(lambda self: self.audit.accepted)
    @rule(data=st.data())
    def withdraw(self, data: Any) -> None:
        terms = self.audit.contracts[self.pick(data, self.audit.contracts)]
        self.ask(WithdrawDelivery(contract_id=terms.contract_id, reason="fire"), terms.provider_id)

    @rule(minutes=st.sampled_from((1, 30, 60, 60, 61, 180, 7 * 24 * 60)), timers=st.booleans())
    def wait(self, minutes: int, timers: bool) -> None:
        self.scenario.time += minutes * HOUR // 60
        if timers:
            self.fire_due()

    @precondition(lambda self: self.uncaptured)
    @rule(percent=st.integers(0, 100))
    def capture(self, percent: int) -> None:
        usage = self.uncaptured.pop(0)
        subsidy = usage.amount * percent // 100
        self.scenario.reacts_to(captured(usage.contract_id, usage.report_id, subsidy, usage.amount - subsidy))
        self.follow()

    # payment ----------------------------------------------------------------------------------------------------------

    @precondition(lambda self: self.scenario.state.claimable)
    @rule(data=st.data(), invoice=st.integers(0, 9))
    def claim(self, data: Any, invoice: int) -> None:
        mine = self.scenario.state.claimable
        first = mine[self.pick(data, mine)]
        alike = [name for name, each in mine.items() if each.provider_id == first.provider_id]
        some = data.draw(st.lists(st.sampled_from(alike), min_size=1, max_size=2))
        self.ask(claim(f"INV-{invoice}", *some, programme_id=first.programme_id), first.provider_id)

    @rule(programme_id=st.sampled_from(("p1", "p2")), act=st.sampled_from(get_args(FourEyesAct)))
    def demand(self, programme_id: str, act: FourEyesAct) -> None:
        if (programme_id, act) not in self.audit.four_eyes:
            self.scenario.reacts_to(FourEyesDemanded(programme_id=programme_id, act=act))
            self.follow()

    @precondition(lambda self: self.audit.pending)
    @rule(
        data=st.data(), approve=st.sampled_from((True, True, True, False)), part=st.integers(0, 3), rest=REST,
        twice=st.booleans(),
    )  # fmt: skip
    def judge(self, data: Any, approve: bool, part: int, rest: Rest, twice: bool) -> None:
        claim_id = data.draw(st.sampled_from(sorted(self.audit.pending)))
        lines: tuple[ApprovedLine, ...] = ()
        if part < 3:
            first = self.scenario.state.claims[claim_id].terms.lines[0]
            lines = (ApprovedLine(contract_id=first.contract_id, amount=first.amount * part // 3),)
        body: Body = ApproveClaim(claim_id=claim_id, lines=lines, rest=rest)
        if not approve:
            body = RejectClaim(claim_id=claim_id, reason="no", rest=rest)
        issuer = ISSUERS[self.audit.claims[claim_id].programme_id]
        for signatory in (issuer, DEPUTIES[issuer])[: 1 + twice]:
            self.ask(body, signatory)

    @precondition(lambda self: self.audit.approved)
    @rule(data=st.data())
    def think_again(self, data: Any) -> None:
        claim_id = data.draw(st.sampled_from(sorted(self.audit.approved)))
        body = WithdrawApproval(claim_id=claim_id, reason="too early")
        self.ask(body, ISSUERS[self.audit.claims[claim_id].programme_id])

    @precondition(lambda self: self.audit.approved)
    @rule(data=st.data(), owed=st.booleans())
    def settle(self, data: Any, owed: bool) -> None:
        some = data.draw(st.lists(st.sampled_from(sorted(self.audit.approved)), min_size=1, max_size=3))
        programme_id = self.audit.claims[some[0]].programme_id
        payees = tuple(sorted(who for where, who in +self.audit.payable if where == programme_id)) if owed else ()
        self.ask(replace(settle(*some, programme_id=programme_id), payee_ids=payees), ISSUERS[programme_id])

    @precondition(lambda self: +self.audit.payable)
    @rule(data=st.data())
    def settle_what_is_owed(self, data: Any) -> None:
        programme_id, provider_id = data.draw(st.sampled_from(sorted(+self.audit.payable)))
        body = replace(settle(programme_id=programme_id), payee_ids=(provider_id,))
        self.ask(body, ISSUERS[programme_id])

    @precondition(lambda self: self.audit.due)
    @rule(data=st.data(), number=st.integers(0, 99), space=st.sampled_from(("", " ")), twice=st.booleans())
    def pay(self, data: Any, number: int, space: str, twice: bool) -> None:
        settlement_id, provider_id = data.draw(st.sampled_from(sorted(self.audit.due)))
        amount = self.audit.due[settlement_id, provider_id]
        body = ConfirmPayment(
            settlement_id=settlement_id, provider_id=provider_id, amount=amount,
            payment_reference=f"wire{space}{number}", paid_on=PAID_ON,
        )  # fmt: skip
        for treasurer in data.draw(st.permutations(("bank", "teller")))[: 1 + twice]:
            self.ask(body, treasurer)

    @precondition(lambda self: self.audit.due or self.audit.paid)
    @rule(data=st.data(), number=st.integers(0, 99))
    def bounce(self, data: Any, number: int) -> None:
        settlement_id, provider_id = data.draw(st.sampled_from(sorted({**self.audit.due, **self.audit.paid})))
        body = ReturnPayment(
            settlement_id=settlement_id, provider_id=provider_id, return_reference=f"back {number}", reason="closed"
        )
        self.ask(body, "bank")

    @staticmethod
    def pick(data: Any, known: dict[str, Any]) -> str:
        """One of the things there are; the latest are the likeliest to be open."""
        chosen: str = data.draw(st.sampled_from(list(reversed(known))))
        return chosen

    # what holds at every index ----------------------------------------------------------------------------------------

    @invariant()
    def every_open_contract_has_an_end_ahead(self) -> None:
        """As the runner does, ask for the next timer after every step."""
        due, audit = DECIDER.due(self.scenario.state), self.audit
        times = [
            (report.dispute_until, "dispute_window")
            for report in self.scenario.state.reports.values()
            if not report.disputed
        ]
        times += [
            (dispute.resolve_by, "resolution_window")
            for report_id, dispute in audit.disputed.items()
            if report_id not in audit.accepted
        ]
        hours = Counter(owner for owner, _ in audit.hours)
        for contract_id, terms in audit.contracts.items():
            if contract_id not in audit.ended and not audit.undecided(contract_id) and hours[contract_id] < terms.hours:
                times.append((terms.report_by, "reporting"))
        assert due == min(times, default=None)

    @invariant()
    def captured_is_claimable_or_claimed_and_claimed_twice_at_most(self) -> None:
        earned, spoken_for, ended = Counter[str](), Counter[str](), Counter[str]()
        for capture in self.audit.captured.values():
            earned[capture.contract_id] += capture.subsidy
        for (_, contract_id), amount in self.audit.denied.items():
            ended[contract_id] += amount
        for claim_id, each in self.audit.claims.items():
            for line in each.lines:
                spoken_for[line.contract_id] += line.amount - self.audit.back[claim_id, line.contract_id]
        for contract_id, claimable in self.scenario.state.claimable.items():
            assert claimable.amount > 0
            assert 0 <= claimable.rejected <= claimable.amount
            spoken_for[contract_id] += claimable.amount
        assert +earned == +spoken_for
        for contract_id, amount in self.audit.submitted.items():
            assert amount <= 2 * earned[contract_id]
            assert ended[contract_id] <= earned[contract_id]

    @invariant()
    def what_was_approved_is_in_claims_due_paid_or_owed(self) -> None:
        state, audit = self.scenario.state, self.audit
        assert +audit.payable == Counter(dict(state.payable))
        assert audit.due == {key: each.amount for key, each in state.payments.items() if not each.paid}
        assert audit.paid == {key: each.amount for key, each in state.payments.items() if each.paid}

    @invariant()
    def accepted_fits_the_capacity(self) -> None:
        used = Counter[str]()
        for usage in self.audit.accepted.values():
            used[usage.contract_id] += usage.gpu_minutes
        for contract_id, minutes in used.items():
            assert minutes <= self.audit.contracts[contract_id].hours * CAPACITY

    @invariant()
    def only_what_is_open_is_kept(self) -> None:
        state, audit = self.scenario.state, self.audit
        waiting = {each.contract_id for each in self.uncaptured}
        assert set(state.contracts) == {name for name in audit.contracts if name not in audit.ended or name in waiting}
        assert set(state.reports) == audit.reports.keys() - audit.accepted.keys()
        assert set(state.claims) == audit.pending
        assert {(name, who) for name, each in state.settlements.items() for who in each.due} == audit.due.keys()

    def teardown(self) -> None:
        """In the end every contract ends, unresolved disputes included, and the events alone make the same state."""
        for _ in range(2):  # reports whose correction nobody agreed to become disputes first
            self.scenario.time += 1_000 * HOUR
            self.fire_due()
        assert self.audit.ended.keys() == self.audit.contracts.keys()
        assert DECIDER.due(self.scenario.state) is None
        again = Scenario(DECIDER, *KNOWN)
        for event, at in self.log:
            DECIDER.evolve[type(event)](again.state, event, at)
        assert state_root(DECIDER.records(again.state)) == state_root(DECIDER.records(self.scenario.state))
        for usage in self.uncaptured:
            self.scenario.reacts_to(captured(usage.contract_id, usage.report_id, 0))
        assert not self.scenario.state.contracts


Redemption.TestCase.settings = settings(stateful_step_count=40)
TestRedemption = Redemption.TestCase
