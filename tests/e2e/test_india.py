"""IndiaAI through all services, as its texts have it: a discount on metered use until the project's maximum."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from counterfoil.contract.applications import ApplicationLine, CapSet
from counterfoil.contract.invoices import Evidence, Invoice
from counterfoil.contract.refusals import Code
from counterfoil.contract.times import DAY, HOUR, parse_date
from counterfoil.issuance.commands import (
    AppropriateBudget,
    AttestFact,
    CloseWindow,
    ListProvider,
    OpenWindow,
    RegisterParty,
    ReviewApplication,
    ScoreApplication,
    SetApplicationCaps,
    SubmitApplication,
)
from counterfoil.issuance.events import ApplicationDecided
from counterfoil.issuance.invoice_commands import ClaimInvoice, PermitClaim
from counterfoil.issuance.invoice_events import InvoiceClaimed
from counterfoil.ledger.chart import budget, owner
from counterfoil.redemption.commands import ApproveClaim, CloseSettlement, ConfirmPayment
from counterfoil.vocabulary import CODEC
from tests.documents import publishing
from tests.e2e.asking import Asking
from tests.possession import proven
from tests.programme.given import data
from tests.properties.test_world_stateful import check_replay, check_settled

RUPEE: Final = 1_000_000
INDIA: Final = "in-indiaai-compute-2025"
REVIEWERS: Final = ("category-verifier", "pmec")
PAPERS: Final = tuple(
    Evidence(type=kind, sha256=bytes([number]) * 32) for number, kind in enumerate(("USAGE_RECORD", "INVOICE"), 1)
)


class India(Asking):
    """The portal in April 2025: two start-ups, and the empanelled provider gpu-1."""

    def __init__(self) -> None:
        super().__init__()
        self.on("2025-04-01")
        for body in publishing(data(INDIA)):
            self.does("city", body)
        self.does("city", AppropriateBudget(programme_id=INDIA, amount=10_000_000 * RUPEE, document="IndiaAI/1"))
        self.does("city", ListProvider(programme_id=INDIA, provider_id="gpu-1"))
        for number, name in enumerate(REVIEWERS, 80):
            self.does("operator", RegisterParty(
                party_id=name, name=f"IndiaAI {name}", roles=("issuer",), group_id=name,
                key=proven(number, name, self.host), recovery_key=None, looks_like=None,
            ))  # fmt: skip
        for lab in ("lab-1", "lab-2"):
            self.states(lab, None, recognised_as="DPIIT_STARTUP")

    def on(self, day: str) -> None:
        """Noon of a day in Delhi."""
        self.clock = parse_date(day) * DAY + 6 * HOUR + HOUR // 2
        self.settle()

    def states(self, lab: str, application: str | None, **facts: str) -> None:
        """The issuer attests facts of a start-up, or of its project."""
        for name, value in facts.items():
            self.does("city", AttestFact(
                party_id=lab, application_id=application, line=None, name=name, values=(value,),
                on=self.clock // DAY, source="portal",
            ))  # fmt: skip

    def applies(self, lab: str, amount: int, maximum: int, reviewer: int, **facts: str) -> str:
        """An application, complete for the window: facts, the review of its size, the project's maximum, a score."""
        asked = SubmitApplication(
            programme_id=INDIA, corrects=None, project_id=f"model-of-{lab}", lines=(metered(amount, None, None),),
            contract=None, other_support=(), evidence=(),
        )  # fmt: skip
        application = str(self.does(lab, asked).application_id)
        self.states(lab, application, ends_on="2025-12-31", **facts)
        by = REVIEWERS[reviewer]
        self.does(by, ReviewApplication(application_id=application, step=reviewer, passes=True, reason="in scope"))
        self.does("city", SetApplicationCaps(
            application_id=application, caps=(CapSet(cap="project", amount=maximum * RUPEE),)
        ))  # fmt: skip
        self.does(by, ScoreApplication(application_id=application, points=80 * RUPEE, reason="read"))
        return application

    def claims(self, voucher_id: str, number: str, amount: int, start: str, end: str, **changes: Any) -> Any:
        """The provider claims the discount that it gave on metered use: what is claimed, or the refusal."""
        invoice = Invoice(issuer_tax_id="07AAACG1", number=number, issued_on=self.clock // DAY)
        made = ClaimInvoice(
            voucher_id=voucher_id, amount=None, invoice=invoice, other_support=(), evidence=PAPERS,
            lines=(metered(amount, start, end),),
        )  # fmt: skip
        return self.answer("gpu-1", replace(made, **changes))

    def pays(self, claim_id: str) -> int:
        """The claim is approved, settled and paid to the provider: how much."""
        self.does("city", ApproveClaim(claim_id=claim_id, lines=(), rest="ends"))
        settled = self.does("city", CloseSettlement(programme_id=INDIA, claim_ids=(claim_id,), payee_ids=()))
        paid = self.does("bank", ConfirmPayment(
            settlement_id=settled.settlement_id, provider_id="gpu-1", amount=settled.amount,
            payment_reference=f"B-{claim_id}", paid_on=self.clock // DAY,
        ))  # fmt: skip
        return int(paid.amount) // RUPEE

    def has(self, lab: str, voucher_id: str) -> int:
        """What a start-up has of a voucher, in rupees."""
        return int(self.state("ledger").accounts.find(owner(lab), voucher_id).available) // RUPEE


def metered(amount: int, start: str | None, end: str | None) -> ApplicationLine:
    """Use of designated compute of the provider gpu-1, for so many rupees."""
    return ApplicationLine(
        id="l1", sku="GPU_COMPUTE", instrument="COMPUTE", amount=amount * RUPEE, tax=0, quantity=0, unit=None,
        class_id=None, region=None, provider_id="gpu-1", starts=None if start is None else parse_date(start),
        ends=None if end is None else parse_date(end),
    )  # fmt: skip


def test_a_project_gets_forty_percent_a_foundation_model_all_until_its_maximum() -> None:
    india = India()
    window = india.does("city", OpenWindow(
        programme_id=INDIA, opens=parse_date("2025-04-01"), closes=parse_date("2025-04-25"), commitment=None
    ))  # fmt: skip
    # Up to 5,000 GPU-hours and 50 GPUs the category's verifier decides, above that the committee.
    small = india.applies("lab-1", 400_000, 60_000, 0, gpu_hours="5000", gpus="50", track="GENERAL")
    large = india.applies("lab-2", 300_000, 250_000, 1, gpu_hours="5001", gpus="50", track="FOUNDATION_MODEL")
    assert india.answer("city", CloseWindow(window_id=window.window_id, seed=None)).code is Code.WINDOW_STILL_OPEN
    india.on("2025-05-05")
    india.does("city", CloseWindow(window_id=window.window_id, seed=None))
    entries = map(CODEC.decode_entry, india.logs["issuance"])
    decided = {
        each.application_id: each for entry in entries for each in entry.events if isinstance(each, ApplicationDecided)
    }
    assert {each.decision for each in decided.values()} == {"approved"}
    vouchers = {each: decided[each].voucher_id or "" for each in (small, large)}
    assert (india.has("lab-1", vouchers[small]), india.has("lab-2", vouchers[large])) == (160_000, 300_000)
    india.on("2025-05-06")
    for lab, application in (("lab-1", small), ("lab-2", large)):
        permit = PermitClaim(voucher_id=vouchers[application], provider_id="gpu-1", amount=300_000 * RUPEE)
        india.does(lab, permit)

    # Metered 100,000: 40,000 are the programme's, of a foundation model all 100,000; the user pays the rest.
    india.on("2025-06-10")
    general = india.claims(vouchers[small], "1", 100_000, "2025-05-10", "2025-05-31")
    foundation = india.claims(vouchers[large], "2", 100_000, "2025-05-10", "2025-05-31")
    assert (general.amount, foundation.amount) == (40_000 * RUPEE, 100_000 * RUPEE)
    assert india.pays(general.claim_id) == 40_000
    assert india.pays(foundation.claim_id) == 100_000

    # Until the project's maximum, to the rupee; then the discount ends, whatever the voucher still has.
    india.on("2025-07-10")
    rest = india.claims(vouchers[small], "3", 100_000, "2025-06-01", "2025-06-30")
    assert rest.amount == 20_000 * RUPEE
    assert india.pays(rest.claim_id) == 20_000
    over = india.claims(vouchers[small], "4", 100_000, "2025-07-01", "2025-07-09")
    assert dict(over.detail)["why"] == "cap_reached"
    assert india.has("lab-1", vouchers[small]) == 100_000

    # No claim without its papers, outside the claim days, by the user itself, or for use after the project.
    use = ("5", 1_000, "2025-07-01", "2025-07-09")
    assert india.claims(vouchers[large], *use, evidence=PAPERS[:1]).code is Code.EVIDENCE_MISSING
    by_user = ClaimInvoice(
        voucher_id=vouchers[large], amount=None, other_support=(), evidence=PAPERS,
        lines=(metered(1_000, "2025-07-01", "2025-07-09"),),
        invoice=Invoice(issuer_tax_id="07AAACG1", number="5", issued_on=india.clock // DAY),
    )  # fmt: skip
    assert india.answer("lab-2", by_user).code is Code.NOT_CLAIMED_BY_INVOICE
    india.on("2025-07-29")
    assert india.claims(vouchers[large], *use).code is Code.CLAIMS_CLOSED
    india.on("2026-01-02")
    assert india.claims(vouchers[large], *use).code is Code.UNKNOWN_VOUCHER, "it ended with its project"
    accounts = india.state("ledger").accounts
    assert accounts.find("disbursed", budget(INDIA)).posted == 160_000 * RUPEE
    assert len(list(claimed(india))) == 3
    check_settled(india)
    check_replay(india)


def claimed(india: India) -> list[InvoiceClaimed]:
    """All claims, each with the step that says its share."""
    entries = map(CODEC.decode_entry, india.logs["issuance"])
    found = [each for entry in entries for each in entry.events if isinstance(each, InvoiceClaimed)]
    assert any("40 % of 100,000 = 40,000" in step.says for each in found for step in each.explanation)
    assert any("100 % of 100,000 = 100,000" in step.says for each in found for step in each.explanation)
    return found
