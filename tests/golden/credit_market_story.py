"""The part of the golden story about the credit market: orders of a series, trades, and what leaves its book."""

from __future__ import annotations

from typing import Any

from counterfoil.contract.refusals import Code
from counterfoil.contract.times import DAY, SECOND
from counterfoil.issuance.commands import AppropriateBudget, AttestFact, IssueVoucher, PauseProgramme, ResumeProgramme
from counterfoil.ledger.credit_book import month_of
from counterfoil.ledger.credit_commands import BidForCredit, CancelCreditOrder, OfferCredit
from tests.documents import document, publishing
from tests.golden.steps import done, refused
from tests.golden.world import GoldenWorld
from tests.properties.world import YUAN

OPEN, JUDGED = "p85", "p86"


def tell(world: GoldenWorld) -> None:
    """A book where anybody buys, and one where issuance is asked whether the buyer may."""
    voucher_id = _programme(world, OPEN, mode="OPEN", fee="1%")
    first = _offer(world, voucher_id, 100, 9_000)
    _offer(world, voucher_id, 50, 9_500)
    _bid(world, voucher_id, 120, 9_200)
    refused(world, "lab-2", Code.UNKNOWN_ORDER, CancelCreditOrder(order_id=first))
    rest = _bid(world, voucher_id, 10, 8_000)
    done(world, "lab-2", CancelCreditOrder(order_id=rest))
    _offer(world, voucher_id, 10, 9_100, tif="IOC")
    for body, code in (
        (_selling(voucher_id, 1, 4_999), Code.PRICE_OUTSIDE_COLLAR),
        (
            OfferCredit(voucher_id=voucher_id, amount=YUAN + 1, price_bps=9_000, time_in_force="GTC"),
            Code.AMOUNT_OFF_TICK,
        ),
    ):
        refused(world, "lab-1", code, body)
    done(world, "city", PauseProgramme(programme_id=OPEN, reason="inquiry"))
    world.settle()
    refused(world, "lab-1", Code.PROGRAMME_PAUSED, _selling(voucher_id, 1, 9_000))
    done(world, "city", ResumeProgramme(programme_id=OPEN, reason="answered"))
    world.settle()
    _judged(world)


def _judged(world: GoldenWorld) -> None:
    """Nobody has said whether the buyer is a bank: its bid leaves; once somebody has, it buys."""
    bank = {"id": "bank", "when": {"fact": "licensed_bank", "is": True}}
    voucher_id = _programme(world, JUDGED, mode="CLOSED_MARKET", eligibility=[bank])
    _offer(world, voucher_id, 100, 9_000)
    _bid(world, voucher_id, 60, 9_000)
    done(world, "operator", AttestFact(
        party_id="lab-2", application_id=None, line=None, name="licensed_bank", values=("true",), on=world.clock // DAY,
        source="register",
    ))  # fmt: skip
    world.settle()
    _bid(world, voucher_id, 60, 9_000)


def _programme(world: GoldenWorld, programme_id: str, *, mode: str, fee: str = "0%", **other: Any) -> str:
    """A programme with a book, and a voucher of it that is valid."""
    done(world, "city", *publishing(document(id=programme_id, transfer={"mode": mode, "fee": fee}, **other)))
    done(world, "city", AppropriateBudget(programme_id=programme_id, amount=900 * YUAN, document=programme_id))
    issue = IssueVoucher(programme_id=programme_id, beneficiary_id="lab-1", amount=900 * YUAN)
    voucher_id = str(done(world, "city", issue).voucher_id)
    world.clock += SECOND
    world.settle()
    return voucher_id


def _selling(voucher_id: str, amount: int, price_bps: int, tif: Any = "GTC") -> OfferCredit:
    return OfferCredit(voucher_id=voucher_id, amount=amount * YUAN, price_bps=price_bps, time_in_force=tif)


def _offer(world: GoldenWorld, voucher_id: str, amount: int, price_bps: int, tif: Any = "GTC") -> str:
    """An offer of lab-1, and what follows from it."""
    order_id = str(done(world, "lab-1", _selling(voucher_id, amount, price_bps, tif)).order_id)
    world.settle()
    return order_id


def _bid(world: GoldenWorld, voucher_id: str, amount: int, price_bps: int) -> str:
    """A bid for the series of a voucher, and what follows from it."""
    state = world.state("ledger")
    voucher = state.vouchers.open[voucher_id]
    body = BidForCredit(
        programme_id=voucher.programme_id, version=voucher.version,
        month=month_of(state.rules_of(voucher), voucher.expires_at) or None, amount=amount * YUAN,
        price_bps=price_bps, time_in_force="GTC",
    )  # fmt: skip
    order_id = str(done(world, "lab-2", body).order_id)
    world.settle()
    return order_id
