"""The end of a programme through all services: run-off, what bars its closing, and the final reconciliation."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from types import SimpleNamespace
from typing import Any

from counterfoil.audit.books import Programmes
from counterfoil.contract.canonical import canonical
from counterfoil.contract.closing import StillOpen
from counterfoil.contract.forms import dump
from counterfoil.contract.refusals import Code
from counterfoil.contract.times import DAY
from counterfoil.issuance.commands import (
    AppropriateBudget,
    IssueVoucher,
    ListProvider,
    PauseProgramme,
    ReduceBudget,
    ReturnVoucher,
)
from counterfoil.issuance.run_off_commands import BeginRunOff
from counterfoil.ledger.closing import reconciled
from counterfoil.ledger.closing_events import ProgrammeClosed, ProgrammeStaysOpen
from counterfoil.ledger.commands import CloseProgramme, PledgeVoucher, ProposeTransfer
from counterfoil.ledger.events import HoldRefused
from counterfoil.redemption.commands import (
    CloseSettlement,
    ConfirmPayment,
    ConfirmRecovery,
    OrderClawback,
    ProposeReversal,
    ReturnPayment,
    SubmitClaim,
)
from counterfoil.vocabulary import CODEC
from tests.documents import document, publishing
from tests.e2e.test_handed_on import FACE
from tests.e2e.test_to_the_end import Life
from tests.golden.steps import bid
from tests.paper_work import PAID_ON, approve
from tests.properties.test_world_stateful import check_replay, check_settled
from tests.properties.world import YUAN

RUN_OFF = BeginRunOff(programme_id="p8", reason="the last year is over")
CLOSE = CloseProgramme(programme_id="p8", reason="all is paid")


class Ending(Life):
    """The programme with its one voucher, on its way to its end."""

    def refuses(self, actor: str, body: Any, code: Code) -> dict[str, str]:
        """A refusal, and what it names."""
        answer = self.answer(actor, body)
        assert answer.code is code, answer
        return dict(answer.detail)

    def still(self) -> set[str]:
        """What bars the closing."""
        return set(self.refuses("city", CLOSE, Code.PROGRAMME_STILL_OPEN))

    def closed(self) -> ProgrammeClosed:
        """The end, as the ledger has it."""
        events = [each for data in self.logs["ledger"] for each in CODEC.decode_entry(data).events]
        (found,) = [each for each in events if isinstance(each, ProgrammeClosed)]
        return found

    def phases(self) -> dict[str, str | None]:
        """How near its end the programme is in each service."""
        return {name: self.state(name).phases.get("p8") for name in ("issuance", "ledger", "matching", "redemption")}


def test_a_programme_runs_off_and_is_closed_with_its_final_reconciliation() -> None:
    life = Ending()
    life.does("city", AppropriateBudget(programme_id="p8", amount=7 * YUAN, document="supplement"))
    voucher_id = life.issued.voucher_id
    life.refuses("city", CLOSE, Code.PROGRAMME_NOT_IN_RUN_OFF)
    life.refuses("town", RUN_OFF, Code.NOT_YOURS)
    contract_id, subsidy = life.delivers()
    life.does("city", RUN_OFF)
    assert life.phases() == {"issuance": "decided", "ledger": "decided", "matching": None, "redemption": "run_off"}

    # nothing new begins, and what is open is spent, claimed and paid
    again = publishing(document(id="p8", version=2))
    for body in again[:-1]:
        life.does("city", body)
    for actor, body in (
        ("city", RUN_OFF),
        ("city", again[-1]),
        ("city", AppropriateBudget(programme_id="p8", amount=YUAN, document="late")),
        ("city", ReduceBudget(programme_id="p8", amount=YUAN, document="cut", reason="unused")),
        ("city", IssueVoucher(programme_id="p8", beneficiary_id="lab-2", amount=YUAN)),
        ("lab-1", ProposeTransfer(voucher_id=voucher_id, amount=YUAN, receiver_id="lab-2", price=0)),
        ("lab-1", PledgeVoucher(voucher_id=voucher_id, amount=YUAN, pledgee_id="lab-2")),
    ):
        life.refuses(actor, body, Code.PROGRAMME_IN_RUN_OFF)
    assert life.still() == {"vouchers", "claims"}
    there: Any = life
    bid_id = life.does("lab-1", bid(there, programme_id="p8", limit_price=YUAN, nodes=1)).bid_id
    assert life.still() == {"vouchers", "claims", "bids"}
    life.waits(life.issued.expires_at + 21 * 86_400_000_000)
    assert bid_id not in life.state("matching").bids
    assert life.still() == {"claims"}
    claim = SubmitClaim(programme_id="p8", invoice_number="I-1", contract_ids=(contract_id,))
    claim_id = life.does("gpu-1", claim).claim_id
    life.does("city", approve(claim_id))
    settled = life.does("city", CloseSettlement(programme_id="p8", claim_ids=(claim_id,), payee_ids=()))
    pay = ConfirmPayment(
        settlement_id=settled.settlement_id, provider_id="gpu-1", amount=subsidy, payment_reference="W-1",
        paid_on=PAID_ON,
    )  # fmt: skip
    assert life.still() == {"claims"}
    life.does("bank", pay)
    life.does("city", CLOSE)

    # what was appropriated is paid or returned
    end, books = life.closed(), life.closed().books
    assert (books.appropriated, books.disbursed, books.returned) == (
        FACE + 7 * YUAN, subsidy, FACE + 7 * YUAN - subsidy,
    )  # fmt: skip
    assert reconciled(books)
    assert end.books_hash == sha256(canonical(dump(books))).digest()
    assert set(life.phases().values()) == {"closed"}
    assert (life.budget("returned"), life.budget("appropriation"), life.budget("obligated")) == (books.returned, 0, 0)
    assert life.state("issuance").programmes["p8"].uncommitted == 0

    # and nothing happens any more
    back = ReturnPayment(
        settlement_id=settled.settlement_id, provider_id="gpu-1", return_reference="R-1", reason="account closed"
    )
    order = OrderClawback(
        settlement_id=settled.settlement_id, provider_id="gpu-1", ground="NOT_DELIVERED", amount=YUAN, evidence=(),
        reason="late",
    )  # fmt: skip
    report_id = next(iter(life.state("redemption").captures))
    for actor, body in (
        ("city", CLOSE),
        ("city", RUN_OFF),
        ("city", again[-1]),
        ("city", PauseProgramme(programme_id="p8", reason="again")),
        ("city", ListProvider(programme_id="p8", provider_id="gpu-2")),
        ("city", AppropriateBudget(programme_id="p8", amount=YUAN, document="later")),
        ("lab-1", bid(there, programme_id="p8", limit_price=YUAN, nodes=1)),
        ("gpu-1", SubmitClaim(programme_id="p8", invoice_number="I-2", contract_ids=(contract_id,))),
        ("gpu-1", ProposeReversal(report_id=report_id, amount=1, reason="typing error")),
        ("city", CloseSettlement(programme_id="p8", claim_ids=(), payee_ids=("gpu-1",))),
        ("city", order),
        ("bank", back),
    ):
        life.refuses(actor, body, Code.PROGRAMME_CLOSED)
    check_settled(life)
    check_replay(life)
    _an_audit_finds_other_books(life.logs["ledger"])


def _an_audit_finds_other_books(log: list[bytes]) -> None:
    """It counts apart from the ledger's balances: other figures, another hash, and value that moves again."""
    entries = [CODEC.decode_entry(data) for data in log]

    def found(entry: Any, *more: Any) -> list[str]:
        counted = Programmes()
        return [text for each in (*entries[:last], entry, *more) for text in counted.differing(each)]

    last = next(n for n, each in enumerate(entries) if any(isinstance(event, ProgrammeClosed) for event in each.events))
    (end,) = entries[last].events
    assert isinstance(end, ProgrammeClosed)
    assert found(entries[last], *entries[last + 1 :]) == []
    more = replace(end.books, returned=end.books.returned + 1, disbursed=end.books.disbursed - 1)
    hidden = replace(end, books=more, books_hash=sha256(canonical(dump(more))).digest())
    for event, says in (
        (hidden, {"returned is", "disbursed is"}),
        (replace(end, books_hash=bytes(32)), {"the hash is not that of the books"}),
        (replace(end, legs=()), {"returned is", "is left in appropriation"}),
    ):
        texts = found(SimpleNamespace(events=(event,)))
        assert len(texts) == len(says)
        assert all(any(each in text for text in texts) for each in says), texts
    settled = (each for each in entries[:last] if any(event.TYPE == "claim.settled.v1" for event in each.events))
    assert "move after its books were closed" in found(entries[last], next(settled))[0]


def test_what_is_contested_or_on_its_way_keeps_a_programme_from_being_closed() -> None:
    """What only redemption knows, what the ledger has not heard of, and what is too little to be paid."""
    finer = {"mode": "TRUNCATE", "quantum": "0.000001"}
    life = Ending(benefit__tiers=[{"id": "all", "rate": "1/3"}], benefit__rounding=finer)
    contract_id, _ = life.delivers()
    claim = SubmitClaim(programme_id="p8", invoice_number="I-1", contract_ids=(contract_id,))
    claim_id = life.does("gpu-1", claim).claim_id
    life.does("city", approve(claim_id))
    life.does("lab-1", ReturnVoucher(voucher_id=life.issued.voucher_id, reason="not needed"))
    life.does("city", RUN_OFF)
    lapsed = life.does("city", CloseSettlement(programme_id="p8", claim_ids=(claim_id,), payee_ids=()))
    assert 0 < lapsed.amount < YUAN // 100
    assert (life.budget("lapsed"), life.state("redemption").payable) == (lapsed.amount, {})
    paid = life.state("redemption").payments[lapsed.settlement_id, "gpu-1"].amount
    life.does("bank", ConfirmPayment(
        settlement_id=lapsed.settlement_id, provider_id="gpu-1", amount=paid, payment_reference="W-1", paid_on=PAID_ON
    ))  # fmt: skip
    order = OrderClawback(
        settlement_id=lapsed.settlement_id, provider_id="gpu-1", ground="NOT_DELIVERED", amount=YUAN, evidence=(),
        reason="the meter stood still",
    )  # fmt: skip
    ordered = life.does("city", order)
    life.does("city", CLOSE)
    (barred,) = [
        each
        for data in life.logs["ledger"]
        for each in CODEC.decode_entry(data).events
        if isinstance(each, ProgrammeStaysOpen)
    ]
    assert barred.open == (StillOpen(kind="clawbacks", number=1, amount=0),)
    assert life.phases() == {"issuance": "decided", "ledger": "decided", "matching": None, "redemption": "run_off"}
    life.waits(ordered.appeal_until)
    assert life.still() == {"receivables"}
    life.does("bank", ConfirmRecovery(
        programme_id="p8", provider_id="gpu-1", amount=YUAN, payment_reference="W-2"
    ))  # fmt: skip

    life.submit("city", CLOSE)  # matching does not know of it yet
    there: Any = life
    life.submit("lab-1", bid(there, programme_id="p8", limit_price=YUAN, nodes=1))
    life.settle()
    refused = [each for data in life.logs["ledger"] for each in CODEC.decode_entry(data).events][-40:]
    assert [each.code for each in refused if isinstance(each, HoldRefused)] == ["programme_closed"]
    books = life.closed().books
    assert (books.recovered, books.clawed_back, books.denied) == (YUAN, YUAN, lapsed.amount)
    assert reconciled(books)
    check_settled(life)
    check_replay(life)


def test_what_nobody_claims_and_no_bank_pays_bars_a_closing_until_its_last_day_alone() -> None:
    life = Ending(redemption__claim_within_days=10)
    (first, paid), (_, unclaimed) = life.delivers(), life.delivers()
    claim_id = life.does("gpu-1", SubmitClaim(programme_id="p8", invoice_number="I-1", contract_ids=(first,))).claim_id
    life.does("city", approve(claim_id))
    life.does("lab-1", ReturnVoucher(voucher_id=life.issued.voucher_id, reason="not needed"))
    life.does("city", RUN_OFF)
    day = life.state("redemption").last_days.table["p8"]
    for number, claim_ids in enumerate(((claim_id,), ())):
        payees = () if claim_ids else ("gpu-1",)
        settled = life.does("city", CloseSettlement(programme_id="p8", claim_ids=claim_ids, payee_ids=payees))
        life.waits(day.until - DAY * (89 - number) - 1)
        back = ReturnPayment(
            settlement_id=settled.settlement_id, provider_id="gpu-1", return_reference=f"R-{number}", reason="closed"
        )
        life.does("bank", back)
    life.waits(day.until)
    later = life.state("redemption").last_days.table["p8"].until
    assert later == day.until + 2 * DAY, "the second return came two days after the run-off began"
    life.waits(later - 1)
    assert life.still() == {"claims"}
    life.waits(later)
    assert life.budget("lapsed") == paid + unclaimed
    life.does("city", CLOSE)
    books = life.closed().books
    assert (books.denied, books.lapsed, books.disbursed) == (paid + unclaimed, paid + unclaimed, 0)
    assert reconciled(books)
    check_settled(life)
    check_replay(life)
