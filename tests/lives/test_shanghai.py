"""Shanghai 2025: compute, model and corpus vouchers, each from an envelope of its own, claimed by the quarter.

What the system does not do of the text: the claims of a quarter are taken on each of its days, since the source names
none, and are decided one by one instead of together. City and district each pay half of each claim.
"""

from __future__ import annotations

from typing import Any

from counterfoil.contract.refusals import Code
from counterfoil.issuance.events import ApplicationDecided
from counterfoil.ledger.commands import ProposeTransfer
from counterfoil.vocabulary import CODEC
from tests.lives.town import MILLION, Town, line

RENT = {"starts": "2025-10-01", "ends": "2026-09-30"}


class Shanghai(Town):
    """Shanghai's programme in September 2025; lab-2 is an early and small firm."""

    def __init__(self, **changes: Any) -> None:
        super().__init__("cn-shanghai-2025", "2025-09-01", 40 * MILLION, **changes)
        self.attests("lab-1", registered_in="CN-SH", early_small="false")
        self.attests("lab-2", registered_in="CN-SH", early_small="true")

    def decided(self) -> list[ApplicationDecided]:
        """The decisions on applications, in order."""
        events = (event for data in self.logs["issuance"] for event in CODEC.decode_entry(data).events)
        return [event for event in events if isinstance(event, ApplicationDecided)]


def test_each_instrument_has_its_share_its_cap_and_its_envelope() -> None:
    city = Shanghai()
    rent = line(MILLION, **RENT)
    model = line(12 * MILLION, **RENT, sku="MODEL_API", instrument="MODEL")
    corpus = line(MILLION, **RENT, sku="CORPUS", instrument="DATA")
    vouchers: dict[str, Any] = {
        "rent": city.applies("lab-1", rent, contract=1, signed="2025-09-01"),
        "early": city.applies("lab-2", rent, contract=2, signed="2025-09-01"),
        "model": city.applies("lab-1", model, contract=3, signed="2025-09-01"),
        "corpus": city.applies("lab-1", corpus, contract=4, signed="2025-09-01"),
    }
    faces = {name: each.face for name, each in vouchers.items()}
    # 30 % of the rent, all of it for the early and small; half of a model, 5 million a year at most; 30 % of a corpus.
    assert faces == {
        "rent": 3 * MILLION // 10, "early": MILLION, "model": 5 * MILLION, "corpus": 3 * MILLION // 10,
    }  # fmt: skip
    first = city.decided()[0]
    assert {(each.payer, each.amount) for each in first.payers} == {
        ("city", 15 * MILLION // 100), ("district", 15 * MILLION // 100),
    }  # fmt: skip

    # A quarter of the rent is claimed when that quarter is over.
    city.on("2026-01-05")
    quarter = line(MILLION // 4, "2025-10-01", "2025-12-31")
    due = city.claims("lab-1", vouchers["rent"].voucher_id, "SH-1", quarter)
    assert due.amount == 75 * MILLION // 1000
    city.approves(due.claim_id)
    paid = city.pays(due.claim_id, "lab-1")
    early = city.claims("lab-2", vouchers["early"].voucher_id, "SH-2", quarter)
    city.approves(early.claim_id)
    paid += city.pays(early.claim_id, "lab-2")
    assert paid == 325 * MILLION // 1000
    late = line(MILLION // 4, "2025-10-01", "2025-10-02")
    city.on("2026-01-07")
    assert city.claims("lab-1", vouchers["rent"].voucher_id, "SH-3", late).code is Code.CLAIMS_CLOSED

    city.runs_off()
    city.on("2026-09-03")  # the vouchers' year is over, and what they had not paid may be granted again, by nobody
    books = city.closes()
    assert (books.disbursed, books.lapsed, books.returned) == (paid, 0, 40 * MILLION - paid)


def test_where_the_city_lets_credit_change_hands_a_rest_is_claimed_by_who_took_it_over() -> None:
    """Shanghai's text with another `transfer.mode`: what the firm does not need it gives to another, for nothing.

    That is judged by what is attested of itself: of an early and small firm all of the rent is paid.
    """
    approved = {"mode": "ISSUER_APPROVED", "price_rule": "GIFT_ONLY", "max_hops": 1}
    city = Shanghai(transfer=approved)
    voucher = city.applies("lab-1", line(MILLION, **RENT), contract=1, signed="2025-09-01")
    city.hands_on("lab-1", voucher.voucher_id, MILLION // 10, "lab-2", 0, approved=True)
    on = ProposeTransfer(voucher_id=voucher.voucher_id, amount=1, receiver_id="lab-1", price=0)
    assert dict(city.answer("lab-2", on).detail)["why"] == "too_many_hops"
    city.on("2026-01-05")
    quarter = line(MILLION // 20, "2025-10-01", "2025-12-31")
    due = city.claims("lab-2", voucher.voucher_id, "SH-1", quarter)
    assert due.amount == MILLION // 20, "the firm before it would have got 30 %"
    city.approves(due.claim_id)
    assert city.pays(due.claim_id, "lab-2") == MILLION // 20
    assert city.has("lab-2", voucher.voucher_id) == MILLION // 20
    city.runs_off()
    city.on("2026-09-03")
    assert city.closes().disbursed == MILLION // 20
