"""Claims after use through all services, as the programme's own text has them: Nanning, from publication to payment."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from counterfoil.contract.applications import ContractDays
from counterfoil.contract.invoices import Evidence, Invoice
from counterfoil.contract.refusals import Code
from counterfoil.contract.times import DAY, parse_date
from counterfoil.issuance.commands import (
    AppropriateBudget,
    AttestFact,
    CloseWindow,
    DecideApplication,
    DemandFourEyes,
    IssueVoucher,
    ListProvider,
    OpenWindow,
    ReturnApplication,
    SubmitApplication,
    WithdrawApplication,
)
from counterfoil.issuance.events import ApplicationDecided, VoucherIssued
from counterfoil.issuance.invoice_commands import ClaimAfterUse
from counterfoil.issuance.invoice_events import UseDue, UseGranted
from counterfoil.ledger.chart import budget, owner
from counterfoil.programme.benefit import evaluate
from counterfoil.programme.claiming import AT_ONCE, case_of
from counterfoil.redemption.commands import (
    ApproveClaim,
    CloseSettlement,
    ConfirmPayment,
    RejectClaim,
    WithdrawApproval,
)
from counterfoil.vocabulary import CODEC
from tests.documents import publishing
from tests.e2e.asking import Asking
from tests.lives.town import line
from tests.programme.given import changed, data
from tests.properties.test_world_stateful import check_replay, check_settled
from tests.properties.world import YUAN

USED: Final = replace(line(200_000 * YUAN, "2025-01-01", "2025-01-01"), starts=None, ends=None)
"""What was settled for the whole contract."""
PAPERS: Final = tuple(
    Evidence(type=kind, sha256=bytes([number]) * 32)
    for number, kind in enumerate(("CONTRACT", "INVOICE", "PAYMENT_PROOF", "USAGE_STATEMENT"), 1)
)


class Nanning(Asking):
    """Nanning's programme of 2025, as its template has it, with two firms of the city."""

    def __init__(self, appropriated: int = 50_000_000, **changes: Any) -> None:
        super().__init__()
        self.on("2026-01-02")
        value = data("cn-nanning-2025")
        for path, new in changes.items():
            value = changed(value, path.replace("__", "."), new)
        for body in publishing(value):
            self.does("city", body)
        self.programme_id = "cn-nanning-2025"
        amount = appropriated * YUAN
        self.does("city", AppropriateBudget(programme_id=self.programme_id, amount=amount, document="2025/1"))
        self.does("city", ListProvider(programme_id=self.programme_id, provider_id="gpu-1"))
        for lab in ("lab-1", "lab-2"):
            for name, value in {"operates_in": "CN-GX-01", "legal_form": "ENTERPRISE"}.items():
                fact = AttestFact(
                    party_id=lab, application_id=None, line=None, name=name, values=(value,), on=self.clock // DAY,
                    source="register",
                )  # fmt: skip
                self.does("city", fact)

    def on(self, day: str) -> None:
        """Noon of a day in Nanning."""
        self.clock = parse_date(day) * DAY + 4 * 3_600 * 1_000_000

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

    def claims(self, lab: str, number: str = "1", **changes: Any) -> str:
        """A firm claims: its claim's id."""
        return str(self.does(lab, self.claim(number, **changes)).application_id)

    def pays(self, claim_id: str, payee: str) -> int:
        """The city settles a claim, and the bank pays it: how much."""
        settlement = self.does(
            "city", CloseSettlement(programme_id=self.programme_id, claim_ids=(claim_id,), payee_ids=())
        )
        paid = self.does("bank", ConfirmPayment(
            settlement_id=settlement.settlement_id, provider_id=payee, amount=settlement.amount,
            payment_reference=f"B-{claim_id}", paid_on=self.clock // DAY,
        ))  # fmt: skip
        return int(paid.amount)

    def uncommitted(self) -> int:
        """What of the budget is not committed."""
        return int(self.state("issuance").programmes[self.programme_id].uncommitted)

    def counts(self, lab: str) -> int:
        """What counts towards the two million of a firm in this year."""
        entries = self.state("issuance").counters.entries(self.programme_id, "per-year", "PAID", lab)
        return sum(each.amount for each in entries)

    def granted(self) -> list[list[Any]]:
        """The events of each entry that granted a claim."""
        entries = map(CODEC.decode_entry, self.logs["issuance"])
        return [list(each.events) for each in entries if any(isinstance(one, UseGranted) for one in each.events)]

    def checks(self) -> None:
        """Everything agrees, and is decided again alike."""
        check_settled(self)
        check_replay(self)


def test_nanning_pays_three_tenths_of_what_was_settled_for_the_days_of_the_reference_period() -> None:
    """The bureau's own example: (305/729) x 20 = 8.3676 and x 30 % = 2.5102, in 10,000 yuan, not rounded up."""
    city = Nanning()
    window = city.takes_claims()
    city.on("2026-01-10")
    claim_id = city.claims("lab-1")
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
    assert city.state("ledger").accounts.find(owner("lab-1"), issued.voucher_id).available == 0, "nothing is left"
    assert city.pays(claim_id, "lab-1") == 25_102 * YUAN
    disbursed = city.state("ledger").accounts.find("disbursed", budget(city.programme_id)).posted
    assert disbursed == 25_102 * YUAN
    city.checks()


def test_a_budget_that_is_too_small_is_divided_among_all_claims_in_proportion() -> None:
    city = Nanning(appropriated=30_000)
    window = city.takes_claims()
    city.on("2026-01-10")
    first, second = city.claims("lab-1"), city.claims("lab-2", "2")
    other_place = city.claims("gpu-2", "3")  # of which nobody says that it does business in Nanning
    city.on("2026-01-24")
    city.does("city", CloseWindow(window_id=window, seed=None))
    entries = map(CODEC.decode_entry, city.logs["issuance"])
    decided = [one for each in entries for one in each.events if isinstance(one, ApplicationDecided)]
    assert {each.application_id: (each.decision, each.subsidy // YUAN) for each in decided} == {
        first: ("approved", 15_000), second: ("approved", 15_000), other_place: ("rejected", 0),
    }  # fmt: skip
    assert (city.pays(first, "lab-1"), city.pays(second, "lab-2")) == (15_000 * YUAN, 15_000 * YUAN)
    granted = [one for each in city.granted() for one in each if isinstance(one, UseGranted)]
    rules = city.state("issuance").terms(city.programme_id)
    for each in granted:
        assert evaluate(rules, case_of(rules, each.basis, AT_ONCE, each.left)).subsidy == each.subsidy
    city.on("2026-01-25")
    assert city.answer("gpu-2", city.claim("3")).code is Code.PROGRAMME_NOT_OPEN
    city.checks()


def test_a_claim_after_use_is_refused_for_its_reason_and_changes_nothing() -> None:
    city = Nanning()

    def why(actor: str, body: Any) -> Any:
        before = {name: city.root(name) for name in ("issuance", "ledger", "redemption")}
        refusal = city.answer(actor, body)
        assert {name: city.root(name) for name in before} == before, "no state changed"
        return refusal.code, dict(refusal.detail).get("why")

    model, application = "POST_USE_REIMBURSEMENT", SubmitApplication(
        programme_id=city.programme_id, corrects=None, project_id=None, lines=(USED,), contract=city.claim().contract,
        other_support=(), evidence=(),
    )  # fmt: skip
    assert why("lab-1", city.claim()) == (Code.CLAIMS_CLOSED, None)
    assert why("lab-1", application) == (Code.NOT_BY_APPLICATION, model)
    issue = IssueVoucher(programme_id=city.programme_id, beneficiary_id="lab-1", amount=YUAN)
    assert why("city", issue) == (Code.DECIDED_BY_APPLICATION, None)
    city.takes_claims()
    city.on("2026-01-10")
    claim = city.claim()
    assert why("lab-1", replace(claim, contract=None)) == (Code.PERIOD_NOT_VALID, None)
    assert why("lab-1", replace(claim, evidence=PAPERS[1:])) == (Code.EVIDENCE_MISSING, None)
    assert why("lab-1", replace(claim, evidence=PAPERS + PAPERS[:1])) == (Code.DUPLICATE_ITEM, None)
    assert why("lab-1", replace(claim, lines=())) == (Code.EMPTY_LIST, None)
    later = replace(claim.invoice, issued_on=parse_date("2026-01-11"))
    assert why("lab-1", replace(claim, invoice=later)) == (Code.DATE_IN_FUTURE, None)
    use = replace(USED, starts=parse_date("2026-01-01"), ends=parse_date("2026-01-11"))
    assert why("lab-1", replace(claim, lines=(use,))) == (Code.DATE_IN_FUTURE, None)
    mine = city.claims("lab-1", "a/1")
    assert why("lab-2", city.claim("A-1")) == (Code.INVOICE_ALREADY_CLAIMED, None)
    assert why("lab-2", city.claim("2", corrects=mine)) == (Code.UNKNOWN_APPLICATION, None)
    city.does("city", ReturnApplication(application_id=mine, reason="no statement"))
    assert why("lab-1", replace(application, corrects=mine)) == (Code.NOT_BY_APPLICATION, model)
    city.does("lab-1", city.claim("A1", corrects=mine))
    city.does("lab-1", WithdrawApplication(application_id=mine, reason="another invoice"))
    city.claims("lab-2", "A-1")  # whose invoice is free again
    city.checks()


def test_what_a_claim_after_use_is_not_paid_is_the_budgets_again() -> None:
    """Decided one by one; an approval that was wrong is withdrawn, and nothing of the claim counts any more."""
    city = Nanning(budget__exhaustion={"mode": "FIRST_COME"}, redemption__claim_within_days=10)
    city.on("2026-01-10")
    claim_id = city.claims("lab-1")
    decide = DecideApplication(application_id=claim_id, decision="approved", caps=(), reason="complete")
    city.does("city", decide)
    assert city.counts("lab-1") == 25_102 * YUAN
    city.does("city", WithdrawApproval(claim_id=claim_id, reason="the invoice is forged"))
    city.does("city", RejectClaim(claim_id=claim_id, reason="forged", rest="claimable"))
    assert (city.counts("lab-1"), city.uncommitted()) == (0, 50_000_000 * YUAN)
    assert city.answer("lab-2", city.claim()).code is Code.INVOICE_ALREADY_CLAIMED
    rejected = city.claims("lab-2", "2")
    city.does("city", replace(decide, application_id=rejected, decision="rejected"))
    city.does("city", DemandFourEyes(programme_id=city.programme_id, act="approval"))
    waits = city.claims("lab-2", "2")
    city.does("city", replace(decide, application_id=waits))
    assert city.state("redemption").claims[waits].status == "submitted", "two approve what is paid"
    for signatory in ("city", "town"):
        city.answer(signatory, ApproveClaim(claim_id=waits, lines=(), rest="ends"))
    city.on("2026-01-11")  # the eleventh day after the reference period
    assert city.answer("lab-1", city.claim("3")).code is Code.CLAIMS_CLOSED
    city.checks()
