"""Any applications, reviews, scores, windows, decisions and budgets, in any order: limits hold, and all is decided."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from hashlib import sha256
from typing import Any, Final

from counterfoil.contract.applications import CapSet
from counterfoil.contract.refusals import Refusal
from counterfoil.contract.times import DAY
from counterfoil.issuance import allocating, reviews, waiting
from counterfoil.issuance.commands import (
    AppropriateBudget,
    CloseWindow,
    OpenWindow,
    PauseProgramme,
    ResumeProgramme,
    ReturnApplication,
    ScoreApplication,
    SetApplicationCaps,
    WithdrawApplication,
)
from counterfoil.issuance.events import VoucherIssued
from counterfoil.vocabulary import VOCABULARY
from tests.given import Scenario
from tests.issuance.test_applications import LINE, YUAN, application, attest, city, decide, review
from tests.issuance.test_waiting import ends

LABS: Final = ("lab-1", "lab-2", "lab-3")
SEED: Final = bytes(range(32))
DOCUMENT: Final[dict[str, Any]] = {
    "budget__envelopes": [{"id": "main", "amount": "3000", "period": {"kind": "PROGRAMME"}}],
    "benefit__caps": [
        {"id": "cap", "scope": "GROUP", "period": {"kind": "PROGRAMME"}, "amount": "1300"},
        {"id": "project", "scope": "PROJECT", "period": {"kind": "PROGRAMME"}, "set_at_approval": True},
    ],
    "eligibility": [{"id": "small", "when": {"fact": "employees", "below": 50}}],
    "review": {"steps": [{"authority": "issuer", "within_days": 2}, {"authority": "operator", "up_to": "200"}]},
}
TIMERS: Final = (allocating.TIMER, waiting.TIMER, reviews.TIMER)


class Walk:
    """A city with such a document, and what parties do in it at random."""

    def __init__(self, mode: str, chance: random.Random) -> None:
        exhaustion = {"budget__exhaustion": {"mode": mode, "partial": chance.random() < 0.5}}
        self.mode, self.chance, self.told = (
            mode,
            chance,
            city(budget=60 if mode == "QUEUE" else 500, **DOCUMENT, **exhaustion),
        )
        self.papers = 0
        self.vouchers: dict[str, tuple[str, int]] = {}

    def one(self, items: Any) -> Any:
        """One of the items, or an id of nothing."""
        known = sorted(items)
        return self.chance.choice(known) if known else "none"

    def step(self) -> None:
        """Somebody does something, or time passes; then the limits hold."""
        moves = (
            self.submits, self.submits, self.reviews, self.reviews, self.reviews, self.scores, self.scores,
            self.decides, self.changes, self.attests, self.window, self.budget, self.voucher, self.pauses,
            self.time_passes,
        )  # fmt: skip
        self.chance.choice(moves)()
        self.check()

    def waits(self) -> None:
        """One that asks for more than there is is put on the waiting list."""
        attest(self.told, "employees", "9", party_id="lab-3")
        last: Any = self.told.when(application(LINE), actor="lab-3").last
        app = last[0].application_id
        self.told.when(
            SetApplicationCaps(application_id=app, caps=(CapSet(cap="project", amount=400 * YUAN),)), "city-1"
        )
        review(self.told, app, 0, "city-1")
        decide(self.told, app, "waitlisted")

    def submits(self) -> None:
        lab, applications = self.chance.choice(LABS), self.told.state.applications.open
        back = [name for name, each in applications.items() if each.status == "returned"]
        line = replace(LINE, amount=self.chance.randint(1, 10) * 100 * YUAN)
        corrects = self.one(back) if back and self.chance.random() < 0.7 else None
        if corrects is not None:
            lab = applications[corrects].content.beneficiary_id
        last = self.told.when(application(line, corrects=corrects), actor=lab).last
        if not isinstance(last, Refusal):
            caps = (CapSet(cap="project", amount=self.chance.randint(2, 9) * 50 * YUAN),)
            made: Any = last[0]
            self.told.when(SetApplicationCaps(application_id=made.application_id, caps=caps), actor="city-1")

    def reviews(self) -> None:
        app, step = self.one(self.told.state.applications.open), self.chance.randint(0, 1)
        actor, passes = ("city-1", "op")[step], self.chance.random() < 0.95
        review(self.told, app, step, actor, passes=passes)

    def scores(self) -> None:
        app, points = self.one(self.told.state.applications.open), self.chance.randint(0, 5) * 10 * YUAN
        self.told.when(
            ScoreApplication(application_id=app, points=points, reason="read"),
            actor=self.chance.choice(("city-1", "op")),
        )

    def decides(self) -> None:
        applications = self.told.state.applications
        waiting_ones = applications.waiting.get("p1", {})
        app = min(waiting_ones, key=waiting_ones.__getitem__) if waiting_ones else self.one(applications.open)
        last = decide(self.told, app).last
        if isinstance(last, Refusal) and dict(last.detail).get("why") == "budget_exhausted":
            decide(self.told, app, "waitlisted")
        elif isinstance(last, Refusal) and self.chance.random() < 0.3:
            decide(self.told, app, "rejected")
        self._keep()

    def changes(self) -> None:
        app = self.one(self.told.state.applications.open)
        if self.chance.random() < 0.6:
            self.told.when(ReturnApplication(application_id=app, reason="unclear"), actor="city-1")
        else:
            actor = self.chance.choice(LABS)
            self.told.when(WithdrawApplication(application_id=app, reason="no need"), actor=actor)

    def attests(self) -> None:
        employees, on = self.chance.choice(("9", "9", "9", "99")), self.told.time // DAY
        attest(self.told, "employees", employees, party_id=self.chance.choice(LABS), on=on)

    def window(self) -> None:
        today, windows = self.told.time // DAY, self.told.state.windows.open
        over = [name for name, each in windows.items() if each.phase == "open" and each.closes < today]
        if over:
            self.completes(over[0])
            seed = SEED if self.mode == "LOTTERY" else None
            self.told.when(CloseWindow(window_id=over[0], seed=seed), actor="city-1")
            return
        commitment = sha256(SEED).digest() if self.mode == "LOTTERY" else None
        days = {"opens": today, "closes": today + self.chance.randint(0, 1)}
        self.told.when(OpenWindow(programme_id="p1", commitment=commitment, **days), actor="city-1")

    def completes(self, window_id: str) -> None:
        """What an application of a window lacks is done, or it is given back."""
        for app in sorted(self.told.state.applications.in_window.get(window_id, ())):
            for step, actor in enumerate(("city-1", "op")):
                review(self.told, app, step, actor)
            self.told.when(ScoreApplication(application_id=app, points=YUAN, reason="read"), actor="op")
            if not self.told.state.applications.open[app].ready:
                self.told.when(ReturnApplication(application_id=app, reason="objected to"), actor="city-1")

    def budget(self) -> None:
        self.papers += 1
        amount = self.chance.randint(1, 20) * 5 * YUAN
        paper = AppropriateBudget(programme_id="p1", amount=amount, document=f"paper {self.papers}")
        self.told.when(paper, actor="city-1")

    def voucher(self) -> None:
        """One that nobody has used is revoked."""
        if self.vouchers and self.chance.random() < 0.3:
            voucher_id = self.one(self.vouchers)
            beneficiary_id, face = self.vouchers.pop(voucher_id)
            ends(self.told, voucher_id, face, by_issuer=True, holder_id=beneficiary_id)

    def pauses(self) -> None:
        paused = self.told.state.programmes["p1"].paused
        if paused or self.chance.random() < 0.1:
            kind = ResumeProgramme if paused else PauseProgramme
            self.told.when(kind(programme_id="p1", reason="inquiry"), actor="city-1")

    def time_passes(self) -> None:
        self.told.time += self.chance.choice((DAY // 24, DAY))
        self.fires(self.chance.randint(1, 9))

    def fires(self, most: int) -> None:
        """Timers that are due, so many times."""
        for _ in range(most):
            due = self.told.decider.due(self.told.state)
            if due is None or due[0] > self.told.time or due[1] not in TIMERS:
                return
            self.told.fires(due[1], at=self.told.time + 1)
            self._keep()

    def _keep(self) -> None:
        for each in () if isinstance(self.told.last, Refusal) else self.told.last:
            if isinstance(each, VoucherIssued):
                self.vouchers[each.voucher_id] = (each.beneficiary_id, each.face)

    def check(self) -> None:
        """What holds after every step."""
        state, counted = self.told.state, Counter[tuple[str, str]]()
        for (_, cap, _, subject, _, _), amount in state.counters.table.items():
            counted[cap, subject] += amount
        assert all(amount <= 1_300 * YUAN for (cap, _), amount in counted.items() if cap == "cap")
        programme = state.programmes["p1"]
        assert counted["envelope:main", "p1"] == programme.issued <= 3_000 * YUAN
        assert programme.uncommitted >= 0
        for window_id, window in state.windows.open.items():
            if window.phase == "deciding":
                assert set(state.windows.orders[window_id]) == set(state.applications.in_window.get(window_id, ()))
        assert all(each.window_id in state.windows.open for each in state.applications.open.values() if each.window_id)


def test_any_applications_in_any_order() -> None:
    met, chance = Counter[str](), random.Random(7)
    for mode in ("QUEUE", "RANKED", "PRO_RATA", "LOTTERY", "QUEUE"):
        walk = Walk(mode, chance)
        if mode == "QUEUE":  # somebody waits from the beginning, and each paper is too small for it
            walk.waits()
        for _ in range(150):
            walk.step()
        told: Scenario = walk.told
        if told.state.programmes["p1"].paused:
            walk.pauses()
        walk.fires(500)
        due = told.decider.due(told.state)
        assert due is None or due[0] > told.time, "every timer comes to an end"
        met.update(type(each).__name__ for each, _ in told.decided)
    names = {event.__name__ for event in VOCABULARY.events.values()}
    assert {name for name in names if name.startswith(("Application", "FactAttested", "Window"))} <= met.keys()
