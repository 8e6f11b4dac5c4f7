"""The end of a voucher under a document: each holder told in time, offline, brought back on request, recycled."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from counterfoil.contract.refusals import Refusal
from counterfoil.contract.times import DAY, HOUR
from counterfoil.core.deadlines import Deadlines
from counterfoil.core.rules import LATEST, RULES
from counterfoil.issuance.run_off_events import RunOffBegun
from counterfoil.ledger.commands import AcceptTransfer, ProposeTransfer, RestoreVoucher
from counterfoil.ledger.events import FundingEnded, HoldPlaced, VoucherClosed, VoucherExpired, VoucherRestored
from counterfoil.ledger.expiry_events import ExpiryNotified
from counterfoil.ledger.extension_commands import ExtendVoucher
from counterfoil.programme.expiry import NEVER, timetable
from tests.documents import document, rules_from
from tests.ledger.story import (
    CLOSED,
    ENDS,
    LIFE,
    REINSTATED,
    REVOKED,
    SUSPENDED,
    Story,
    bid,
    code,
    ending,
    expire,
    issued,
    party,
)

OFFLINE, ASKED, EXPUNGED = ENDS - 5 * DAY, ENDS + 20 * DAY, ENDS + 60 * DAY
RESTORE = RestoreVoucher(voucher_id="v1")


def step(scene: Story, at: int) -> list[tuple[str, int, int | None]]:
    """(holder, amount, days) of the step that is due at a time, and no sooner."""
    assert scene.decider.due(scene.state) == (at, "expiry_step")
    scene.fires("expiry_step", at)
    return [(each.holder_id, each.amount, getattr(each, "days", None)) for each in scene.said]


def refusal(scene: Story) -> str | None:
    last = scene.last
    return last.code.value if isinstance(last, Refusal) else None


def test_a_voucher_goes_through_all_steps_and_is_recycled() -> None:
    scene = ending()
    assert step(scene, ENDS - 30 * DAY) == [("acme", 1_000, 30)]
    (notice,) = scene.said
    assert (notice.expires_at, notice.offline_at, notice.ends_at) == (ENDS, OFFLINE, EXPUNGED)
    assert step(scene, ENDS - 7 * DAY) == [("acme", 1_000, 7)]
    assert step(scene, OFFLINE) == [("acme", 1_000, None)]
    assert scene.said[0].restorable_until == ASKED
    before = scene.budget()
    assert scene.decider.due(scene.state) == (EXPUNGED, "voucher_expiry")
    expire(scene, EXPUNGED).then_types(VoucherExpired, VoucherClosed)
    assert scene.said[0].recycled
    assert scene.budget()[0] == before[0] + 1_000


def test_what_is_offline_pays_for_nothing_new_and_what_was_held_is_paid() -> None:
    scene = ending().hears(bid("early", 800), at=OFFLINE - 1)
    scene.then_types(HoldPlaced).hears(bid("late", 100), at=OFFLINE)
    assert code(scene) == "exceeds_available"
    scene.hears(bid("named", 100, 1, "v1"), at=OFFLINE)
    assert code(scene) == "voucher_offline"
    for at in (ENDS - 30 * DAY, ENDS - 7 * DAY, OFFLINE):
        scene.fires("expiry_step", at)
    scene.fires("funding_end", OFFLINE).then_types(FundingEnded)
    assert (scene.said[0].bid_id, scene.said[0].reason) == ("early", "suspended")
    scene.hears(CLOSED.__class__(bid_id="early", reason="cancelled"), at=ENDS)
    assert scene.voucher("v1")[:2] == (1_000, 0)  # back with its holder, who may ask for it
    scene.when(RESTORE, "acme", ENDS).then_types(VoucherRestored)


@pytest.mark.parametrize(
    ("at", "before", "expected"),
    [
        (OFFLINE - 2, [], "voucher_not_offline"),
        (OFFLINE, [], None),
        (ENDS, [], None),
        (ASKED - 3, [], None),
        (ASKED, [], "not_restorable"),
        (EXPUNGED, [], "voucher_expired"),
        (ENDS, [SUSPENDED], None),
        (ENDS, [SUSPENDED, REINSTATED], None),
        (ENDS, [REVOKED], "unknown_voucher"),
    ],
)
def test_a_holder_asks_in_time(at: int, before: list[Any], expected: str | None) -> None:
    scene = ending().hears(*before).when(RESTORE, "beta", at)
    assert refusal(scene) == "unknown_voucher"
    scene.when(RESTORE, "acme", at)
    assert refusal(scene) == expected
    if expected is None:
        (restored,) = scene.said
        assert (restored.face, restored.expires_at) == (1_000, EXPUNGED)
        assert restored.suspended is (before == [SUSPENDED])
        scene.when(RESTORE, "acme", at)
        assert refusal(scene) == "exceeds_available"


def test_what_was_brought_back_pays_until_the_old_one_ends_and_comes_back_no_second_time() -> None:
    scene = ending().when(RESTORE, "acme", ENDS)
    restored = scene.said[0].voucher_id
    scene.hears(bid("again", 200), at=ENDS + DAY).then_types(HoldPlaced)
    assert step(scene, EXPUNGED - 30 * DAY) == [("acme", 1_000, 30)]
    assert step(scene, EXPUNGED - 7 * DAY) == [("acme", 1_000, 7)]
    assert scene.decider.due(scene.state) == (EXPUNGED, "voucher_expiry")
    scene.when(RestoreVoucher(voucher_id=restored), "acme", EXPUNGED - 1)
    assert refusal(scene) == "voucher_not_offline"


def test_every_holder_is_told_of_what_it_has_a_bounded_number_in_an_entry() -> None:
    most, scene = RULES[LATEST].max_items_per_sweep, ending()
    firms = [f"firm{nth:02}" for nth in range(most)]
    for firm in firms:
        scene.hears(party(firm, "beneficiary"))
        scene.when(ProposeTransfer(voucher_id="v1", amount=10, receiver_id=firm, price=0), "acme")
        scene.when(AcceptTransfer(transfer_id=scene.said[0].transfer_id), firm)
    first = step(scene, ENDS - 30 * DAY)
    assert first == [("acme", 1_000 - 10 * most, 30), *((firm, 10, 30) for firm in firms[:-1])]
    leaving = ProposeTransfer(voucher_id="v1", amount=10, receiver_id="acme", price=0)
    scene.when(leaving, firms[-1]).when(AcceptTransfer(transfer_id=scene.said[0].transfer_id), "acme")
    assert len(step(scene, ENDS - 7 * DAY)) == most  # nobody is left to be told of the one before


@pytest.mark.parametrize(
    ("changes", "ends_at", "restorable"),
    [
        ({"restore_within_days": ..., "expunge_days": ...}, ENDS, None),
        ({"expunge_days": ...}, ASKED, ASKED),
        ({"restore_within_days": ..., "offline_days": ...}, EXPUNGED, None),
        ({"rule": {"kind": "NONE"}}, NEVER, None),
    ],
)
def test_a_document_says_which_steps_there_are(changes: dict[str, Any], ends_at: int, restorable: int | None) -> None:
    rule = {"kind": "FIXED", "on": "2099-12-31"}
    life = {name: each for name, each in {"rule": rule, **LIFE, **changes}.items() if each is not ...}
    found = timetable(rules_from(document(expiry=life)), NEVER if ends_at == NEVER else ENDS, restored=False)
    assert (found.ends_at, found.restorable_until) == (ends_at, restorable)
    assert [each.days for each in found.steps if each.days] == ([] if ends_at == NEVER else [30, 7])


def extend(scene: Story, days: int, at: int = ENDS - 40 * DAY, ground: str | None = None) -> Story:
    return scene.when(ExtendVoucher(voucher_id="v1", days=days, ground=ground, reason="site down"), "issuer", at)


def test_an_issuer_extends_within_what_the_document_allows_and_every_step_moves() -> None:
    """So many days, so often, on its grounds; notices that were given are given again."""
    scene = ending(extension_days=10, extensions=2, extension_grounds=["SITE_OUTAGE"])
    assert step(scene, ENDS - 30 * DAY) == [("acme", 1_000, 30)]
    for days, ground, code_ in (
        (0, "SITE_OUTAGE", "extension_not_permitted"), (11, "SITE_OUTAGE", "extension_not_permitted"),
        (10, None, "ground_not_in_rules"), (10, "OTHER", "ground_not_in_rules"),
    ):  # fmt: skip
        assert refusal(extend(scene, days, ground=ground)) == code_
    scene.hears(party("other", "issuer"))
    scene.when(ExtendVoucher(voucher_id="v1", days=1, ground="SITE_OUTAGE", reason="x"), "other")
    assert refusal(scene) == "unknown_voucher"
    later = ENDS + 10 * DAY
    (made,) = extend(scene, 10, ENDS - 30 * DAY + 1, "SITE_OUTAGE").said
    assert (made.number, made.expired_at, made.expires_at, made.holders) == (1, ENDS, later, ("acme",))
    assert step(scene, later - 30 * DAY) == [("acme", 1_000, 30)]
    scene.hears(bid("late", 100), at=ENDS - DAY).then_types(HoldPlaced)
    scene.hears(CLOSED.__class__(bid_id="late", reason="cancelled"))
    (made,) = extend(scene, 5, later - 6 * DAY, "SITE_OUTAGE").said
    later += 5 * DAY
    assert refusal(extend(scene, 1, later - 6 * DAY, "SITE_OUTAGE")) == "extension_not_permitted", "twice"
    assert step(scene, later - 7 * DAY) == [("acme", 1_000, 7)]
    assert step(scene, later - 5 * DAY) == [("acme", 1_000, None)]
    assert scene.decider.due(scene.state) == (later + 60 * DAY, "voucher_expiry")
    expire(scene, later + 60 * DAY).then_types(VoucherExpired, VoucherClosed)
    assert not scene.state.extended


@pytest.mark.parametrize(
    ("at", "before", "expected"),
    [
        (OFFLINE - 1, [], None),
        (OFFLINE - 1, [SUSPENDED], None),
        (OFFLINE, [], "voucher_offline"),
        (OFFLINE, [SUSPENDED], "voucher_offline"),
        (ENDS, [], "voucher_expired"),
        (OFFLINE - 1, [REVOKED], "unknown_voucher"),
    ],
)
def test_only_what_can_be_spent_is_extended(at: int, before: list[Any], expected: str | None) -> None:
    assert refusal(extend(ending(extension_days=10).hears(*before), 10, at)) == expected


def test_what_has_no_end_or_no_such_rule_is_not_extended() -> None:
    assert refusal(extend(ending(), 1)) == "extension_not_permitted"
    endless = ending(extension_days=10).hears(issued("v9", 10, version=2, expires_at=NEVER))
    endless.when(ExtendVoucher(voucher_id="v9", days=1, ground=None, reason="x"), "issuer")
    assert refusal(endless) == "extension_not_permitted"


def test_a_voucher_in_too_many_hands_is_not_extended() -> None:
    for most, expected in ((1, "over_limit"), (2, None)):
        scene = ending(extension_days=10)
        scene.when(ProposeTransfer(voucher_id="v1", amount=10, receiver_id="beta", price=0), "acme")
        scene.when(AcceptTransfer(transfer_id=scene.said[0].transfer_id), "beta")
        scene.state.rules = replace(RULES[LATEST], max_holders_extended=most)
        assert refusal(extend(scene, 10)) == expected


def test_without_such_rules_a_voucher_expires_at_its_time() -> None:
    scene = ending(notices_days=[], offline_days=..., restore_within_days=..., expunge_days=...)
    assert scene.decider.due(scene.state) == (ENDS, "voucher_expiry")
    scene.when(RESTORE, "acme", ENDS - 1)
    assert refusal(scene) == "voucher_not_offline"
    expire(scene).then_types(VoucherExpired, VoucherClosed)


def test_of_what_was_taken_away_nobody_is_told_that_it_ends() -> None:
    scene = ending()
    assert step(scene, ENDS - 30 * DAY) == [("acme", 1_000, 30)]
    scene.hears(REVOKED, at=ENDS - 20 * DAY)
    assert catch_up(scene, EXPUNGED) == []


def catch_up(scene: Story, now: int) -> list[Any]:
    """All that is due, by a service that was away until now."""
    said = []
    while (due := scene.decider.due(scene.state)) is not None and due[0] <= now:
        scene.fires(due[1], now)
        said += scene.said
    return said


def test_nothing_ends_before_each_step_was_told_however_late_that_is_noticed() -> None:
    later = issued("v2", 1_000, version=2, expires_at=ENDS + 40 * DAY)
    for proposed in (False, True):
        scene = ending().hears(later)
        if proposed:
            transfer = ProposeTransfer(voucher_id="v2", amount=10, receiver_id="beta", price=0)
            scene.when(transfer, "acme", ENDS - 31 * DAY)
        said = catch_up(scene, ENDS + 200 * DAY)
        for voucher_id in ("v1", "v2"):
            mine = [type(each).__name__ for each in said if getattr(each, "voucher_id", "") == voucher_id]
            told = ["ExpiryNotified", "ExpiryNotified", "VoucherTakenOffline", "VoucherExpired", "VoucherClosed"]
            assert [each for each in mine if each != "TransferClosed"] == told
        assert not scene.state.vouchers.open


def test_in_a_run_off_what_has_no_end_gets_one_and_its_notices() -> None:
    begun = ENDS + 61 * DAY
    last = (begun // DAY + 366) * DAY
    scene = ending(rule={"kind": "NONE"}).hears(issued("v8", 10, version=2, expires_at=NEVER))
    catch_up(scene, begun)
    assert list(scene.state.vouchers.open) == ["v8"]
    scene.hears(RunOffBegun(programme_id="city", reason="enough"), at=begun)
    scene.hears(issued("v9", 10, version=2, expires_at=NEVER))  # of what was applied for before
    assert [(each.voucher_id, each.holders) for each in catch_up(scene, begun + HOUR)] == [
        ("v8", ("acme",)), ("v9", ("acme",)),
    ]  # fmt: skip
    assert scene.state.vouchers.open["v8"].expires_at == last
    scene.when(ProposeTransfer(voucher_id="v8", amount=1, receiver_id="beta", price=0), "acme", begun + DAY)
    assert refusal(scene) == "programme_in_run_off"
    said = catch_up(scene, last + 61 * DAY)
    assert [each.days for each in said if isinstance(each, ExpiryNotified)] == [30, 30, 7, 7]
    assert [each.voucher_id for each in said if isinstance(each, VoucherClosed)] == ["v8", "v9"]


def test_an_end_is_given_without_a_look_at_the_deadlines_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many as they are: all of them come before anything else is decided."""
    scene = ending(rule={"kind": "NONE"})
    for number in range(40):
        scene.hears(issued(f"n{number}", 1, version=2, expires_at=NEVER))
    scene.hears(RunOffBegun(programme_id="city", reason="enough"), at=ENDS - 60 * DAY)
    monkeypatch.delattr(Deadlines, "forget")
    assert len(catch_up(scene, ENDS - 50 * DAY)) == 40
    assert scene.decider.due(scene.state) == (ENDS - 30 * DAY, "expiry_step")


@pytest.mark.parametrize(("grace", "placed"), [(0, False), (20, True)])
def test_what_is_settled_within_the_grace_may_be_ordered(grace: int, placed: bool) -> None:
    scene, start = ending(grace=grace), (ENDS - DAY) // HOUR + 2
    scene.hears(bid("late", 100, earliest=start, latest=start), at=ENDS - DAY)
    assert isinstance(scene.said[0], HoldPlaced) is placed
