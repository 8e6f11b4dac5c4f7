"""IndiaAI 2025: a discount on metered use, forty percent or all, until the project's maximum, applied for by month.

What the system does not do of the text: the discount is claimed by the month, with the usage record, not taken off each
hour; and the lowest bid of the tender, to which prices are cut, is what the issuer knows, and no rule.
"""

from __future__ import annotations

from typing import Any, Final

from counterfoil.contract.applications import CapSet
from counterfoil.contract.invoices import Evidence, Invoice
from counterfoil.contract.refusals import Code
from counterfoil.contract.times import DAY, parse_date
from counterfoil.issuance.commands import (
    AttestFact,
    CloseWindow,
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
from counterfoil.vocabulary import CODEC
from tests.lives.town import Town, line
from tests.possession import proven

RUPEE: Final = 1_000_000
REVIEWERS: Final = ("category-verifier", "pmec")
PAPERS: Final = tuple(
    Evidence(type=kind, sha256=bytes([number]) * 32) for number, kind in enumerate(("USAGE_RECORD", "INVOICE"), 1)
)


class IndiaAI(Town):
    """The portal in April 2025, with a budget of ten million; its tender's provider is gpu-1."""

    def __init__(self) -> None:
        super().__init__("in-indiaai-compute-2025", "2025-04-01", 10_000_000 * RUPEE)
        for number, name in enumerate(REVIEWERS, 80):
            self.does("operator", RegisterParty(
                party_id=name, name=f"IndiaAI {name}", roles=("issuer",), group_id=name,
                key=proven(number, name, self.host), recovery_key=None, looks_like=None,
            ))  # fmt: skip
        for lab in ("lab-1", "lab-2"):
            self.attests(lab, recognised_as="DPIIT_STARTUP")

    def asks_with(self, lab: str, amount: int, maximum: int, reviewer: int, **facts: str) -> str:
        """An application, complete for the window: facts, the review of its size, the project's maximum, a score."""
        asked = SubmitApplication(
            programme_id=self.programme_id, corrects=None, project_id=f"model-of-{lab}",
            lines=(line(amount * RUPEE),), contract=None, other_support=(), evidence=(),
        )  # fmt: skip
        application = str(self.does(lab, asked).application_id)
        for name, value in {"ends_on": "2025-12-31", **facts}.items():
            self.does("city", AttestFact(
                party_id=lab, application_id=application, line=None, name=name, values=(value,),
                on=self.clock // DAY, source="portal",
            ))  # fmt: skip
        by = REVIEWERS[reviewer]
        self.does(by, ReviewApplication(application_id=application, step=reviewer, passes=True, reason="in scope"))
        self.does("city", SetApplicationCaps(
            application_id=application, caps=(CapSet(cap="project", amount=maximum * RUPEE),)
        ))  # fmt: skip
        self.does(by, ScoreApplication(application_id=application, points=80 * RUPEE, reason="read"))
        return application

    def discounts(self, voucher_id: str, number: str, amount: int, start: str, end: str, **changes: Any) -> Any:
        """The provider claims the discount that it gave on metered use: what is claimed, or the refusal."""
        return self.claims(
            "gpu-1", voucher_id, number, line(amount * RUPEE, start, end), **{"evidence": PAPERS, **changes}
        )

    def receives(self, claim_id: str) -> int:
        """The claim is approved, settled and paid to the provider: how many rupees."""
        self.approves(claim_id)
        return self.pays(claim_id, "gpu-1") // RUPEE

    def rupees(self, lab: str, voucher_id: str) -> int:
        """What a start-up has of a voucher."""
        return self.has(lab, voucher_id) // RUPEE

    def said(self, kind: type) -> list[Any]:
        """All events of a kind that issuance decided."""
        entries = map(CODEC.decode_entry, self.logs["issuance"])
        return [each for entry in entries for each in entry.events if isinstance(each, kind)]


def test_a_project_gets_forty_percent_a_foundation_model_all_until_its_maximum() -> None:
    india = IndiaAI()
    window = india.does("city", OpenWindow(
        programme_id=india.programme_id, opens=parse_date("2025-04-01"), closes=parse_date("2025-04-25"),
        commitment=None,
    ))  # fmt: skip
    # Up to 5,000 GPU-hours and 50 GPUs the category's verifier decides, above that the committee.
    small = india.asks_with("lab-1", 400_000, 60_000, 0, gpu_hours="5000", gpus="50", track="GENERAL")
    large = india.asks_with("lab-2", 300_000, 250_000, 1, gpu_hours="5001", gpus="50", track="FOUNDATION_MODEL")
    assert india.answer("city", CloseWindow(window_id=window.window_id, seed=None)).code is Code.WINDOW_STILL_OPEN
    india.on("2025-05-05")
    india.does("city", CloseWindow(window_id=window.window_id, seed=None))
    decided = {each.application_id: each for each in india.said(ApplicationDecided)}
    assert {each.decision for each in decided.values()} == {"approved"}
    vouchers = {each: decided[each].voucher_id or "" for each in (small, large)}
    assert (india.rupees("lab-1", vouchers[small]), india.rupees("lab-2", vouchers[large])) == (160_000, 300_000)
    india.on("2025-05-06")
    for lab, application in (("lab-1", small), ("lab-2", large)):
        permit = PermitClaim(voucher_id=vouchers[application], provider_id="gpu-1", amount=300_000 * RUPEE)
        india.does(lab, permit)

    # Metered 100,000: 40,000 are the programme's, of a foundation model all 100,000; the user pays the rest.
    india.on("2025-06-10")
    general = india.discounts(vouchers[small], "1", 100_000, "2025-05-10", "2025-05-31")
    foundation = india.discounts(vouchers[large], "2", 100_000, "2025-05-10", "2025-05-31")
    assert (general.amount, foundation.amount) == (40_000 * RUPEE, 100_000 * RUPEE)
    assert (india.receives(general.claim_id), india.receives(foundation.claim_id)) == (40_000, 100_000)

    # Until the project's maximum, to the rupee; then the discount ends, whatever the voucher still has.
    india.on("2025-07-10")
    rest = india.discounts(vouchers[small], "3", 100_000, "2025-06-01", "2025-06-30")
    assert rest.amount == 20_000 * RUPEE
    assert india.receives(rest.claim_id) == 20_000
    over = india.discounts(vouchers[small], "4", 100_000, "2025-07-01", "2025-07-09")
    assert dict(over.detail)["why"] == "cap_reached"
    assert india.rupees("lab-1", vouchers[small]) == 100_000
    says = [step.says for each in india.said(InvoiceClaimed) for step in each.explanation]
    for rate in ("40 % of 100,000 = 40,000", "100 % of 100,000 = 100,000"):
        assert any(rate in each for each in says)

    # No claim without its papers, outside the claim days, by the user itself, or for use after the project.
    use = ("5", 1_000, "2025-07-01", "2025-07-09")
    assert india.discounts(vouchers[large], *use, evidence=PAPERS[:1]).code is Code.EVIDENCE_MISSING
    by_user = ClaimInvoice(
        voucher_id=vouchers[large], amount=None, other_support=(), evidence=PAPERS,
        lines=(line(1_000 * RUPEE, "2025-07-01", "2025-07-09"),),
        invoice=Invoice(issuer_tax_id="07AAACG1", number="5", issued_on=india.clock // DAY),
    )  # fmt: skip
    assert india.answer("lab-2", by_user).code is Code.NOT_CLAIMED_BY_INVOICE
    india.on("2025-07-29")
    assert india.discounts(vouchers[large], *use).code is Code.CLAIMS_CLOSED
    india.runs_off()
    india.on("2026-01-02")
    assert india.discounts(vouchers[large], *use).code is Code.UNKNOWN_VOUCHER, "it ended with its project"
    books = india.closes()
    assert books.disbursed == 160_000 * RUPEE
    assert books.returned + books.lapsed == (10_000_000 - 160_000) * RUPEE
