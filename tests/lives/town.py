"""A city runs a programme made of a bundled template, from its publication to its closing: the steps of all of them.

A test of a template says what its text says, by calling these; each step is taken by the party that takes it in the
programme, and everything that follows from it has happened when it returns.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from counterfoil.audit.books import Programmes
from counterfoil.contract.applications import ApplicationLine, ContractDays
from counterfoil.contract.invoices import Evidence, Invoice
from counterfoil.contract.times import DAY, HOUR, SECOND, parse_date
from counterfoil.issuance.commands import (
    AppropriateBudget,
    AttestFact,
    DecideApplication,
    ListProvider,
    SubmitApplication,
)
from counterfoil.issuance.invoice_commands import ClaimInvoice
from counterfoil.issuance.run_off_commands import BeginRunOff
from counterfoil.ledger.chart import budget, owner
from counterfoil.ledger.closing import reconciled
from counterfoil.ledger.closing_events import Books, ProgrammeClosed
from counterfoil.ledger.commands import AcceptTransfer, ApproveTransfer, CloseProgramme, ProposeTransfer
from counterfoil.ledger.transfer_events import TransferJudged
from counterfoil.redemption.commands import (
    AcceptUsage,
    ApproveClaim,
    CloseSettlement,
    ConfirmPayment,
    Reading,
    ReportUsage,
    SubmitClaim,
)
from counterfoil.redemption.payer_commands import ConfirmShare
from counterfoil.vocabulary import CODEC
from tests.documents import publishing
from tests.e2e.asking import Asking
from tests.golden.steps import bid, offer
from tests.programme.given import changed, data
from tests.properties.test_world_stateful import check_replay, check_settled
from tests.properties.world import YUAN
from tests.reports.agreeing import check_reports

MILLION: Final = 1_000_000 * YUAN
PAPERS: Final = tuple(
    Evidence(type=kind, sha256=bytes([number]) * 32)
    for number, kind in enumerate(("SIGNED_CONTRACT", "INVOICE", "DELIVERY_CERTIFICATE"), 1)
)


def line(amount: int, starts: str | None = None, ends: str | None = None, **changes: Any) -> ApplicationLine:
    """One line of use of the provider gpu-1; days included, None for those of all of the contract."""
    made = ApplicationLine(
        id="l1", sku="GPU_COMPUTE", instrument="COMPUTE", amount=amount, tax=0, quantity=0, unit=None, class_id=None,
        region=None, provider_id="gpu-1", starts=None if starts is None else parse_date(starts),
        ends=None if ends is None else parse_date(ends),
    )  # fmt: skip
    return replace(made, **changes)


class Town(Asking):
    """The city with a programme, opened on a day; lab-1 and lab-2 are start-ups, gpu-1 is its provider.

    `changes`: an issuer's variant of the template, by paths.
    """

    def __init__(self, template: str, day: str, appropriated: int, **changes: Any) -> None:
        super().__init__()
        self.on(day)
        value = data(template)
        for path, new in changes.items():
            value = changed(value, path.replace("__", "."), new)
        for body in publishing(value):
            self.does("city", body)
        self.programme_id = template
        self.does("city", AppropriateBudget(programme_id=template, amount=appropriated, document="budget"))
        self.does("city", ListProvider(programme_id=template, provider_id="gpu-1"))

    def on(self, day: str) -> None:
        """Noon of a day in China, day elsewhere; what was due by then has happened."""
        self.clock = max(self.clock, parse_date(day) * DAY + 4 * HOUR)
        self.settle()

    def attests(self, party_id: str, **facts: str) -> None:
        """The city attests facts of a start-up, as of today."""
        for name, value in facts.items():
            fact = AttestFact(
                party_id=party_id, application_id=None, line=None, name=name, values=(value,), on=self.clock // DAY,
                source="register",
            )  # fmt: skip
            self.does("city", fact)

    def asks(self, lab: str, *lines: ApplicationLine, contract: int | None = None, signed: str = "") -> Any:
        """A start-up applies, on a signed contract if that has a number: the application, or the refusal."""
        days = None
        if contract is not None:
            days = ContractDays(
                sha256=bytes([contract]) * 32, signed=parse_date(signed),
                starts=min(each.starts or 0 for each in lines), ends=max(each.ends or 0 for each in lines),
            )  # fmt: skip
        asked = SubmitApplication(
            programme_id=self.programme_id, corrects=None, project_id=None, lines=lines, contract=days,
            other_support=(), evidence=(),
        )  # fmt: skip
        return self.answer(lab, asked)

    def decides(self, application_id: str) -> Any:
        """The city approves an application: the voucher."""
        body = DecideApplication(application_id=application_id, decision="approved", caps=(), reason="complete")
        voucher = self.does("city", body)
        self.clock += SECOND  # every service has been told of the voucher before it begins
        return voucher

    def applies(self, lab: str, *lines: ApplicationLine, **contract: Any) -> Any:
        """Both: the voucher."""
        return self.decides(self.asks(lab, *lines, **contract).application_id)

    def claims(self, lab: str, voucher_id: str, number: str, *lines: ApplicationLine, **changes: Any) -> Any:
        """It claims on an invoice of its provider: what the last event says, or the refusal."""
        invoice = Invoice(issuer_tax_id="91110108MA01", number=number, issued_on=self.clock // DAY)
        made = ClaimInvoice(
            voucher_id=voucher_id, amount=None, invoice=invoice, lines=lines, other_support=(), evidence=()
        )
        return self.answer(lab, replace(made, **changes))

    def buys(self, lab: str, price: int, nodes: int = 1) -> tuple[str, int]:
        """A start-up buys two hours of nodes on the market and accepts the delivery: the contract, and what it cost."""
        there: Any = self
        self.does("gpu-1", offer(there, nodes=nodes, price=price))
        known = set(self.state("redemption").contracts)
        self.does(lab, bid(there, programme_id=self.programme_id, limit_price=price, nodes=nodes))
        (contract_id,) = set(self.state("redemption").contracts) - known
        terms = self.state("redemption").contracts[contract_id].terms
        self.clock = max(self.clock, (terms.first_hour + terms.hours) * HOUR + SECOND)
        minutes = terms.nodes * terms.gpus_per_node * 60
        hours = range(terms.first_hour, terms.first_hour + terms.hours)
        readings = tuple(Reading(hour=hour, gpu_minutes=minutes) for hour in hours)
        report = self.does("gpu-1", ReportUsage(contract_id=contract_id, readings=readings))
        self.does(lab, AcceptUsage(report_id=report.report_id))
        return contract_id, terms.price * minutes * terms.hours // 60

    def provider_claims(self, contract_id: str, number: str) -> str:
        """The provider claims the subsidy of a contract: the claim."""
        body = SubmitClaim(programme_id=self.programme_id, invoice_number=number, contract_ids=(contract_id,))
        return str(self.does("gpu-1", body).claim_id)

    def proposes(self, lab: str, voucher_id: str, amount: int, receiver: str, price: int) -> AcceptTransfer:
        """A start-up offers part of its voucher: how that is accepted."""
        body = ProposeTransfer(voucher_id=voucher_id, amount=amount, receiver_id=receiver, price=price)
        return AcceptTransfer(transfer_id=self.does(lab, body).transfer_id)

    def hands_on(
        self, lab: str, voucher_id: str, amount: int, receiver: str, price: int, *, approved: bool = False
    ) -> None:
        """A start-up hands part of its voucher on, with the city's approval if that is asked for."""
        accept = self.proposes(lab, voucher_id, amount, receiver, price)
        if approved:
            self.does("city", ApproveTransfer(transfer_id=accept.transfer_id))
        self.does(receiver, accept)

    def judged(self) -> list[tuple[str, str | None]]:
        """Who was judged by what is attested of it whether it may take a transfer, and why it may not."""
        events = (event for data in self.logs["ledger"] for event in CODEC.decode_entry(data).events)
        return [(each.receiver_id, each.why) for each in events if isinstance(each, TransferJudged)]

    def approves(self, claim_id: str) -> None:
        """The city approves all of a claim."""
        self.does("city", ApproveClaim(claim_id=claim_id, lines=(), rest="ends"))

    def pays(self, claim_id: str, payee: str) -> int:
        """The city settles a claim that it approved, and the bank pays it: how much."""
        settlement = self.does(
            "city", CloseSettlement(programme_id=self.programme_id, claim_ids=(claim_id,), payee_ids=())
        )
        which: dict[str, Any] = {
            "settlement_id": settlement.settlement_id, "provider_id": payee, "paid_on": self.clock // DAY,
        }  # fmt: skip
        shared = self.state("redemption").shared.get((settlement.settlement_id, payee))
        if shared is None:
            whole = ConfirmPayment(amount=settlement.amount, payment_reference=f"B-{claim_id}", **which)
            return int(self.does("bank", whole).amount)
        for part in shared.parts:
            reference = f"B-{claim_id}-{part.payer}"
            self.does("bank", ConfirmShare(payer=part.payer, amount=part.due, payment_reference=reference, **which))
        return sum(part.pays for part in shared.parts)

    def has(self, lab: str, voucher_id: str) -> int:
        """What a start-up has of a voucher."""
        return int(self.state("ledger").accounts.find(owner(lab), voucher_id).available)

    def uncommitted(self) -> int:
        """What the city may still grant."""
        return int(self.state("issuance").programmes[self.programme_id].uncommitted)

    def in_budget(self, account: str) -> int:
        """What an account of the programme's budget has."""
        return int(self.state("ledger").accounts.find(account, budget(self.programme_id)).posted)

    def runs_off(self) -> None:
        """The city lets the programme grant nothing new."""
        self.does("city", BeginRunOff(programme_id=self.programme_id, reason="the programme is over"))

    def closes(self) -> Books:
        """The city closes the programme: its final books, which add up; and all services agree to the end."""
        self.settle()
        self.does("city", CloseProgramme(programme_id=self.programme_id, reason="all is paid"))
        entries, auditor = [CODEC.decode_entry(data) for data in self.logs["ledger"]], Programmes()
        (end,) = [event for entry in entries for event in entry.events if isinstance(event, ProgrammeClosed)]
        assert reconciled(end.books)
        assert [found for entry in entries for found in auditor.differing(entry)] == []
        assert self.in_budget("returned") == end.books.returned
        check_settled(self)
        check_replay(self)
        check_reports(self.logs)
        return end.books
