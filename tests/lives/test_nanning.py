"""Nanning 2025: three tenths of what was settled for use in the reference period, claimed afterwards, and divided."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from counterfoil.contract.applications import ContractDays
from counterfoil.contract.invoices import Evidence, Invoice
from counterfoil.contract.times import parse_date
from counterfoil.issuance.commands import CloseWindow, OpenWindow
from counterfoil.issuance.events import ApplicationDecided, VoucherIssued
from counterfoil.issuance.invoice_commands import ClaimAfterUse
from counterfoil.issuance.invoice_events import UseDue, UseGranted
from counterfoil.programme.benefit import evaluate
from counterfoil.programme.claiming import AT_ONCE, case_of
from counterfoil.vocabulary import CODEC
from tests.lives.town import Town, line
from tests.properties.world import YUAN

USED: Final = line(200_000 * YUAN)
"""What was settled for the whole contract."""
PAPERS: Final = tuple(
    Evidence(type=kind, sha256=bytes([number]) * 32)
    for number, kind in enumerate(("CONTRACT", "INVOICE", "PAYMENT_PROOF", "USAGE_STATEMENT"), 1)
)


class Nanning(Town):
    """Nanning's programme of 2025 in January 2026, with two firms of the city; its budget in yuan."""

    def __init__(self, appropriated: int = 50_000_000, **changes: Any) -> None:
        super().__init__("cn-nanning-2025", "2026-01-02", appropriated * YUAN, **changes)
        for lab in ("lab-1", "lab-2"):
            self.attests(lab, operates_in="CN-GX-01", legal_form="ENTERPRISE")

    def takes_claims(self) -> str:
        """The claims of 4 to 23 January 2026 are decided together."""
        opens, closes = parse_date("2026-01-04"), parse_date("2026-01-23")
        opened = OpenWindow(programme_id=self.programme_id, opens=opens, closes=closes, commitment=None)
        return str(self.does("city", opened).window_id)

    def claim(self, number: str = "1", **changes: Any) -> ClaimAfterUse:
        """A claim for what was settled for a contract of two years, 2025 and 2026."""
        contract = ContractDays(
            sha256=bytes([7]) * 32, signed=parse_date("2024-12-20"), starts=parse_date("2025-01-01"),
            ends=parse_date("2026-12-31"),
        )  # fmt: skip
        made = ClaimAfterUse(
            programme_id=self.programme_id, corrects=None, project_id=None, contract=contract,
            invoice=Invoice(issuer_tax_id="91450100MA5", number=number, issued_on=parse_date("2025-12-30")),
            lines=(USED,), other_support=(), evidence=PAPERS,
        )  # fmt: skip
        return replace(made, **changes)

    def claims_use(self, lab: str, number: str = "1", **changes: Any) -> str:
        """A firm claims: its claim's id."""
        return str(self.does(lab, self.claim(number, **changes)).application_id)

    def counts(self, lab: str) -> int:
        """What counts towards the two million of a firm in this year."""
        entries = self.state("issuance").counters.entries(self.programme_id, "per-year", "PAID", lab)
        return sum(each.amount for each in entries)

    def granted(self) -> list[list[Any]]:
        """The events of each entry that granted a claim."""
        entries = map(CODEC.decode_entry, self.logs["issuance"])
        return [list(each.events) for each in entries if any(isinstance(one, UseGranted) for one in each.events)]


def test_three_tenths_of_what_was_settled_are_paid_for_the_days_of_the_reference_period() -> None:
    """The bureau's own example: (305/729) x 20 = 8.3676 and x 30 % = 2.5102, in 10,000 yuan, not rounded up."""
    city = Nanning()
    window = city.takes_claims()
    city.on("2026-01-10")
    claim_id = city.claims_use("lab-1")
    assert city.uncommitted() == 50_000_000 * YUAN, "the budget is committed late"
    assert not city.state("issuance").vouchers, "there is no voucher before"
    city.on("2026-01-24")
    city.does("city", CloseWindow(window_id=window, seed=None))
    (events,) = city.granted()
    decided, issued, granted, due = events
    assert isinstance(decided, ApplicationDecided)
    assert isinstance(issued, VoucherIssued)
    assert isinstance(due, UseDue), "granted, issued and due in one act"
    assert (decided.eligible, decided.subsidy) == (83_676 * YUAN, 25_102 * YUAN)
    assert (issued.face, due.amount, due.claim_id) == (decided.subsidy, decided.subsidy, claim_id)
    said = {each.says for each in decided.explanation}
    assert "305 of 729 days: 200,000 x 305/729 = 83,676.268861..." in said
    assert "25,102.8, truncate to 1: 25,102" in said
    rules = city.state("issuance").terms(city.programme_id)
    again = evaluate(rules, case_of(rules, granted.basis, AT_ONCE, granted.left))
    assert (again.subsidy, again.digest) == (granted.subsidy, granted.rules_hash), "whoever has the entry judges alike"
    assert city.counts("lab-1") == 25_102 * YUAN
    assert city.uncommitted() == (50_000_000 - 25_102) * YUAN
    assert city.has("lab-1", issued.voucher_id) == 0, "nothing is left"
    assert city.pays(claim_id, "lab-1") == 25_102 * YUAN

    city.runs_off()
    books = city.closes()
    assert (books.disbursed, books.lapsed, books.returned) == (25_102 * YUAN, 0, (50_000_000 - 25_102) * YUAN)
