"""Credit notes on invoices that were claimed, through all services: the claim is cut, or owed once it is being paid."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from counterfoil.contract.invoices import Invoice
from counterfoil.contract.refusals import Code
from counterfoil.contract.times import DAY
from counterfoil.issuance.invoice_commands import RecordCreditNote
from counterfoil.redemption.commands import ApproveClaim, ConfirmRecovery
from tests.e2e.test_claimed import Beijing
from tests.lives.town import MILLION, line
from tests.properties.test_world_stateful import check_replay, check_settled

K: Final = MILLION // 1_000


def note(city: Beijing, claim_id: str, number: str, amount: int, **changes: Any) -> RecordCreditNote:
    """A credit note of who issued the invoice 2024-0042."""
    paper = Invoice(issuer_tax_id="91110108MA01", number=number, issued_on=city.clock // DAY)
    made = RecordCreditNote(claim_id=claim_id, invoice_number="2024-0042", credit_note=paper, amount=amount)
    return replace(made, **changes)


def test_a_credit_note_cuts_a_claim_and_is_owed_of_one_that_is_paid() -> None:
    city = Beijing()
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

    city.does("city", note(city, claim_id, "C-3", 500 * K))
    assert left() == (0, 100), "half of what was paid is owed"
    over = city.answer("city", note(city, claim_id, "C-4", 500 * K + 1))
    assert (over.code, dict(over.detail)["left"]) == (Code.EXCEEDS_INVOICE, str(500 * K))
    city.does("city", note(city, claim_id, "C-4", 500 * K))
    assert left() == (0, 200), "all notes together are what the invoice was for"
    back = ConfirmRecovery(
        programme_id=city.programme_id, provider_id="lab-1", amount=200 * K, payment_reference="BACK-1"
    )
    city.does("bank", back)
    assert left() == (0, 0)

    other = city.claims("lab-1", voucher_id, "2024-0043", use).claim_id
    city.does("city", note(city, other, "D-1", 2 * MILLION, invoice_number="2024-0043"))
    assert other not in city.state("redemption").claims, "nothing is left of the claim"
    assert city.claims("lab-1", voucher_id, "c/4", use).code is Code.INVOICE_ALREADY_CLAIMED
    check_settled(city)
    check_replay(city)


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
