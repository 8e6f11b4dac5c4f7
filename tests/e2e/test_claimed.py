"""Claims on invoices through all services, as the programmes' own texts have them: Beijing, from rules to payment."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from counterfoil.contract.applications import ApplicationLine
from counterfoil.contract.refusals import Code
from counterfoil.contract.times import DAY, parse_date
from counterfoil.issuance.invoice_commands import PermitClaim
from counterfoil.issuance.invoice_events import InvoiceClaimed
from counterfoil.ledger.chart import budget
from counterfoil.programme.benefit import evaluate
from counterfoil.programme.claiming import case_of
from counterfoil.redemption.commands import (
    ApproveClaim,
    ApprovedLine,
    CloseSettlement,
    RejectClaim,
    Rest,
    ReturnPayment,
)
from counterfoil.vocabulary import CODEC
from tests.lives.test_beijing import SIGNED
from tests.lives.test_beijing import Beijing as City
from tests.lives.town import MILLION, PAPERS, line
from tests.properties.test_world_stateful import check_replay, check_settled


class Beijing(City):
    """Beijing's programme, with papers for each claim."""

    def applies(self, lab: str, amount: int, number: int) -> Any:  # type: ignore[override]
        """A start-up applies on a signed contract of April to December, and the city approves: the voucher."""
        return super().applies(lab, line(amount, "2024-04-01", "2024-12-31"), contract=number, signed=SIGNED)

    def claims(self, lab: str, voucher_id: str, number: str, *lines: ApplicationLine, **changes: Any) -> Any:
        """It claims on an invoice of its provider: what the last event says, or the refusal."""
        return super().claims(lab, voucher_id, number, *lines, **{"evidence": PAPERS, **changes})


def test_beijing_pays_a_fifth_of_what_was_used_two_million_a_year_at_most() -> None:
    city = Beijing()
    # A contract of 12 million gives a voucher of 2 million; of 6 million after that of 6 million, what is left of them.
    assert city.applies("lab-2", 12 * MILLION, 1).face == 2 * MILLION
    first, second = city.applies("lab-1", 6 * MILLION, 2), city.applies("lab-1", 6 * MILLION, 3)
    assert (first.face, second.face) == (12 * MILLION // 10, 8 * MILLION // 10)

    city.on("2024-07-10")
    use = line(2 * MILLION, "2024-04-01", "2024-06-30")
    storage = line(MILLION, "2024-04-01", "2024-06-30", id="l2", sku="STORAGE")
    due = city.claims("lab-1", first.voucher_id, "2024-0042", use, storage)
    assert (due.amount, due.payee_id) == (4 * MILLION // 10, "lab-1")
    assert city.has("lab-1", first.voucher_id) == 8 * MILLION // 10
    city.does("city", ApproveClaim(claim_id=due.claim_id, lines=(), rest="ends"))
    assert city.pays(due.claim_id, "lab-1") == 4 * MILLION // 10
    disbursed = city.state("ledger").accounts.find("disbursed", budget(city.programme_id)).posted
    assert disbursed == 4 * MILLION // 10
    entries = map(CODEC.decode_entry, city.logs["issuance"])
    (claimed,) = [each for entry in entries for each in entry.events if isinstance(each, InvoiceClaimed)]
    rules = city.state("issuance").terms(city.programme_id)
    again = evaluate(rules, case_of(rules, claimed.basis))
    assert (again.subsidy, again.digest) == (claimed.subsidy, claimed.rules_hash), "whoever has the entry judges alike"
    assert any("20 % of 2,000,000 = 400,000" in each.says for each in claimed.explanation)
    assert any(each.says == "STORAGE is excluded" for each in claimed.explanation)
    check_settled(city)
    check_replay(city)


def test_the_use_of_the_last_days_is_claimed_after_the_contract() -> None:
    """Within the days that the document gives; what was used after the contract is not paid."""
    city = Beijing()
    voucher_id = city.applies("lab-1", 6 * MILLION, 2).voucher_id
    city.on("2025-03-01")
    late = city.claims("lab-1", voucher_id, "late", line(MILLION, "2025-01-01", "2025-01-31"))
    assert late.code is Code.NOT_GRANTED
    due = city.claims("lab-1", voucher_id, "last", line(2 * MILLION, "2024-12-01", "2024-12-31"))
    assert due.amount == 4 * MILLION // 10
    city.on("2025-06-29")  # the 180th day after the contract
    assert city.claims("lab-1", voucher_id, "very last", line(MILLION, "2024-12-31", "2024-12-31")).amount > 0
    city.clock += DAY  # and nothing has been swept yet
    gone = city.claims("lab-1", voucher_id, "too late", line(MILLION, "2024-12-31", "2024-12-31"))
    assert gone.code is Code.VOUCHER_EXPIRED
    check_settled(city)
    check_replay(city)


def test_what_is_cut_or_rejected_is_the_vouchers_again_or_the_budgets() -> None:
    city = Beijing()
    voucher_id = city.applies("lab-1", 6 * MILLION, 2).voucher_id
    city.on("2024-07-10")
    use = line(2 * MILLION, "2024-04-01", "2024-06-30")
    cuts: tuple[tuple[Rest, int, int], ...] = (("claimable", 10, 88), ("ends", 6, 90))
    for rest, has, uncommitted in cuts:
        claim_id = city.claims("lab-1", voucher_id, f"cut-{rest}", use).claim_id
        part = ApprovedLine(contract_id=claim_id, amount=2 * MILLION // 10)
        city.does("city", ApproveClaim(claim_id=claim_id, lines=(part,), rest=rest))
        assert city.pays(claim_id, "lab-1") == 2 * MILLION // 10
        assert city.has("lab-1", voucher_id) == has * MILLION // 10
        assert city.state("issuance").programmes[city.programme_id].uncommitted == uncommitted * MILLION // 10
    claim_id = city.claims("lab-1", voucher_id, "rejected", use).claim_id
    city.does("city", RejectClaim(claim_id=claim_id, reason="no certificate", rest="claimable"))
    assert city.has("lab-1", voucher_id) == 6 * MILLION // 10
    again = city.claims("lab-1", voucher_id, "REJECTED", use)  # whose invoice is free again
    city.does("city", RejectClaim(claim_id=again.claim_id, reason="forged", rest="ends"))
    assert city.has("lab-1", voucher_id) == 2 * MILLION // 10
    assert city.claims("lab-1", voucher_id, "rejected", use).code is Code.INVOICE_ALREADY_CLAIMED
    counted = city.state("issuance").counters.entries(city.programme_id, "per-year", "PAID", "lab-1")
    assert sum(each.amount for each in counted) == 4 * MILLION // 10
    check_settled(city)
    check_replay(city)


def test_what_no_bank_pays_counts_back_on_the_last_day_and_the_ceiling_of_law_is_free_again() -> None:
    """The bank sends two payments back in the run-off, one of them twice; the city owes nothing else."""
    ceiling = {"regime": "DE_MINIMIS", "ceiling": "5000000", "months": 36, "counts_on": "PAID"}
    city = Beijing(benefit__regimes=[ceiling])
    voucher_id = city.applies("lab-1", 6 * MILLION, 2).voucher_id
    city.on("2024-07-10")
    paid, twice, once = (
        city.claims("lab-1", voucher_id, number, line(MILLION, "2024-04-01", "2024-06-30")).grant_id
        for number in ("paid", "twice", "once")
    )
    for claim_id in (paid, twice, once):
        city.approves(claim_id)
    city.pays(paid, "lab-1")
    city.runs_off()
    for number, (claim_ids, payees) in enumerate((((twice,), ()), ((once,), ("lab-1",)))):
        settled = city.does(
            "city", CloseSettlement(programme_id=city.programme_id, claim_ids=claim_ids, payee_ids=payees)
        )
        back = ReturnPayment(
            settlement_id=settled.settlement_id,
            provider_id="lab-1",
            return_reference=f"R-{number}",
            reason="account closed",
        )
        city.does("bank", back)

    def counted(cap: str) -> int:
        entries = city.state("issuance").counters.entries(city.programme_id, cap, "PAID", "lab-1")
        return sum(each.amount for each in entries)

    each = 2 * MILLION // 10
    assert counted("per-year") == counted("regime:DE_MINIMIS") == 3 * each
    city.on("2025-07-01")
    assert counted("per-year") == counted("regime:DE_MINIMIS") == each
    claimed = city.state("issuance").claims.claimed
    assert [claimed[claim_id].left for claim_id in (paid, twice, once)] == [each, 0, 0]
    assert (city.closes().lapsed, city.in_budget("disbursed")) == (2 * each, each)


def test_a_claim_is_refused_for_its_reason_and_changes_nothing() -> None:
    city = Beijing()
    first, other = city.applies("lab-1", 6 * MILLION, 2), city.applies("lab-2", 6 * MILLION, 4)
    city.on("2024-07-10")
    use = line(2 * MILLION, "2024-04-01", "2024-06-30")
    assert city.claims("lab-2", other.voucher_id, "A-1", use).amount == 4 * MILLION // 10

    def why(*lines: ApplicationLine, number: str = "B-1", lab: str = "lab-1", **changes: Any) -> Any:
        before = {name: city.root(name) for name in ("issuance", "ledger", "redemption")}
        refusal = city.claims(lab, first.voucher_id, number, *lines, **changes)
        assert {name: city.root(name) for name in before} == before, "no state changed"
        return refusal.code, dict(refusal.detail).get("why")

    paid = 4 * MILLION // 10
    assert why(use, number="a/1") == (Code.INVOICE_ALREADY_CLAIMED, None)
    assert why(use, lab="lab-2") == (Code.UNKNOWN_VOUCHER, None)
    assert why(use, amount=paid + 1) == (Code.NOT_GRANTED, "more_than_is_paid")
    assert why(use, evidence=PAPERS[:2]) == (Code.EVIDENCE_MISSING, None)
    assert why(replace(use, sku="STORAGE")) == (Code.NOT_GRANTED, "sku_excluded")
    assert why(replace(use, provider_id="gpu-2")) == (Code.NOT_GRANTED, "provider_not_listed")
    assert why(replace(use, starts=parse_date("2024-03-31"))) == (Code.NOT_GRANTED, "outside_contract")
    assert why(replace(use, ends=parse_date("2024-07-11"))) == (Code.DATE_IN_FUTURE, None)
    assert why(replace(use, ends=None)) == (Code.PERIOD_NOT_VALID, None)
    assert why(replace(use, tax=use.amount + 1)) == (Code.AMOUNT_TOO_LARGE, None)
    assert why() == (Code.EMPTY_LIST, None)
    assert city.claims("lab-1", first.voucher_id, "B-1", use, amount=paid).amount == paid
    city.on("2024-12-28")
    assert why(use, number="B-2") == (Code.CLAIMS_CLOSED, None)


def test_of_holder_and_provider_one_claims_for_the_same_days() -> None:
    """Qingyang's rule; the provider claims what the holder permits, and is paid."""
    city = Beijing(redemption__claimant="EITHER")
    voucher_id = city.applies("lab-1", 6 * MILLION, 2).voucher_id
    city.on("2024-07-10")
    april, may = line(MILLION, "2024-04-01", "2024-04-30"), line(MILLION, "2024-05-01", "2024-05-31")
    assert city.claims("gpu-1", voucher_id, "P-1", april).code is Code.UNKNOWN_VOUCHER
    fifth = 2 * MILLION // 10
    city.does("lab-1", PermitClaim(voucher_id=voucher_id, provider_id="gpu-1", amount=fifth + 1))
    due = city.claims("gpu-1", voucher_id, "P-1", april)
    assert (due.holder_id, due.payee_id, due.amount) == ("lab-1", "gpu-1", fifth)
    assert city.claims("lab-1", voucher_id, "L-1", may, replace(april, id="l2")).code is Code.USE_ALREADY_CLAIMED
    assert city.claims("lab-1", voucher_id, "L-1", may).payee_id == "lab-1"
    assert city.claims("gpu-1", voucher_id, "P-2", may).code is Code.USE_ALREADY_CLAIMED
    june = line(MILLION, "2024-06-01", "2024-06-30")
    refusal = city.claims("gpu-1", voucher_id, "P-2", june, amount=fifth)
    assert dict(refusal.detail)["why"] == "below_quantum", "one micro-unit is left of what was permitted"
    city.does("city", ApproveClaim(claim_id=due.claim_id, lines=(), rest="ends"))
    assert city.pays(due.claim_id, "gpu-1") == fifth
    assert city.has("lab-1", voucher_id) == 8 * MILLION // 10
    check_settled(city)
    check_replay(city)
