"""Beijing 2023: a fifth of a contract, two million a year at most, claimed on the invoice when it was used and paid.

What the system does not do of the text: the evidence is a hash of each paper, which nobody but the city looks into.
"""

from __future__ import annotations

from typing import Any

from counterfoil.contract.refusals import Code
from tests.lives.town import MILLION, PAPERS, Town, line

SIGNED = "2024-02-20"


class Beijing(Town):
    """Beijing's programme of 2023 in March 2024, with two start-ups of the city."""

    def __init__(self, **changes: Any) -> None:
        super().__init__("cn-beijing-2023", "2024-03-01", 10 * MILLION, **changes)
        for lab in ("lab-1", "lab-2"):
            self.attests(
                lab, registered_in="CN-BJ", legal_form="ENTERPRISE", industry="MANUFACTURING",
                other_municipal_subsidy="false",
            )  # fmt: skip


def test_a_fifth_of_a_contract_is_granted_and_paid_when_it_was_used() -> None:
    city = Beijing()
    whole = line(6 * MILLION, "2024-04-01", "2024-12-31")
    voucher = city.applies("lab-1", whole, contract=1, signed=SIGNED)
    assert voucher.face == 12 * MILLION // 10
    city.on("2024-07-10")
    due = city.claims(
        "lab-1", voucher.voucher_id, "2024-0042", line(2 * MILLION, "2024-04-01", "2024-06-30"), evidence=PAPERS
    )
    city.approves(due.claim_id)
    assert city.pays(due.claim_id, "lab-1") == 4 * MILLION // 10
    later = line(6 * MILLION, "2024-08-01", "2024-12-31")
    waiting = city.asks("lab-2", later, contract=2, signed="2024-07-01")
    city.runs_off()
    other = city.asks("lab-2", later, contract=3, signed="2024-07-01")
    assert other.code is Code.PROGRAMME_IN_RUN_OFF
    assert city.decides(waiting.application_id).face == 12 * MILLION // 10, "who has applied is decided on as before"
    city.on("2025-07-01")  # the vouchers have ended with the days to claim after the contract
    books = city.closes()
    assert (books.disbursed, books.lapsed, books.returned) == (4 * MILLION // 10, 0, 96 * MILLION // 10)
