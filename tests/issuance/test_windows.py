"""Applications of a window that are decided together: ranked, in proportion, or drawn by a seed committed before."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from typing import Any, Final

import pytest

from counterfoil.contract.applications import CapSet, EnvelopePart
from counterfoil.contract.events import ProgrammePublished
from counterfoil.contract.refusals import Code
from counterfoil.contract.times import DAY
from counterfoil.core.rules import LATEST, RULES
from counterfoil.issuance.allocating import TIMER
from counterfoil.issuance.commands import (
    CloseWindow,
    OpenWindow,
    PauseProgramme,
    ResumeProgramme,
    ReturnApplication,
    ScoreApplication,
    SetApplicationCaps,
    SuspendParty,
    WithdrawApplication,
)
from counterfoil.issuance.events import (
    ApplicationAssessed,
    ApplicationCapped,
    ApplicationDecided,
    ApplicationReturned,
    ApplicationScored,
    ApplicationWithdrawn,
    VoucherIssued,
    WindowAssessed,
    WindowClosed,
    WindowOpened,
    WindowSettled,
)
from tests.documents import document, publishing
from tests.given import Scenario
from tests.issuance.test_applications import (
    DAY_OF,
    LINE,
    YUAN,
    application,
    attest,
    city,
    decide,
    review,
    submit,
)
from tests.issuance.world import register

SEED: Final = bytes(range(32))
COMMITMENT: Final = sha256(SEED).digest()
SMALL: Final = replace(LINE, amount=200 * YUAN)
"""Of which half is paid, as of `LINE` of 1,000."""
CAP: Final = {"id": "year", "scope": "GROUP", "period": {"kind": "CALENDAR_YEAR"}, "amount": "600"}
BY_DECISION: Final = {"id": "year", "scope": "GROUP", "period": {"kind": "CALENDAR_YEAR"}, "set_at_approval": True}


def opening(**changes: Any) -> OpenWindow:
    return replace(OpenWindow(programme_id="p1", opens=DAY_OF, closes=DAY_OF, commitment=None), **changes)


def opened(mode: str, budget: int = 700, *, partial: bool = False, **changes: Any) -> tuple[Scenario, str]:
    """A city whose document decides applications together, with a window of one day; and the window."""
    told = city(budget=budget, **{"budget__exhaustion": {"mode": mode, "partial": partial}, **changes})
    told.when(opening(commitment=COMMITMENT if mode == "LOTTERY" else None), actor="city-1").then_types(WindowOpened)
    (event,) = told.last  # type: ignore[misc]
    assert isinstance(event, WindowOpened)
    return told, event.window_id


def score(told: Scenario, application_id: str, points: float, actor: str = "city-1") -> Scenario:
    made = ScoreApplication(application_id=application_id, points=round(points * 10**6), reason="read")
    return told.when(made, actor=actor)


def close(told: Scenario, window_id: str, seed: bytes | None = None) -> Scenario:
    """Close a window on the day after its last."""
    told.time = max(told.time, (DAY_OF + 1) * DAY)
    return told.when(CloseWindow(window_id=window_id, seed=seed), actor="city-1")


def worked(told: Scenario) -> list[Any]:
    """What the timer makes of closed windows, until nothing is left to do."""
    made: list[Any] = []
    while (due := told.decider.due(told.state)) is not None and due[1] == TIMER:
        told.fires(TIMER, at=max(due[0], told.time + 1))
        made += told.last  # type: ignore[arg-type]
    return made


def outcomes(events: list[Any]) -> dict[str, tuple[str, int | None]]:
    """By application: what was decided, and its voucher's face."""
    faces = {each.voucher_id: each.face for each in events if isinstance(each, VoucherIssued)}
    return {
        each.application_id: (each.decision, faces.get(each.voucher_id or ""))
        for each in events
        if isinstance(each, ApplicationDecided)
    }


def test_the_better_score_goes_first_and_equal_ones_go_by_time() -> None:
    told, window = opened("RANKED")
    first, second, third, small = (submit(told, who) for who in ("lab-1", "lab-2", "lab-1", "lab-2"))
    for app, points in ((first, 60), (second, 90.5), (third, 60), (small, 10)):
        score(told, app, points).then_types(ApplicationScored)
    close(told, window).then_types(WindowClosed)
    events = worked(told)
    assert outcomes(events) == {
        second: ("approved", 500 * YUAN), first: ("waitlisted", None), third: ("waitlisted", None),
        small: ("waitlisted", None),
    }  # fmt: skip
    assert [(each.rank, each.points) for each in events if isinstance(each, ApplicationDecided)] == [
        (1, 90_500_000), (2, 60_000_000), (3, 60_000_000), (4, 10_000_000)
    ]  # fmt: skip
    assert "90.5 points: number 1 of 4" in events[0].explanation[0].says
    assert events[-1] == WindowSettled(
        window_id=window, programme_id="p1", approved=1, waitlisted=3, rejected=0, granted=500 * YUAN
    )
    assert window not in told.state.windows.open
    decide(told, third).refused(Code.EARLIER_APPLICATION_WAITS)


def test_the_last_one_gets_what_is_left_where_the_document_says_so() -> None:
    told, window = opened("RANKED", partial=True)
    apps = [submit(told) for _ in range(3)]
    for app in apps:
        score(told, app, 50)
    close(told, window)
    assert list(outcomes(worked(told)).values()) == [
        ("approved", 500 * YUAN), ("approved", 200 * YUAN), ("waitlisted", None)
    ]  # fmt: skip


def test_in_proportion_all_of_the_budget_is_divided_and_nobody_gets_more_than_asked() -> None:
    told, window = opened("PRO_RATA")
    apps = [submit(told, "lab-1"), submit(told, "lab-2"), submit(told, "lab-1", SMALL)]
    close(told, window).then_types(WindowClosed)
    events = worked(told)
    assert [type(each) for each in events[:4]] == [*[ApplicationAssessed] * 3, WindowAssessed]
    assert events[3].asked == (EnvelopePart(envelope="main", amount=1_100 * YUAN),)
    given = dict(zip(apps, (318_180_000, 318_180_000, 63_640_000), strict=True))
    assert outcomes(events) == {app: ("approved", face) for app, face in given.items()}
    assert sum(given.values()) == 700 * YUAN
    assert told.state.programmes["p1"].uncommitted == 0


def test_a_draw_follows_from_seed_and_log_and_everybody_can_repeat_it() -> None:
    told, window = opened("LOTTERY")
    apps = [submit(told, who) for who in ("lab-1", "lab-2", "lab-1", "lab-2")]
    times = [told.state.applications.open[app].submitted_at for app in apps]
    close(told, window, SEED).then_types(WindowClosed)
    closed: Any = told.last[0]  # type: ignore[index]
    chain = bytes(32)
    for app, time in zip(apps, times, strict=True):
        chain = sha256(chain + f"{app} {time}".encode()).digest()
    draw = sha256(SEED + chain).digest()
    assert (closed.seed, closed.draw) == (SEED, draw)
    in_order = sorted(apps, key=lambda app: sha256(draw + app.encode()).digest())
    decisions = [each for each in worked(told) if isinstance(each, ApplicationDecided)]
    assert [each.application_id for each in decisions] == in_order
    assert [each.decision for each in decisions] == ["approved", "waitlisted", "waitlisted", "waitlisted"]


@pytest.mark.parametrize("mode", ["RANKED", "PRO_RATA", "LOTTERY"])
def test_what_bars_one_application_rejects_it_alone_and_limits_hold_between_those_of_a_window(mode: str) -> None:
    eligibility = [{"id": "here", "when": {"fact": "registered_in", "in": ["CN"]}}]
    told, window = opened(mode, 10_000, eligibility=eligibility, benefit__caps=[CAP])
    attest(told, "registered_in", "CN")
    one, two, stranger, gone, back = (submit(told, who) for who in ("lab-1", "lab-1", "lab-2", "lab-2", "lab-2"))
    for app in (one, two, stranger, gone, back) if mode == "RANKED" else ():
        score(told, app, 50)
    told.when(ReturnApplication(application_id=back, reason="no plan"), actor="city-1").then_types(ApplicationReturned)
    close(told, window, SEED if mode == "LOTTERY" else None).then_types(WindowClosed)
    told.when(WithdrawApplication(application_id=gone, reason="no need"), actor="lab-2").then_types(
        ApplicationWithdrawn
    )
    told.when(application(corrects=back), actor="lab-2").refused(Code.WINDOW_CLOSED)
    events = worked(told)
    found = outcomes(events)
    assert sorted(face or 0 for _, face in (found[one], found[two])) == [100 * YUAN, 500 * YUAN]
    assert found.keys() == {one, two, stranger, back}
    why = {each.application_id: each.refusal for each in events if isinstance(each, ApplicationDecided)}
    assert (why[stranger], why[back]) == ("fact_not_attested", "not_corrected")
    assert (found[stranger], found[back]) == (("rejected", None), ("rejected", None))


def test_a_window_waits_for_every_review_and_every_score_and_then_nobody_has_a_say() -> None:
    told, window = opened("RANKED", review={"steps": [{"authority": "issuer", "quorum": 2}]})
    app = submit(told)
    told.when(CloseWindow(window_id=window, seed=None), actor="city-1").refused(Code.WINDOW_STILL_OPEN)
    told.time = (DAY_OF + 1) * DAY
    told.when(application(), actor="lab-2").refused(Code.APPLICATIONS_CLOSED)
    close(told, window).refused(Code.REVIEW_INCOMPLETE)
    for reviewer in ("city-1", "county"):
        close(told, window).refused(Code.REVIEW_INCOMPLETE)
        review(told, app, 0, reviewer)
        score(told, app, 70, reviewer).then_types(ApplicationScored)
        score(told, app, 80, reviewer).refused(Code.ALREADY_SCORED)
    score(told, app, 99, "city-2").refused(Code.UNKNOWN_APPLICATION)
    decide(told, app).refused(Code.DECIDED_BY_WINDOW)
    told.when(CloseWindow(window_id=window, seed=None), actor="city-2").refused(Code.NOT_YOURS)
    close(told, window, SEED).refused(Code.SEED_NOT_VALID)
    close(told, window).then_types(WindowClosed)
    close(told, window).refused(Code.WINDOW_CLOSED)
    told.when(ReturnApplication(application_id=app, reason="late"), actor="city-1").refused(Code.WINDOW_CLOSED)
    decide(told, app, "rejected").refused(Code.WINDOW_CLOSED)
    score(told, app, 1, "op").refused(Code.UNKNOWN_APPLICATION)
    told.when(PauseProgramme(programme_id="p1", reason="inquiry"), actor="city-1")
    assert worked(told) == []
    told.when(ResumeProgramme(programme_id="p1", reason="over"), actor="city-1")
    assert outcomes(worked(told)) == {app: ("approved", 500 * YUAN)}
    close(told, window).refused(Code.UNKNOWN_WINDOW)


def test_an_issuer_that_is_stopped_leaves_nobody_undecided_and_grants_nothing() -> None:
    """It rejects, and closes what is empty; else its applicants would wait, and its programme stay open, for ever."""
    told, window = opened("RANKED")
    app = submit(told)
    score(told, app, 60)
    told.when(SuspendParty(party_id="city-1", reason="inquiry"), actor="op")
    decide(told, app).refused(Code.PARTY_SUSPENDED)
    close(told, window).refused(Code.PARTY_SUSPENDED)
    score(told, app, 50).refused(Code.PARTY_SUSPENDED)
    decide(told, app, "rejected").then_types(ApplicationDecided)
    close(told, window).then_types(WindowClosed)
    assert [type(each) for each in worked(told)] == [WindowSettled]


def test_who_is_related_to_the_applicant_gives_no_score() -> None:
    told, _ = opened("RANKED", review={"steps": [{"authority": "operator"}]})
    told.when(register("friend", 41, "operator", group="gpu-1"), actor="op")
    score(told, submit(told), 100, "friend").refused(Code.DUTIES_NOT_SEPARATE)


@pytest.mark.parametrize(
    ("changes", "body", "code"),
    [
        ({"budget__exhaustion": {"mode": "QUEUE"}}, {}, Code.NOT_BY_APPLICATION),
        ({}, {"programme_id": "p9"}, Code.UNKNOWN_PROGRAMME),
        ({}, {"commitment": COMMITMENT}, Code.SEED_NOT_VALID),
        ({"budget__exhaustion": {"mode": "LOTTERY"}}, {}, Code.SEED_NOT_VALID),
        ({}, {"opens": DAY_OF - 2, "closes": DAY_OF - 1}, Code.PERIOD_NOT_VALID),
        ({}, {"opens": DAY_OF + 1}, Code.PERIOD_NOT_VALID),
        ({}, {"closes": DAY_OF + 366}, Code.PERIOD_NOT_VALID),
        ({"valid__end": "2001-09-10"}, {"closes": DAY_OF + 2}, Code.PERIOD_NOT_VALID),
        ({"applications": {"windows": {"kind": "MONTHLY", "opens": 1, "closes": 9}}}, {}, Code.PERIOD_NOT_VALID),
    ],
)
def test_a_window_is_one_of_the_document(changes: Any, body: Any, code: Code) -> None:
    told = city(**{"budget__exhaustion": {"mode": "RANKED"}, **changes})
    told.when(opening(**body), actor="city-1").refused(code)


def test_caps_that_the_decision_sets_are_set_before_a_window_is_closed() -> None:
    told, window = opened("PRO_RATA", benefit__caps=[BY_DECISION])
    app = submit(told)

    def capped(*caps: CapSet) -> Scenario:
        return told.when(SetApplicationCaps(application_id=app, caps=caps), actor="city-1")

    close(told, window).refused(Code.REVIEW_INCOMPLETE)
    capped().refused(Code.NOT_GRANTED)
    capped(CapSet(cap="other", amount=1)).refused(Code.NOT_GRANTED)
    capped(CapSet(cap="year", amount=9)).then_types(ApplicationCapped)
    capped(CapSet(cap="year", amount=90 * YUAN)).then_types(ApplicationCapped)
    close(told, window).then_types(WindowClosed)
    capped(CapSet(cap="year", amount=1)).refused(Code.WINDOW_CLOSED)
    assert outcomes(worked(told)) == {app: ("approved", 90 * YUAN)}


def test_windows_do_not_overlap_and_their_number_is_bounded() -> None:
    told, window = opened("PRO_RATA", applications={"windows": {"kind": "ROLLING"}})
    told.when(opening(), actor="city-1").refused(Code.PERIOD_NOT_VALID)
    told.when(opening(opens=DAY_OF - 1, closes=DAY_OF + 5), actor="city-1").refused(Code.PERIOD_NOT_VALID)
    for number in range(1, RULES[LATEST].max_open_windows):
        told.when(opening(opens=DAY_OF + number, closes=DAY_OF + number), actor="city-1").then_types(WindowOpened)
    told.when(opening(opens=DAY_OF + 20, closes=DAY_OF + 21), actor="city-1").refused(Code.OVER_LIMIT)
    close(told, window).then_types(WindowClosed)
    assert [type(each) for each in worked(told)] == [WindowAssessed, WindowSettled]
    told.when(opening(opens=DAY_OF + 20, closes=DAY_OF + 21), actor="city-1").then_types(WindowOpened)


def test_the_version_that_a_window_was_opened_under_decides_its_applications() -> None:
    told, window = opened("PRO_RATA")
    app = submit(told)
    further = document(
        version=2, providers={"mode": "OPEN"}, budget__exhaustion={"mode": "QUEUE"},
        benefit__tiers=[{"id": "all", "rate": "1/10"}],
    )  # fmt: skip
    for body in publishing(further):
        told.when(body, actor="city-1")
    assert isinstance(told.last[0], ProgrammePublished)  # type: ignore[index]
    close(told, window)
    events = worked(told)
    assert outcomes(events) == {app: ("approved", 500 * YUAN)}
    assert {each.version for each in events if isinstance(each, VoucherIssued)} == {1}
