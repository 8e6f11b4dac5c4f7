"""Issuance beside the real ledger, with delays between the two: budgets are conserved, and both agree in the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Self

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from counterfoil.catalogue import SUBSCRIPTIONS
from counterfoil.contract.events import GroupAttested
from counterfoil.contract.record import Command as Body
from counterfoil.contract.record import Event
from counterfoil.contract.refusals import Refusal
from counterfoil.contract.terms import FixedExpiry, Rate, RelativeExpiry
from counterfoil.contract.times import DAY, SECOND
from counterfoil.core.at import At
from counterfoil.issuance.commands import (
    AppropriateBudget,
    AttestGroup,
    IssueVoucher,
    ReduceBudget,
    ReinstateVoucher,
    ReturnVoucher,
    RevokeVoucherV1,
    SuspendVoucherV1,
)
from counterfoil.issuance.events import (
    BudgetAppropriated,
    BudgetRecycled,
    BudgetReduced,
    IssueReversed,
    VoucherIssued,
)
from counterfoil.issuance.service import DECIDER
from counterfoil.ledger import service as ledger
from counterfoil.ledger.chart import budget
from counterfoil.matching.events import BidClosed, BidReceived
from tests.given import Scenario
from tests.issuance.world import OPEN, PROGRAMME, people
from tests.programmes import changed
from tests.rules import loose_paper

LABS = ("lab-1", "lab-2", "lab-3")
CAPS = {"p1": 500, "p2": 300}
P1 = changed(PROGRAMME, share=Rate(num=1, den=1), valid_until=OPEN + 1_000 * DAY)
P2 = changed(P1, programme_id="p2", beneficiary_cap=300, recycle="lapsed")


class Recorded(Scenario):
    """A scenario that keeps its log and delivers what another service subscribes to."""

    def __init__(self, *args: object) -> None:
        self.log: list[tuple[Event, At]] = []
        self.outbox: list[Event] = []
        self.wanted: tuple[type[Event], ...] = ()
        super().__init__(*args)  # type: ignore[arg-type]

    def given(self, *events: Event) -> Self:
        for event in events:
            self._apply([event], self._next(None))
        return self

    def _apply(self, decision: Sequence[Event] | Refusal, here: At) -> Self:
        if not isinstance(decision, Refusal):
            self.log += [(event, here) for event in decision]
            self.outbox += [event for event in decision if isinstance(event, self.wanted)]
        return super()._apply(decision, here)


class Budgets(RuleBasedStateMachine):
    """Issuers command, holds come and go, time passes, vouchers expire, and events arrive late."""

    def __init__(self) -> None:
        super().__init__()
        self.paper = ExitStack()
        self.paper.enter_context(loose_paper())

    @initialize()
    def begin(self) -> None:
        self.issuance, self.ledger = Recorded(DECIDER), Recorded(ledger.DECIDER)
        self.issuance.wanted = SUBSCRIPTIONS["ledger"]["issuance"]
        self.ledger.wanted = SUBSCRIPTIONS["issuance"]["ledger"]
        people(self.issuance).when(P1, actor="city-1").when(P2, actor="city-1")
        self.versions = {"p1": P1, "p2": P2}
        self.time, self.bids, self.held = OPEN, 0, list[str]()
        self.appropriate("p1", 700)
        self.appropriate("p2", 300)
        self.issue("p1", "lab-1", 50)
        self.inform_ledger(50)

    def command(self, body: Body) -> None:
        self.time += 1
        self.issuance.when(body, actor="city-1", at=self.time)

    @rule(programme=st.sampled_from(["p1", "p2"]), amount=st.integers(1, 90))
    def appropriate(self, programme: str, amount: int) -> None:
        self.command(AppropriateBudget(programme_id=programme, amount=amount, document="d"))

    @rule(programme=st.sampled_from(["p1", "p2"]), amount=st.integers(1, 90))
    def reduce(self, programme: str, amount: int) -> None:
        self.command(ReduceBudget(programme_id=programme, amount=amount, document="d", reason="r"))

    @rule(programme=st.sampled_from(["p1", "p2"]), lab=st.sampled_from(LABS), amount=st.integers(1, 90))
    def issue(self, programme: str, lab: str, amount: int) -> None:
        self.command(IssueVoucher(programme_id=programme, beneficiary_id=lab, amount=amount))

    @rule(lab=st.sampled_from(LABS), group=st.sampled_from(["labs", *LABS]))
    def attest(self, lab: str, group: str) -> None:
        self.time += 1
        body = AttestGroup(party_id=lab, group_id=group, since=None, source="register")
        self.issuance.when(body, actor="op", at=self.time)

    @rule(programme=st.sampled_from(["p1", "p2"]), days=st.integers(2, 9), fixed=st.booleans())
    def amend(self, programme: str, days: int, fixed: bool) -> None:
        last = self.versions[programme]
        relative = RelativeExpiry(kind="relative", after_seconds=days * DAY // SECOND)
        expiry = FixedExpiry(kind="fixed", at=self.time + days * DAY) if fixed else relative
        self.versions[programme] = changed(last, version=last.version + 1, expiry=expiry)
        self.command(self.versions[programme])

    @precondition(lambda self: self.issuance.state.vouchers)
    @rule(data=st.data(), what=st.sampled_from(["suspend", "reinstate", "revoke", "return"]))
    def change(self, data: st.DataObject, what: str) -> None:
        voucher_id = data.draw(st.sampled_from(sorted(self.issuance.state.vouchers)))
        if what == "reinstate":
            self.command(ReinstateVoucher(voucher_id=voucher_id))
        elif what == "suspend":
            self.command(SuspendVoucherV1(voucher_id=voucher_id, reason="r"))
        elif what == "return":
            self.time += 1
            body = ReturnVoucher(voucher_id=voucher_id, reason="r")
            self.issuance.when(body, actor=self.issuance.state.vouchers[voucher_id].beneficiary_id, at=self.time)
        else:
            self.command(RevokeVoucherV1(voucher_id=voucher_id, reason="r"))

    @precondition(lambda self: self.ledger.state.vouchers.open)
    @rule(data=st.data(), amount=st.integers(1, 60))
    def hold(self, data: st.DataObject, amount: int) -> None:
        voucher_id = data.draw(st.sampled_from(sorted(self.ledger.state.vouchers.open)))
        voucher = self.ledger.state.vouchers.open[voucher_id]
        self.bids += 1
        bid = BidReceived(
            bid_id=f"bid-{self.bids}", beneficiary_id=voucher.issued_to, group_id="g",
            programme_id=voucher.programme_id,
            voucher_ids=(voucher_id,), currency="CNY", classes=("a100",), regions=("cn-north",), nodes=1,
            gpus_per_node=8, hours=1, earliest=0, latest=0, limit_price=1, cost_per_node=amount, partial=False,
            min_nodes=1, tif="GTC", good_until=None, post_only=False, stp="taker",
        )  # fmt: skip
        self.ledger.reacts_to(bid, at=self.time)
        self.held.append(bid.bid_id)

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        bid_id = data.draw(st.sampled_from(self.held))
        self.held.remove(bid_id)
        self.ledger.reacts_to(BidClosed(bid_id=bid_id, reason="cancelled"), at=self.time)

    @rule(days=st.integers(1, 4), swept=st.booleans())
    def wait(self, days: int, swept: bool) -> None:
        self.time += days * DAY
        if swept:
            self.ledger.fires("voucher_expiry", at=self.time)

    @rule(most=st.integers(3, 9))
    def inform_ledger(self, most: int) -> None:
        for event in self.issuance.outbox[:most]:
            self.ledger.reacts_to(event, at=self.time)
        del self.issuance.outbox[:most]

    @rule(most=st.integers(1, 4))
    def inform_issuance(self, most: int) -> None:
        for event in self.ledger.outbox[:most]:
            self.issuance.reacts_to(event, at=self.time)
        del self.ledger.outbox[:most]

    @invariant()
    def conserved(self) -> None:
        """Counted again from the log alone."""
        came, issued = Counter[str](), Counter[str]()
        groups, faces = {"lab-1": "labs", "lab-2": "labs", "lab-3": "lab-3"}, list[tuple[str, str, str, int]]()
        whose: dict[str, tuple[str, str]] = {}

        def counted(of: str, group: str) -> int:
            return sum(
                face for programme_id, lab, then, face in faces if programme_id == of and group in (then, groups[lab])
            )

        for event, _ in self.issuance.log:
            if isinstance(event, BudgetAppropriated | BudgetRecycled):
                came[event.programme_id] += event.amount
            elif isinstance(event, BudgetReduced):
                came[event.programme_id] -= event.amount
            elif isinstance(event, IssueReversed):
                issued[event.programme_id] -= event.amount
                lab, then = whose[event.voucher_id]
                faces.append((event.programme_id, lab, then, -event.amount))
                assert counted(event.programme_id, then) == event.group_issued_after >= 0
            elif isinstance(event, VoucherIssued):
                issued[event.programme_id] += event.face
                group = groups[event.beneficiary_id]
                whose[event.voucher_id] = (event.beneficiary_id, group)
                faces.append((event.programme_id, event.beneficiary_id, group, event.face))
                assert counted(event.programme_id, group) == event.group_issued_after <= CAPS[event.programme_id]
            elif isinstance(event, GroupAttested):
                groups[event.party_id] = event.group_after
            if isinstance(event, BudgetAppropriated | BudgetReduced | BudgetRecycled | IssueReversed | VoucherIssued):
                programme_id = event.programme_id
                assert came[programme_id] == issued[programme_id] + event.uncommitted_after
                assert event.uncommitted_after >= 0
        for programme_id, programme in self.issuance.state.programmes.items():
            assert programme.appropriated + programme.recycled == came[programme_id]
            assert (programme.issued, programme.uncommitted) == (
                issued[programme_id], came[programme_id] - issued[programme_id],
            )  # fmt: skip
        state = self.issuance.state
        opened = Counter((voucher.beneficiary_id, voucher.programme_id) for voucher in state.vouchers.values())
        assert opened == {
            (lab, name): number for lab, of_one in state.open_vouchers.items() for name, number in of_one.items()
        }

    def teardown(self) -> None:
        """Once all is consumed, the ledger's budget is what issuance counts; its log explains its state."""
        with self.paper:
            while self.issuance.outbox or self.ledger.outbox:
                self.inform_ledger(len(self.issuance.outbox))
                self.inform_issuance(len(self.ledger.outbox))
            self.conserved()
            for programme_id, programme in self.issuance.state.programmes.items():
                posted = self.ledger.state.accounts.find("appropriation", budget(programme_id)).posted
                assert posted == programme.uncommitted
            vouchers = self.ledger.state.vouchers.open
            assert sorted(self.issuance.state.vouchers) == sorted(vouchers)
            folded = DECIDER.initial()
            for event, at in self.issuance.log:
                DECIDER.evolve[type(event)](folded, event, at)
            assert dict(DECIDER.records(folded)) == self.issuance.records()


TestBudgets = Budgets.TestCase
TestBudgets.settings = settings(stateful_step_count=100)
