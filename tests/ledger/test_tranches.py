"""Parts of a voucher that are released later: what each waits for, to the unit and the day, and how all of it ends."""

from __future__ import annotations

from typing import Any

import pytest

from counterfoil.contract.events import GroupAttested, PartySuspended
from counterfoil.contract.refusals import Code, Refusal
from counterfoil.contract.times import DAY
from counterfoil.core.rules import RULES
from counterfoil.ledger.commands import PledgeVoucher, ProposeTransfer, RestoreVoucher, SurrenderVoucher
from counterfoil.ledger.events import HoldPlaced, VoucherCancelled, VoucherClosed, VoucherCredited, VoucherExpired
from counterfoil.ledger.tranche_commands import AttestMilestone, ReleaseTranche
from counterfoil.ledger.tranche_events import MilestoneAttested, TrancheLapsed, TrancheReleased, TrancheWithheld
from counterfoil.programme.tranches import parts_of
from tests.documents import document, rules_from
from tests.documents import published as published_document
from tests.ledger.story import (  # fmt: skip
    COMPLETED,
    ENDS,
    LIFE,
    RETURNED,
    REVOKED,
    SUSPENDED,
    Story,
    T,
    accepted,
    bid,
    code,
    expire,
    issued,
    offer,
    party,
    story,
    trade,
)

REPORT = bytes(32)
ISSUE = {"share": "1/3", "release_on": "ISSUE"}


def city(*tranches: dict[str, Any], face: int = 1_000, **changes: Any) -> Story:
    """acme has a voucher of 1,000 that can be used in parts."""
    value = document(
        id="city", version=2, scope__classes=["h100"], benefit__tranches=tranches, benefit__tiers=[
            {"id": "all", "rate": "100%"}], benefit__rounding__quantum="0.000001", **changes,
    )  # fmt: skip
    documents = published_document(value, "issuer", "doc-2-0")
    parties = (party("issuer", "issuer"), party("board", "provider"), party("beta", "beneficiary"))
    return story(*parties, *documents, issued("v1", face, version=2))


def release(told: Story, tranche_id: str, at: int = T, report: bytes | None = None, by: str = "issuer") -> Story:
    return told.when(ReleaseTranche(tranche_id=tranche_id, report=report, reason="reached"), by, at)


def related(group_id: str) -> GroupAttested:
    """That the board belongs to a group."""
    return GroupAttested(
        party_id="board", group_id=group_id, since=T, source="register", group_after=group_id, attested_by="op"
    )


def waiting(told: Story) -> dict[str, int]:
    """What waits, by its id."""
    return {name: each.amount for name, each in told.state.encumbrances.tranches.items()}


def test_a_part_that_waits_is_neither_spent_nor_handed_on_nor_given_back_and_is_the_holders_once_released() -> None:
    told = city(ISSUE, {"share": "2/3", "release_on": "ISSUER_DECISION"}, transfer__mode="CLOSED_MARKET",
                transfer__pledge={"allowed": True})  # fmt: skip
    told.then_types(VoucherCredited, TrancheWithheld)
    ((tranche_id, amount),) = waiting(told).items()
    assert (amount, told.voucher("v1")[:2]) == (667, (333, 667))
    for body in (
        SurrenderVoucher(voucher_id="v1", amount=334, reason="x"),
        PledgeVoucher(voucher_id="v1", amount=334, pledgee_id="board"),
        ProposeTransfer(voucher_id="v1", amount=334, receiver_id="beta", price=0),
    ):
        told.when(body, "acme").refused(Code.EXCEEDS_AVAILABLE)
    told.hears(bid("more", 334, 1, "v1"))
    assert code(told) == "exceeds_available"
    told.hears(bid("all", 333, 1, "v1")).then_types(HoldPlaced)
    release(told, "trc-0-0").refused(Code.UNKNOWN_TRANCHE)
    release(told, tranche_id).then_types(TrancheReleased)
    assert told.voucher("v1")[:2] == (667, 333)
    release(told, tranche_id).refused(Code.UNKNOWN_TRANCHE)


def test_its_day_comes_and_not_a_day_before() -> None:
    told = city(ISSUE, {"share": "2/3", "release_on": "DATE", "after_days": 10})
    ((tranche_id, _),) = waiting(told).items()
    due = (T // DAY + 10) * DAY
    release(told, tranche_id, due - 1).refused(Code.TRANCHE_NOT_DUE)
    release(told, tranche_id, due).then_types(TrancheReleased)


def test_a_milestone_is_attested_by_whom_the_document_names_who_is_not_related_to_the_holder() -> None:
    told = city(ISSUE, {"share": "2/3", "release_on": "PROGRESS_REPORT", "attested_by": "board"})
    ((tranche_id, _),) = waiting(told).items()
    attest = AttestMilestone(tranche_id=tranche_id, report=REPORT, reason="trained")
    release(told, tranche_id, report=REPORT).refused(Code.TRANCHE_NOT_DUE)
    told.when(attest, "cloud").refused(Code.UNKNOWN_TRANCHE)
    told.hears(related("acme")).when(attest, "board").refused(Code.DUTIES_NOT_SEPARATE)
    told.hears(related("board")).when(attest, "board").then_types(MilestoneAttested)
    told.when(attest, "board").refused(Code.ALREADY_EXISTS)
    release(told, tranche_id).then_types(TrancheReleased)


def test_without_an_attester_the_issuer_names_a_report() -> None:
    told = city(ISSUE, {"share": "2/3", "release_on": "PROGRESS_REPORT"})
    ((tranche_id, _),) = waiting(told).items()
    release(told, tranche_id).refused(Code.EVIDENCE_MISSING)
    release(told, tranche_id, report=REPORT).then_types(TrancheReleased)


@pytest.mark.parametrize(
    ("part", "code"),
    [
        ({"release_on": "DATE", "after_days": 0}, None),
        ({"release_on": "ISSUER_DECISION"}, Code.PARTY_SUSPENDED),
        ({"release_on": "PROGRESS_REPORT"}, Code.PARTY_SUSPENDED),  # which it alone would judge
        ({"release_on": "PROGRESS_REPORT", "attested_by": "board"}, None),
    ],
)
def test_an_issuer_that_is_stopped_releases_what_was_earned_and_nothing_at_will(
    part: dict[str, Any], code: Code | None
) -> None:
    told = city(ISSUE, {"share": "2/3", **part})
    ((tranche_id, _),) = waiting(told).items()
    if "attested_by" in part:
        told.when(AttestMilestone(tranche_id=tranche_id, report=REPORT, reason="trained"), "board")
    told.hears(PartySuspended(party_id="issuer", reason="collusion"))
    release(told, tranche_id, report=REPORT)
    if code is None:
        told.then_types(TrancheReleased)
    else:
        told.refused(code)


@pytest.mark.parametrize(("used", "released"), [(266, False), (267, True)])
def test_the_part_before_is_used_to_the_unit(used: int, released: bool) -> None:
    """Of 333, 80 % is 266.4: 267 have to be used."""
    told = city(ISSUE, {"share": "2/3", "release_on": "FORMER_USED", "used_share": "80%"})
    ((tranche_id, _),) = waiting(told).items()
    told.hears(offer("offer", 100), bid("bid", used), trade("trade", used), accepted("trade", used))
    told.hears(COMPLETED)
    release(told, tranche_id)
    assert isinstance(told.last, Refusal) is not released
    if isinstance(told.last, Refusal):
        assert (told.last.code, dict(told.last.detail)["needed"]) == (Code.TRANCHE_NOT_DUE, "267")


def test_what_has_ended_of_the_part_before_is_not_asked_for_nor_a_rest_too_small_to_spend() -> None:
    part = {"share": "2/3", "release_on": "FORMER_USED"}
    told = city(ISSUE, part)
    ((tranche_id, _),) = waiting(told).items()
    told.when(SurrenderVoucher(voucher_id="v1", amount=100, reason="spare"), "acme")
    release(told, tranche_id).refused(Code.TRANCHE_NOT_DUE)
    told.when(SurrenderVoucher(voucher_id="v1", amount=233, reason="spare"), "acme")
    release(told, tranche_id).then_types(TrancheReleased)
    for used, released in ((273, False), (274, True)):  # of 333, with 60 at once at least
        told = city(ISSUE, part, spending__minimum={"amount": "0.00006"})
        ((tranche_id, _),) = waiting(told).items()
        told.hears(offer("offer", 100), bid("bid", used), trade("trade", used), accepted("trade", used), COMPLETED)
        assert isinstance(release(told, tranche_id).last, Refusal) is not released


def test_an_operator_attests_where_the_attester_is_silent_or_became_related() -> None:
    told = city(ISSUE, {"share": "2/3", "release_on": "PROGRESS_REPORT", "attested_by": "board"})
    ((tranche_id, _),) = waiting(told).items()
    told.hears(related("acme"), party("root", "operator"))
    attest = AttestMilestone(tranche_id=tranche_id, report=REPORT, reason="trained")
    told.when(attest, "root").then_types(MilestoneAttested)
    undocumented = city(ISSUE, {"share": "2/3", "release_on": "ISSUER_DECISION"}).hears(party("root", "operator"))
    ((tranche_id, _),) = waiting(undocumented).items()
    undocumented.when(AttestMilestone(tranche_id=tranche_id, report=REPORT, reason="x"), "root")
    undocumented.refused(Code.UNKNOWN_TRANCHE)


def test_a_suspended_voucher_releases_nothing() -> None:
    told = city(ISSUE, {"share": "2/3", "release_on": "ISSUER_DECISION"}).hears(SUSPENDED)
    ((tranche_id, _),) = waiting(told).items()
    release(told, tranche_id).refused(Code.VOUCHER_SUSPENDED)


@pytest.mark.parametrize("ending", [REVOKED, RETURNED, None])
def test_what_was_not_released_ends_with_its_voucher(ending: Any) -> None:
    """However it ends, all of its budget comes back, and the holder can bring nothing of it back."""
    told = city({"share": "100%", "release_on": "ISSUER_DECISION"}, expiry={
        "rule": {"kind": "RELATIVE", "after_days": 90}, **LIFE})  # fmt: skip
    over = ENDS + 60 * DAY
    if ending is None:
        told.when(RestoreVoucher(voucher_id="v1"), "acme", ENDS).refused(Code.EXCEEDS_AVAILABLE)
        while told.decider.due(told.state)[0] < over:  # type: ignore[index]
            told.fires("expiry_step", told.decider.due(told.state)[0])  # type: ignore[index]
        expire(told, over).then_types(VoucherExpired)
    else:
        told.hears(ending).then_types(VoucherCancelled)
    told.fires("encumbrance_end", over)
    told.then_types(TrancheLapsed, VoucherExpired if ending is None else VoucherCancelled, VoucherClosed)
    assert waiting(told) == {}
    assert told.budget()[:2] == (100_000, 0)


def test_all_parts_are_the_face_whatever_the_shares() -> None:
    thirds = [{"share": "1/3", "release_on": "ISSUER_DECISION"}] * 3
    rules = rules_from(document(benefit__tranches=thirds))
    for face in (1, 2, 3, 4, 1_000_001):
        parts = [amount for _, amount in parts_of(rules, face)]
        assert sum(parts) == face
        assert max(parts) - min(parts) <= 1
    assert sorted(waiting(city(*thirds, face=2)).values()) == [1, 1], "of nothing, nothing waits"


def test_rules_before_kept_nothing_back() -> None:
    told = city()
    told.state.rules = RULES[7]
    value = document(id="city", version=3, scope__classes=["h100"], benefit__tranches=[
        {"share": "100%", "release_on": "ISSUER_DECISION"}])  # fmt: skip
    told.hears(*published_document(value, "issuer", "doc-3-0"), issued("v2", 10, version=3))
    told.then_types(VoucherCredited)
