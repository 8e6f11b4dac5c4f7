"""A decision that no entry holds is refused with a code, whatever decides it, and the log goes on."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from counterfoil.contract.codec import encode_entry
from counterfoil.contract.invoices import Evidence, Invoice
from counterfoil.contract.limits import MAX_ENTRY_BYTES
from counterfoil.contract.refusals import Code, Refusal
from counterfoil.core.at import At
from counterfoil.core.timer_entry import fits_timer, of_timer
from counterfoil.issuance.commands import AppropriateBudget
from counterfoil.issuance.events import ApplicationDecided, ApplicationStillWaits, ApplicationSubmitted, WindowSettled
from counterfoil.issuance.invoice_commands import ClaimAfterUse
from tests.given import Scenario
from tests.issuance.test_applications import DAY_OF, LINE, YUAN, city, decide, submit
from tests.issuance.test_waiting import QUEUE, moves_up
from tests.issuance.test_windows import close, opened, outcomes, score, worked
from tests.possession import HOST

SMALL: Final = replace(LINE, amount=20 * YUAN)
EVENTS: Final = ["APPLIED", "GRANTED", "PAID"]


def capped(count: int = 64) -> list[dict[str, Any]]:
    """Caps with ids that are as long as they get, each counted three times."""
    return [
        {"id": f"c{n}-".ljust(57, "x"), "scope": "PROJECT", "period": {"kind": "CALENDAR_YEAR"},
         "amount": "900000000000", "counts": EVENTS}
        for n in range(count)
    ]  # fmt: skip


LARGE: Final[dict[str, Any]] = {
    "benefit__caps": capped(),
    "benefit__regimes": [{"regime": f"R{n}_".ljust(57, "X"), "ceiling": "900000", "months": 36} for n in range(64)],
}
"""With what every grant counts towards, an approval has more bytes than an entry."""


def test_by_command() -> None:
    told = city(**LARGE)
    first = submit(told, "lab-1", SMALL)
    decide(told, first).refused(Code.OVER_LIMIT)
    assert dict(told.last.detail) == {"entry_bytes": f"{MAX_ENTRY_BYTES}"}  # type: ignore[union-attr]
    decide(told, first, "rejected").then_types(ApplicationDecided)


def test_by_the_timer_of_windows() -> None:
    told, window = opened("RANKED", **LARGE)
    first, second = submit(told, "lab-1", SMALL), submit(told, "lab-3", SMALL)
    for application in (first, second):
        score(told, application, 1)
    close(told, window)
    events = worked(told)
    assert outcomes(events) == {first: ("rejected", None), second: ("rejected", None)}
    assert {each.refusal for each in events if isinstance(each, ApplicationDecided)} == {"over_limit"}
    assert isinstance(events[-1], WindowSettled)


def test_by_the_timer_of_waiting_lists() -> None:
    told = city(budget=1, **QUEUE, **LARGE)
    decide(told, submit(told, "lab-1", SMALL), "waitlisted").then_types(ApplicationDecided)
    told.when(AppropriateBudget(programme_id="p1", amount=99 * YUAN, document="more"), actor="city-1")
    (waits,) = moves_up(told)
    assert isinstance(waits, ApplicationStillWaits)
    assert waits.refusal == "over_limit"
    assert moves_up(told) == []


def after_use(caps: list[dict[str, Any]]) -> Scenario:
    """A decision on a claim after use."""
    told = city(benefit__caps=caps, redemption={"model": "POST_USE_REIMBURSEMENT", "claimant": "BENEFICIARY"})
    line = replace(SMALL, starts=DAY_OF - 9, ends=DAY_OF - 1)
    claim = ClaimAfterUse(
        programme_id="p1", corrects=None, project_id="p".ljust(57, "x"), contract=None,
        invoice=Invoice(issuer_tax_id="91110108MA01", number="1", issued_on=DAY_OF), lines=(line,),
        other_support=(), evidence=(Evidence(type="INVOICE", sha256=bytes(32)),),
    )  # fmt: skip
    told.when(claim, actor="lab-1")
    assert not isinstance(told.last, Refusal), told.last
    (submitted,) = [each for each in told.last if isinstance(each, ApplicationSubmitted)]
    return decide(told, submitted.application_id)


def test_a_claim_after_use() -> None:
    after_use(capped()).refused(Code.OVER_LIMIT)
    assert not isinstance(after_use(capped(40)).last, Refusal)


def test_an_entry_of_a_timer_is_held_to_the_byte() -> None:
    at = At(1, 2, 0, host=HOST)
    event = ApplicationStillWaits(application_id="app-1-0", programme_id="p1", refusal="over_limit")
    size = [len(encode_entry(of_timer(f"{HOST}/issuance/main", "k", at, [event] * n))) for n in (1, 2)]
    most = 1 + (MAX_ENTRY_BYTES - size[0]) // (size[1] - size[0])
    assert fits_timer("issuance", "k", at, [event] * most)
    assert not fits_timer("issuance", "k", at, [event] * (most + 1))
