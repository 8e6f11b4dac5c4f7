"""Credit notes on claimed invoices, through all services: the claim is cut, or there is evidence once it is settled."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from counterfoil.contract.invoices import Invoice
from counterfoil.contract.refusals import Code
from counterfoil.contract.times import DAY
from counterfoil.issuance.invoice_commands import RecordCreditNote
from counterfoil.redemption.commands import ApproveClaim, ConfirmRecovery, OrderClawback, RejectClaim
from tests.e2e.test_claimed import Beijing
from tests.lives.town import MILLION, line
from tests.properties.test_world_stateful import check_replay, check_settled
from tests.reports.agreeing import check_reports

K: Final = MILLION // 1_000


def note(city: Beijing, claim_id: str, number: str, amount: int, **changes: Any) -> RecordCreditNote:
    """A credit note of who issued the invoice 2024-0042."""
    paper = Invoice(issuer_tax_id="91110108MA01", number=number, issued_on=city.clock // DAY)
    made = RecordCreditNote(claim_id=claim_id, invoice_number="2024-0042", credit_note=paper, amount=amount)
    return replace(made, **changes)


CONTROL: Final[dict[str, Any]] = {
    "clawback": {"grounds": ["CREDIT_NOTE", "FRAUD"], "lookback_months": 12},
    "appeal": {"within_days": 5, "stays": False},
}


def test_a_credit_note_cuts_a_claim_and_is_evidence_for_taking_back_what_is_paid() -> None:
    city = Beijing(control=CONTROL)
    voucher_id = city.applies("lab-1", 6 * MILLION, 2).voucher_id
    city.on("2024-07-10")
    use = line(2 * MILLION, "2024-04-01", "2024-06-30")
    claim_id = city.claims("lab-1", voucher_id, "2024-0042", use).claim_id  # 400,000
    uncommitted = city.state("issuance").programmes[city.programme_id].uncommitted

    def left() -> tuple[int, int]:
        claim = city.state("redemption").claims.get(claim_id)
        owed = city.state("redemption").owed.get((city.programme_id, "lab-1"), 0)
        return 0 if claim is None else claim.terms.amount // K, owed // K

    def counted() -> Any:
        entries = city.state("issuance").counters.entries(city.programme_id, "per-year", "PAID", "lab-1")
        return sum(each.amount for each in entries) // K

    city.does("city", note(city, claim_id, "C-1", 500 * K))  # a quarter of 2 million
    assert (left(), counted()) == ((300, 0), 300)
    city.does("city", ApproveClaim(claim_id=claim_id, lines=(), rest="ends"))
    city.does("city", note(city, claim_id, "C-2", 500 * K))  # a third of what is left of the invoice
    assert (left(), counted()) == ((200, 0), 200)
    assert city.state("redemption").claims[claim_id].status == "approved"
    assert city.state("issuance").programmes[city.programme_id].uncommitted == uncommitted + 200 * K
    assert city.pays(claim_id, "lab-1") == 200 * K

    def credited() -> int:
        return int(200 * K - city.state("redemption").reversible.get(claim_id, 0)) // K

    (settlement_id, _), *_ = city.state("redemption").payments
    order = OrderClawback(
        settlement_id=settlement_id, provider_id="lab-1", ground="CREDIT_NOTE", amount=150 * K, evidence=(bytes(32),),
        reason="credited",
    )  # fmt: skip
    city.does("city", replace(order, ground="FRAUD"))
    assert left() == (0, 150)
    city.does("city", note(city, claim_id, "C-3", 500 * K))
    assert (left(), credited()) == ((0, 150), 100), "half of what was paid is credited, and owed once at most"
    over = city.answer("city", note(city, claim_id, "C-4", 500 * K + 1))
    assert (over.code, dict(over.detail)["left"]) == (Code.EXCEEDS_INVOICE, str(500 * K))
    city.does("city", note(city, claim_id, "C-4", 500 * K))
    assert (left(), credited()) == ((0, 150), 200), "all notes together are what the invoice was for"
    twice = city.answer("city", replace(order, amount=50 * K + 1))
    assert (twice.code, dict(twice.detail)["left"]) == (Code.EXCEEDS_PAID, str(50 * K))
    city.does("city", replace(order, amount=50 * K))
    back = ConfirmRecovery(
        programme_id=city.programme_id, provider_id="lab-1", amount=200 * K, payment_reference="BACK-1"
    )
    city.does("bank", back)
    assert left() == (0, 0)

    other = city.claims("lab-1", voucher_id, "2024-0043", use).claim_id
    city.does("city", note(city, other, "D-1", 2 * MILLION, invoice_number="2024-0043"))
    assert other not in city.state("redemption").claims, "nothing is left of the claim"
    check_settled(city)
    check_replay(city)
    check_reports(city.logs)


def test_what_credit_notes_took_of_an_invoice_stays_taken_when_it_is_claimed_again() -> None:
    city = Beijing()
    voucher_id = city.applies("lab-1", 6 * MILLION, 2).voucher_id
    city.on("2024-07-10")
    whole, rest, less = (line(amount * K, "2024-04-01", "2024-06-30") for amount in (2_000, 800, 300))
    claim_id = city.claims("lab-1", voucher_id, "2024-0042", whole).claim_id
    first = note(city, claim_id, "C-1", 1_200 * K)
    city.does("city", first)
    city.does("city", RejectClaim(claim_id=claim_id, reason="no certificate", rest="claimable"))
    for again, left in ((rest, 800), (less, 300)):
        over = city.claims("lab-1", voucher_id, "2024-0042", replace(again, amount=left * K + 1))
        assert (over.code, dict(over.detail)["left"]) == (Code.EXCEEDS_INVOICE, str(left * K))
        claim_id = city.claims("lab-1", voucher_id, "2024-0042", again).claim_id
        known = city.answer("city", replace(first, claim_id=claim_id))
        assert dict(known.detail)["why"] == "known_before"
        if again is rest:
            city.does("city", note(city, claim_id, "C-2", 500 * K))
            city.does("city", RejectClaim(claim_id=claim_id, reason="no certificate", rest="claimable"))
    assert city.claims("lab-1", voucher_id, "C-1", less).amount, "a note occupies no invoice's number"
    check_settled(city)
    check_replay(city)
    check_reports(city.logs)


def test_a_credit_note_is_refused_for_its_reason_and_changes_nothing() -> None:
    city = Beijing()
    voucher_id = city.applies("lab-1", 6 * MILLION, 2).voucher_id
    city.on("2024-07-10")
    use = line(2 * MILLION, "2024-04-01", "2024-06-30")
    claim_id = city.claims("lab-1", voucher_id, "2024-0042", use).claim_id
    known = note(city, claim_id, "C-1", K)
    city.does("city", known)

    def why(body: RecordCreditNote, actor: str = "city") -> Any:
        before = {name: city.root(name) for name in ("issuance", "ledger", "redemption")}
        refusal = city.answer(actor, body)
        assert {name: city.root(name) for name in before} == before, "no state changed"
        return refusal.code, dict(refusal.detail).get("why")

    other = note(city, claim_id, "C-2", K)
    later = replace(other.credit_note, issued_on=city.clock // DAY + 2)
    assert why(replace(other, claim_id="inv-9-9")) == (Code.UNKNOWN_CLAIM, None)
    assert why(other, "town") == (Code.UNKNOWN_CLAIM, None)
    assert why(replace(other, invoice_number="2024-0041")) == (Code.CREDIT_NOTE_NOT_VALID, "another_invoice")
    assert why(replace(known, amount=2 * K)) == (Code.CREDIT_NOTE_NOT_VALID, "known_before")
    assert why(replace(other, credit_note=later)) == (Code.DATE_IN_FUTURE, None)
    assert why(replace(other, amount=2 * MILLION)) == (Code.EXCEEDS_INVOICE, None)
