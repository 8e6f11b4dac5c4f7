"""A programme that is in no repository: what the linter accepts is published, granted, used, paid and closed."""

from __future__ import annotations

import random
from dataclasses import replace
from hashlib import sha256
from typing import Any, Final

from hypothesis import given, settings
from hypothesis import strategies as st

from counterfoil.contract.applications import CapSet, ContractDays
from counterfoil.contract.invoices import Evidence, Invoice
from counterfoil.contract.refusals import Code, Refusal
from counterfoil.contract.times import DAY, HOUR, SECOND, parse_date
from counterfoil.core.units import PAR
from counterfoil.issuance.commands import (
    AppropriateBudget,
    AttestFact,
    CloseWindow,
    DecideApplication,
    IssueVoucher,
    ListProvider,
    OpenWindow,
    ReviewApplication,
    ScoreApplication,
    SetApplicationCaps,
    SubmitApplication,
)
from counterfoil.issuance.invoice_commands import ClaimAfterUse, ClaimInvoice, PermitClaim
from counterfoil.ledger.commands import AcceptTransfer, ApproveTransfer, PledgeVoucher, ProposeTransfer
from counterfoil.programme.lint import blocks, lint
from counterfoil.redemption.commands import AcceptUsage, Reading, ReportUsage, SubmitClaim
from tests.documents import publishing, rules_from
from tests.e2e.asking import Asking
from tests.golden.steps import bid, offer
from tests.lives.any_programme import FACTS, OF_PARTY, Author, Data
from tests.lives.town import line
from tests.paper_work import approve
from tests.properties.moves import Choice
from tests.properties.test_world_stateful import check_replay, check_settled
from tests.properties.winding import SEED, wind_down
from tests.properties.world import YUAN
from tests.reports.agreeing import check_reports

P9: Final = "p9"
PAPERS: Final = tuple(Evidence(type=kind, sha256=bytes([7]) * 32) for kind in ("INVOICE",))


class Life(Asking):
    """A programme by its document, in 2026: everybody tries everything once, and is refused where it must be."""

    def __init__(self, value: Data) -> None:
        super().__init__()
        self.document = value
        self.in_kind = value["redemption"]["model"] == "IN_KIND"
        self.on("2026-01-15")

    def on(self, day: str) -> None:
        """Noon of a day."""
        self.clock = max(self.clock, parse_date(day) * DAY + 12 * HOUR)
        self.settle()

    def tries(self, actor: str, body: Any) -> Any:
        """What came of a command; None if it was refused."""
        answer = self.answer(actor, body)
        return None if isinstance(answer, Refusal) else answer

    def is_published(self) -> bool:
        """Whether the document is; exactly those are that the linter has nothing against."""
        *pieces, publication = publishing(self.document)
        for piece in pieces:
            self.does("city", piece)
        answer = self.answer("city", publication)
        if blocks(lint(rules_from(self.document))):
            assert answer.code is Code.PROGRAMME_CONTRADICTORY, answer
            return False
        assert not isinstance(answer, Refusal), answer
        return True

    def prepares(self) -> None:
        """Budget, provider, facts; and a window where applications are decided together."""
        self.does("city", AppropriateBudget(programme_id=P9, amount=5_000 * YUAN, document="budget of p9"))
        self.does("city", ListProvider(programme_id=P9, provider_id="gpu-1"))
        for lab in ("lab-1", "lab-2"):
            for name in OF_PARTY:
                self.attests(lab, name, None)
        opens = OpenWindow(
            programme_id=P9, opens=self.clock // DAY, closes=self.clock // DAY + 1, commitment=sha256(SEED).digest()
        )
        if self.tries("city", opens) is None:
            self.tries("city", replace(opens, commitment=None))

    def attests(self, lab: str, name: str, application_id: str | None) -> None:
        """The city says what it is."""
        self.tries("city", AttestFact(
            party_id=lab, application_id=application_id, line=None, name=name, values=(FACTS[name],),
            on=self.clock // DAY, source="register",
        ))  # fmt: skip

    def asks(self, lab: str, amount: int) -> None:
        """A lab applies, or claims what it used; whoever has to review it does, and it is decided, or waits."""
        use = line(amount, "2026-01-16", "2026-03-31", quantity=60 * YUAN, unit="GPU_HOUR", tax=YUAN, region="east")
        contract = ContractDays(
            sha256=sha256(lab.encode()).digest(), signed=parse_date("2026-01-10"), starts=parse_date("2026-01-16"),
            ends=parse_date("2026-09-30"),
        )  # fmt: skip
        asked = SubmitApplication(
            programme_id=P9, corrects=None, project_id=f"project-{lab}", lines=(use,), contract=contract,
            other_support=(), evidence=(),
        )  # fmt: skip
        used = replace(use, starts=parse_date("2026-01-11"), ends=parse_date("2026-01-15"))
        claim = ClaimAfterUse(
            programme_id=P9, corrects=None, project_id=f"project-{lab}", lines=(used,), other_support=(),
            contract=replace(contract, starts=parse_date("2026-01-02")), evidence=PAPERS,
            invoice=Invoice(issuer_tax_id="CN-1", number=f"use of {lab}", issued_on=self.clock // DAY),
        )  # fmt: skip
        made = self.tries(lab, asked) or self.tries(lab, claim)
        if made is None:
            self.tries("city", IssueVoucher(programme_id=P9, beneficiary_id=lab, amount=amount))
            return
        application_id = made.application_id
        for name in FACTS.keys() - set(OF_PARTY):
            self.attests(lab, name, application_id)
        caps = [each["id"] for each in self.document["benefit"]["caps"] if each.get("set_at_approval")]
        sets = tuple(CapSet(cap=each, amount=300 * YUAN) for each in caps)
        if sets:
            self.tries("city", SetApplicationCaps(application_id=application_id, caps=sets))
        for step, by in enumerate(("city", "operator")):
            self.tries(by, ReviewApplication(application_id=application_id, step=step, passes=True, reason="read"))
        self.tries("city", ScoreApplication(application_id=application_id, points=10 * YUAN, reason="read"))
        for decision in ("approved", "waitlisted"):
            decide = DecideApplication(application_id=application_id, decision=decision, caps=sets, reason="read")
            if self.tries("city", decide) is not None:
                break

    def windows_close(self) -> None:
        """What waits for a window is decided."""
        self.on("2026-01-18")
        for window_id in sorted(self.state("issuance").windows.open):
            close = CloseWindow(window_id=window_id, seed=SEED)
            self.tries("city", close) or self.tries("city", replace(close, seed=None))
        self.clock += 5 * DAY
        self.settle()

    def vouchers(self) -> list[tuple[str, str]]:
        """Who has a part of which voucher."""
        ledger = self.state("ledger")
        return [(name, holder) for name in sorted(ledger.vouchers.open) for holder in ledger.owners(name)]

    def hands_on(self) -> None:
        """Parts of vouchers are offered, approved and taken, and pledged."""
        for voucher_id, holder in self.vouchers():
            other = "lab-2" if holder == "lab-1" else "lab-1"
            give = ProposeTransfer(voucher_id=voucher_id, amount=20 * YUAN, receiver_id=other, price=0)
            made = self.tries(holder, give)
            if made is not None:
                self.tries("city", ApproveTransfer(transfer_id=made.transfer_id))
                self.tries(other, AcceptTransfer(transfer_id=made.transfer_id))
            self.tries(holder, PledgeVoucher(voucher_id=voucher_id, amount=YUAN, pledgee_id="bank"))

    def claims(self) -> None:
        """Holders and the provider claim on invoices."""
        self.on("2026-04-02")
        for number, (voucher_id, holder) in enumerate(self.vouchers()):
            use = line(60 * YUAN, "2026-03-01", "2026-03-31", quantity=6 * YUAN, unit="GPU_HOUR", tax=YUAN)
            claim = ClaimInvoice(
                voucher_id=voucher_id, amount=None, lines=(use,), other_support=(), evidence=PAPERS,
                invoice=Invoice(issuer_tax_id="CN-1", number=f"{number}", issued_on=self.clock // DAY),
            )  # fmt: skip
            self.tries(holder, claim)
            self.tries(holder, PermitClaim(voucher_id=voucher_id, provider_id="gpu-1", amount=30 * YUAN))
            self.tries("gpu-1", claim)

    def buys(self, lab: str) -> None:
        """A lab buys on the market, the provider delivers and claims, and the city approves."""
        there: Any = self
        in_kind: Data = {"currency": "GPU_HOUR", "price": PAR, "bond_bps": 0} if self.in_kind else {"price": YUAN}
        self.clock += SECOND
        self.tries("gpu-1", offer(there, nodes=1, **in_kind))
        known = set(self.state("redemption").contracts)
        self.tries(lab, bid(there, programme_id=P9, limit_price=PAR if self.in_kind else YUAN))
        for contract_id in set(self.state("redemption").contracts) - known:
            terms = self.state("redemption").contracts[contract_id].terms
            self.clock = max(self.clock, (terms.first_hour + terms.hours) * HOUR + SECOND)
            minutes = terms.nodes * terms.gpus_per_node * 60
            readings = tuple(Reading(hour=terms.first_hour + n, gpu_minutes=minutes - n) for n in range(terms.hours))
            report = self.does("gpu-1", ReportUsage(contract_id=contract_id, readings=readings))
            self.does(lab, AcceptUsage(report_id=report.report_id))
            claim = SubmitClaim(programme_id=P9, invoice_number=contract_id, contract_ids=(contract_id,))
            self.tries("gpu-1", claim)
        for claim_id, each in sorted(self.state("redemption").claims.items()):
            if each.status == "submitted":
                self.tries("city", approve(claim_id))


def lives(value: Data) -> Life | None:
    """All of a programme's life, to its end; None if it is not published."""
    life = Life(value)
    if not life.is_published():
        return None
    life.prepares()
    for lab, amount in (("lab-1", 600), ("lab-2", 90)):
        life.asks(lab, amount * YUAN)
    life.windows_close()
    life.hands_on()
    for lab in ("lab-1", "lab-2"):
        life.buys(lab)
    life.claims()
    check_settled(life)
    check_reports(life.logs)
    wind_down(life)
    check_settled(life)
    check_replay(life)
    check_reports(life.logs)
    return life


@settings(max_examples=settings().max_examples // 12)
@given(st.data())
def test_whatever_the_linter_accepts_runs_to_its_end(data: st.DataObject) -> None:
    lives(Author(Choice(lambda low, high: data.draw(st.integers(low, high)))).writes())


def test_such_documents_reach_what_programmes_do() -> None:
    """Three of them, found by trying, have purchases, invoices, use reimbursed, windows, transfers, shares and ends."""
    events = set[str]()
    for seed in (2, 80, 142):
        life = lives(Author(Choice(random.Random(seed).randint)).writes())
        assert life is not None
        events |= life.events.keys()
    assert {
        "WindowSettled", "HoldCaptured", "InvoiceCaptured", "UseCaptured", "ClaimPermitted", "TransferJudged",
        "VoucherReissued", "PledgeMade", "ShareConfirmed", "AidCounted", "VoucherTakenOffline", "VoucherExpired",
        "ProgrammeClosed",
    } <= events  # fmt: skip
