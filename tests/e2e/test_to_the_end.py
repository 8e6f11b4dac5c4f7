"""A voucher under a document through all services to its end; and a payment that is taken back, and contested."""

from __future__ import annotations

from typing import Any

from counterfoil.contract.times import DAY, HOUR, SECOND
from counterfoil.issuance.commands import AppropriateBudget, IssueVoucher, ListProvider
from counterfoil.ledger.commands import RestoreVoucher
from counterfoil.ledger.events import VoucherExpired
from counterfoil.ledger.expiry_events import ExpiryNotified, VoucherTakenOffline
from counterfoil.redemption.commands import (
    AcceptUsage,
    ConfirmPayment,
    DecideAppeal,
    FileAppeal,
    OrderClawback,
    Reading,
    ReportUsage,
    SubmitClaim,
)
from counterfoil.vocabulary import CODEC
from tests.documents import document, publishing
from tests.e2e.test_handed_on import FACE, Market
from tests.golden.steps import bid, offer
from tests.paper_work import PAID_ON, approve, settle
from tests.properties.test_world_stateful import check_replay
from tests.properties.world import YUAN

EXPIRY = {
    "rule": {"kind": "RELATIVE", "after_days": 30}, "notices_days": [10, 3], "offline_days": 1,
    "restore_within_days": 5, "expunge_days": 20,
}  # fmt: skip
CONTROL = {
    "clawback": {"grounds": ["NOT_DELIVERED"], "share": "80%", "lookback_months": 12},
    "appeal": {"within_days": 10, "stays": True},
}  # fmt: skip


class Life(Market):
    """The market with a programme whose vouchers end in steps, and which takes back what it paid."""

    def __init__(self, **changes: Any) -> None:
        super().__init__(mode="NONE")
        for body in publishing(document(id="p8", expiry=EXPIRY, control=CONTROL, **changes)):
            self.does("city", body)
        self.does("city", AppropriateBudget(programme_id="p8", amount=FACE, document="budget of p8"))
        self.does("city", ListProvider(programme_id="p8", provider_id="gpu-1"))
        issue = IssueVoucher(programme_id="p8", beneficiary_id="lab-1", amount=FACE)
        self.issued = self.does("city", issue)

    def waits(self, time: int) -> None:
        """Until then; what is due happens."""
        self.clock = max(self.clock, time)
        self.settle()

    def told(self) -> list[tuple[str, int | None]]:
        """What the ledger said of the voucher's end, in order, and how many days before."""
        kinds = (ExpiryNotified, VoucherTakenOffline, VoucherExpired)
        events = (event for data in self.logs["ledger"] for event in CODEC.decode_entry(data).events)
        return [(each.TYPE, getattr(each, "days", None)) for each in events if isinstance(each, kinds)]

    def budget(self, account: str) -> int:
        """What an account of the programme's budget has."""
        return int(self.state("ledger").accounts.find(account, "budget:p8").posted)

    def delivers(self) -> tuple[str, int]:
        """A contract of the programme, delivered and accepted: its id, and the subsidy."""
        there: Any = self
        self.does("gpu-1", offer(there, nodes=1, price=YUAN))
        self.does("lab-1", bid(there, programme_id="p8", limit_price=YUAN, nodes=1))
        ((contract_id, contract),) = self.state("redemption").contracts.items()
        terms = contract.terms
        self.waits((terms.first_hour + terms.hours) * HOUR + SECOND)
        minutes = terms.nodes * terms.gpus_per_node * 60
        hours = range(terms.first_hour, terms.first_hour + terms.hours)
        readings = tuple(Reading(hour=hour, gpu_minutes=minutes) for hour in hours)
        report = self.does("gpu-1", ReportUsage(contract_id=contract_id, readings=readings))
        self.does("lab-1", AcceptUsage(report_id=report.report_id))
        return contract_id, terms.price * minutes * terms.hours // 60 // 2


def test_a_voucher_is_announced_taken_offline_brought_back_and_recycled() -> None:
    life = Life()
    ends = life.issued.expires_at
    for day in (12, 10, 5, 3, 1):
        life.waits(ends - day * DAY)
    assert life.told() == [("expiry.notified.v1", 10), ("expiry.notified.v1", 3), ("voucher.taken_offline.v1", None)]
    life.waits(ends + 4 * DAY)
    restored = life.does("lab-1", RestoreVoucher(voucher_id=life.issued.voucher_id))
    assert (restored.face, restored.expires_at) == (FACE, ends + 20 * DAY)
    contract_id, subsidy = life.delivers()
    assert contract_id
    life.waits(ends + 20 * DAY)
    ended = ("voucher.expired.v1", None)
    assert life.told()[3:] == [("expiry.notified.v1", 10), ("expiry.notified.v1", 3), ended, ended]
    assert life.state("issuance").programmes["p8"].uncommitted == FACE - subsidy == life.budget("appropriation")
    assert not {life.issued.voucher_id, restored.voucher_id} & life.state("issuance").vouchers.keys()
    check_replay(life)


def test_a_payment_is_taken_back_contested_and_partly_paid_again() -> None:
    life = Life()
    contract_id, subsidy = life.delivers()
    claim = SubmitClaim(programme_id="p8", invoice_number="I-1", contract_ids=(contract_id,))
    claim_id = life.does("gpu-1", claim).claim_id
    life.does("city", approve(claim_id))
    settlement_id = life.does("city", settle("p8", claim_id)).settlement_id
    pay = ConfirmPayment(
        settlement_id=settlement_id, provider_id="gpu-1", amount=subsidy, payment_reference="W-1", paid_on=PAID_ON
    )
    life.does("bank", pay)
    most = subsidy * 4 // 5
    order = OrderClawback(
        settlement_id=settlement_id, provider_id="gpu-1", ground="NOT_DELIVERED", amount=most, evidence=(),
        reason="the meter stood still",
    )  # fmt: skip
    ordered = life.does("city", order)
    assert life.budget("recoverable") == 0  # it waits for an appeal
    life.does("gpu-1", FileAppeal(clawback_id=ordered.clawback_id, evidence=(), reason="it ran"))
    decide = DecideAppeal(clawback_id=ordered.clawback_id, amount=most // 2, reason="half of it did")
    life.does("operator", decide)
    owed = most // 2
    assert (life.budget("recoverable"), life.budget("lapsed"), life.budget("disbursed")) == (-owed, owed, subsidy)
    assert life.state("redemption").owed["p8", "gpu-1"] == owed
    check_replay(life)
