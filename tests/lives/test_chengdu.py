"""Chengdu 2025: three fifths of what compute costs is deducted at the provider, five million a year at most."""

from __future__ import annotations

from typing import Any

from counterfoil.contract.refusals import Code
from counterfoil.issuance.commands import IssueVoucher
from counterfoil.ledger.commands import CloseProgramme, WithdrawTransfer
from tests.lives.town import MILLION, Town, line
from tests.properties.world import YUAN


class Chengdu(Town):
    """Chengdu's programme in October 2025, with a budget of 20 million."""

    def __init__(self, **changes: Any) -> None:
        super().__init__("cn-chengdu-2025", "2025-10-09", 20 * MILLION, **changes)
        for lab in ("lab-1", "lab-2"):
            self.attests(lab, registered_in="CN-SC-01")


def test_three_fifths_are_deducted_at_the_provider_which_claims_them() -> None:
    city = Chengdu()
    use = line(MILLION, "2025-10-09", "2026-03-31")
    voucher = city.applies("lab-1", use)
    assert voucher.face == 6 * MILLION // 10
    later = line(12 * MILLION, "2025-10-09", "2026-03-31")
    assert city.applies("lab-1", later).face == 44 * MILLION // 10, "five million a year, less 600,000"

    contract_id, cost = city.buys("lab-1", 10 * YUAN)
    claim_id = city.provider_claims(contract_id, "CD-1")
    city.approves(claim_id)
    assert city.pays(claim_id, "gpu-1") == cost * 60 // 100, "the start-up has paid the rest"

    # The programme is over: nobody is granted anything, and what was granted is spent until it ends.
    city.runs_off()
    issue = IssueVoucher(programme_id=city.programme_id, beneficiary_id="lab-2", amount=MILLION)
    assert city.answer("city", issue).code is Code.PROGRAMME_IN_RUN_OFF
    last_id, last = city.buys("lab-1", 20 * YUAN)
    close = CloseProgramme(programme_id=city.programme_id, reason="all is paid")
    barred = city.answer("city", close)
    assert (barred.code, {name for name, _ in barred.detail}) == (Code.PROGRAMME_STILL_OPEN, {"vouchers", "claims"})
    claim_id = city.provider_claims(last_id, "CD-2")
    city.approves(claim_id)
    assert city.pays(claim_id, "gpu-1") == last * 60 // 100
    city.on("2026-10-12")  # 365 days after the vouchers were issued
    books = city.closes()
    paid = (cost + last) * 60 // 100
    assert (books.appropriated, books.disbursed, books.lapsed) == (20 * MILLION, paid, 0)
    assert books.returned == 20 * MILLION - paid


def test_where_the_city_lets_credit_change_hands_who_is_registered_there_buys_it_and_spends_it() -> None:
    """Chengdu's text with another `transfer.mode`: the year of a voucher goes on in every hand."""
    city = Chengdu(transfer={"mode": "CLOSED_MARKET", "price_rule": "BELOW_PAR_ONLY"})
    voucher = city.applies("lab-1", line(MILLION, "2025-10-09", "2026-03-31"))
    stranger = city.proposes("lab-1", voucher.voucher_id, 5_000 * YUAN, "gpu-2", 3_000 * YUAN)
    city.does("gpu-2", stranger)
    assert city.judged()[-1] == ("gpu-2", "receiver_fact_not_attested"), "it may take it once that is attested"
    city.attests("gpu-2", registered_in="CN-BJ")
    city.does("gpu-2", stranger)
    assert city.judged()[-1] == ("gpu-2", "receiver_not_eligible")
    city.does("lab-1", WithdrawTransfer(transfer_id=stranger.transfer_id))

    city.hands_on("lab-1", voucher.voucher_id, 5_000 * YUAN, "lab-2", 3_000 * YUAN)
    assert city.judged()[-1] == ("lab-2", None)
    contract_id, cost = city.buys("lab-2", 10 * YUAN)
    assert city.has("lab-2", voucher.voucher_id) == 5_000 * YUAN - cost * 60 // 100
    claim_id = city.provider_claims(contract_id, "CD-1")
    city.approves(claim_id)
    city.pays(claim_id, "gpu-1")
    city.runs_off()
    city.on("2026-10-12")
    assert city.closes().disbursed == cost * 60 // 100
