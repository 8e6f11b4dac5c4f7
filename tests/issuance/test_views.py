"""Issuance's read models show what its log says, in rows that fit their columns, and agree with its state."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from counterfoil.contract.codec import dump_event
from counterfoil.contract.events import LogOpened, RulesAdopted, WriterResumed
from counterfoil.contract.key_id import key_id_of
from counterfoil.contract.scalars import encode_base64
from counterfoil.contract.terms import FixedExpiry
from counterfoil.contract.times import DAY, SECOND
from counterfoil.issuance.commands import (
    AddKey,
    CloseParty,
    DelistProvider,
    ListProvider,
    PauseProgramme,
    ProposeRecovery,
    RecoverParty,
    ReduceBudget,
    ReinstateParty,
    ReinstateProvider,
    ReinstateVoucher,
    ResumeProgramme,
    ReturnVoucher,
    RevokeKey,
    RevokeVoucherV1,
    SetRecoveryKey,
    SuspendParty,
    SuspendProvider,
    SuspendVoucherV1,
)
from counterfoil.issuance.events import BudgetRecycled
from counterfoil.issuance.invoice_events import ClaimPermitted, InvoiceDue, UseDue
from counterfoil.issuance.run_off_events import CreditPaused, CreditResumed, ProgrammeDecided
from counterfoil.issuance.service import DECIDER, SERVICE
from counterfoil.issuance.taking_events import FactsStated
from counterfoil.issuance.views import REDUCERS
from counterfoil.ledger.events import VoucherCancelled, VoucherClosed, VoucherExpired, VoucherRestored
from counterfoil.ledger.transfer_events import VoucherSurrendered
from tests.issuance.world import BUDGET, CLASS, OPEN, PROGRAMME, VOUCHER, issue, market, public_key, taken
from tests.possession import proven
from tests.programmes import changed
from tests.views import Viewed, viewed_in

pytestmark = pytest.mark.usefixtures("any_paper")

START = 1_000_000_000_000_000  # the scenario's clock; its n-th entry comes n microseconds later


@pytest.fixture
def viewed(tmp_path: Path) -> Iterator[Viewed]:
    with viewed_in(tmp_path, SERVICE) as opened:
        yield opened


def test_every_event_but_some_is_shown() -> None:
    # The voucher was shown as revoked, or expired; an outage moves recoveries, of which the view says so.
    shown = set(DECIDER.evolve) - {
        VoucherCancelled,
        VoucherClosed,
        VoucherSurrendered,
        WriterResumed,
        InvoiceDue,
        UseDue,
        ClaimPermitted,
        ProgrammeDecided,  # the ledger shows it
        FactsStated,  # and what came of these
        CreditPaused,  # the pause of the programme is shown
        CreditResumed,
    }
    assert set(REDUCERS) == shown | {LogOpened, RulesAdopted}


def test_parties_keys_classes_and_listings(viewed: Viewed) -> None:
    scenario = viewed.of(market())
    scenario.when(AddKey(key=proven(50, "lab-2")), actor="lab-2", at=OPEN)
    old, new = key_id_of(public_key(5)), key_id_of(public_key(50))
    scenario.when(RevokeKey(party_id="lab-2", key_id=old, reason="lost"), actor="lab-2", at=OPEN + 7)
    scenario.when(replace(CLASS, version=2, bf16_mtflops_attested=280_000), actor="op")
    scenario.when(ListProvider(programme_id="p1", provider_id="gpu-1"), actor="city-1", at=OPEN + 20)

    assert sorted(viewed.table("parties")) == [
        (name,) for name in sorted(scenario.state.directory.parties) if name != "op"
    ]
    assert viewed.table("parties")["lab-2",] == {
        "party_id": "lab-2", "name": "LAB-2", "roles": ["beneficiary"], "group_id": "labs", "public": False,
        "registered_at": START + 7,
        "closed_at": None, "closed_because": None, "suspended_at": None, "suspended_because": None,
    }  # fmt: skip
    key = {"party_id": "lab-2", "use": "signing", "revoked_at": None, "revoked_because": None}
    assert viewed.table("keys")["lab-2", new] == {
        **key, "key_id": new, "public_key": encode_base64(public_key(50)), "added_at": OPEN,
    }  # fmt: skip
    assert viewed.table("keys")["lab-2", old] == {
        **key, "key_id": old, "public_key": encode_base64(public_key(5)), "added_at": START + 7,
        "revoked_at": OPEN + 7, "revoked_because": "lost",
    }  # fmt: skip
    attested = {row["version"]: row["bf16_mtflops_attested"] for row in viewed.table("classes").values()}
    assert attested == {1: None, 2: 280_000}
    assert viewed.table("classes")["a100", 1]["sources"] == ["maker's data sheet"]
    assert viewed.table("listings")["p1", "gpu-1"] == {
        "programme_id": "p1", "provider_id": "gpu-1", "listed_at": OPEN + 20, "status": "listed",
        "status_since": OPEN + 20, "status_reason": None,
    }  # fmt: skip


def test_who_and_what_is_stopped(viewed: Viewed) -> None:
    scenario = viewed.of(market())
    named = {"programme_id": "p1", "provider_id": "gpu-1", "reason": "meters"}
    scenario.when(ListProvider(programme_id="p1", provider_id="gpu-1"), "city-1", at=OPEN)
    shown = []
    for nth, body in enumerate((SuspendProvider(**named), ReinstateProvider(**named), DelistProvider(**named))):
        scenario.when(body, "city-1", at=OPEN + 1 + nth)
        row = viewed.row("listings", "p1", "gpu-1")
        shown.append((row["status"], row["status_since"], row["status_reason"], row["listed_at"]))
    assert shown == [
        (status, OPEN + 1 + nth, "meters", OPEN) for nth, status in enumerate(("suspended", "listed", "delisted"))
    ]
    scenario.when(PauseProgramme(programme_id="p1", reason="review"), "city-1", at=OPEN + 10)
    assert viewed.part("programmes", "p1", "paused_at", "paused_because") == (OPEN + 10, "review")
    scenario.when(ResumeProgramme(programme_id="p1", reason="done"), "city-1")
    assert viewed.part("programmes", "p1", "paused_at", "paused_because") == (None, None)
    scenario.when(SuspendParty(party_id="gpu-1", reason="fraud"), "op", at=OPEN + 20)
    assert viewed.part("parties", "gpu-1", "suspended_at", "suspended_because") == (OPEN + 20, "fraud")
    scenario.when(ReinstateParty(party_id="gpu-1", reason="inquiry is over"), "op")
    assert viewed.part("parties", "gpu-1", "suspended_at", "suspended_because") == (None, None)


def test_recoveries_and_the_keys_that_they_end(viewed: Viewed) -> None:
    scenario = viewed.of(market())
    recovery = proven(60, "lab-2", use="recovery")
    scenario.when(SetRecoveryKey(key=recovery, consent=None), "lab-2").when(CloseParty(reason="sold"), "lab-2")
    assert viewed.part("parties", "lab-2", "closed_because") == ("sold",)
    proposal = ProposeRecovery(party_id="lab-2", key=proven(61, "lab-2"), recovery_key=None, reason="lost")
    scenario.when(proposal, "op", at=OPEN)
    (first,) = scenario.state.recoveries
    assert viewed.row("recoveries", first) == {
        "recovery_id": first, "party_id": "lab-2", "proposed_by": "op", "reason": "lost", "key_id": id_of(61),
        "public_key": encode_base64(public_key(61)), "recovery_key": None, "status": "proposed", "proposed_at": OPEN,
        "in_force_at": OPEN + scenario.state.rules.recovery_delay, "ended_at": None, "ended_by": None,
        "ended_because": None,
    }  # fmt: skip
    other = proven(63, "lab-2", use="recovery")
    scenario.when(RecoverParty(key=proven(62, "lab-2"), recovery_key=other), "lab-2", at=OPEN + 5)
    assert viewed.part("recoveries", first, "status", "ended_by") == ("ended", "lab-2")
    (second,) = viewed.rows("recoveries", status="in_force")
    assert (second["proposed_by"], second["key_id"], second["in_force_at"]) == (None, id_of(62), OPEN + 5)
    rows = viewed.rows("keys", party_id="lab-2")
    assert {row["key_id"]: (row["use"], row["revoked_at"]) for row in rows} == {
        id_of(5): ("signing", OPEN + 5), id_of(60): ("recovery", OPEN + 5), id_of(62): ("signing", None),
        id_of(63): ("recovery", None),
    }  # fmt: skip
    assert viewed.part("parties", "lab-2", "closed_at") == (None,)
    scenario.when(proposal, "op").fires("recovery", OPEN + scenario.state.rules.recovery_delay + 50)
    assert sorted(row["status"] for row in viewed.rows("recoveries")) == ["ended", "in_force", "in_force"]


def id_of(number: int) -> str:
    return key_id_of(public_key(number))


def test_versions_of_a_programme_in_full(viewed: Viewed) -> None:
    scenario = viewed.of(market())
    second = changed(PROGRAMME, version=2, title="New terms", expiry=FixedExpiry(kind="fixed", at=OPEN + 40 * DAY))
    scenario.when(second, actor="city-1", at=OPEN + 1)
    event = scenario.state.programmes["p1"].current
    scenario.then(event)
    row = viewed.table("programme_versions")["p1", 2]
    assert row["terms_hash"] == event.terms_hash.hex()
    known = {**dump_event(event), **dump_event(event)["terms"]}
    plain = {name: value for name, value in known.items() if name in row}
    decoded = {
        "beneficiary_cap": 500, "min_face": 0, "valid_from": PROGRAMME.terms.valid_from,
        "valid_until": PROGRAMME.terms.valid_until,
        "terms_hash": row["terms_hash"], "classes": ["a100"], "regions": ["cn-north", "cn-east"],
    }  # fmt: skip
    assert row == {
        **plain, **decoded, "share_num": 1, "share_den": 2, "expires_at": OPEN + 40 * DAY,
        "expires_after_seconds": None, "published_at": OPEN + 1,
    }  # fmt: skip
    first = viewed.table("programme_versions")["p1", 1]
    assert (first["expires_at"], first["expires_after_seconds"]) == (None, 10 * DAY // SECOND)
    assert first["title"] == "Compute vouchers"
    current = viewed.table("programmes")["p1",]
    assert (current["version"], current["title"], current["appropriated"]) == (2, "New terms", 1_000)  # totals stay


def test_totals_of_a_programme_are_those_of_the_state(viewed: Viewed) -> None:
    scenario = viewed.of(market()).when(BUDGET, actor="city-1")
    scenario.when(issue("lab-1", 400), actor="city-1", at=OPEN).when(issue("lab-3", 150), actor="city-1")
    first = next(iter(scenario.state.vouchers))
    ended = VoucherExpired(voucher_id=first, programme_id="p1", amount=90, recycled=True, legs=())
    scenario.reacts_to(ended).then_types(VoucherExpired, BudgetRecycled)
    row, programme = viewed.table("programmes")["p1",], scenario.state.programmes["p1"]
    (published,) = {each["published_at"] for each in viewed.rows("programme_versions")}
    assert row == {
        "programme_id": "p1", "issuer_id": "city-1", "title": "Compute vouchers", "currency": "CNY", "version": 1,
        "appropriated": 2_000, "recycled": 90, "issued": 550, "uncommitted": 1_540, "vouchers_issued": 2,
        "published_at": published, "paused_at": None, "paused_because": None, "status": "open",
    }  # fmt: skip
    assert (programme.appropriated, programme.recycled, programme.issued, programme.uncommitted) == (
        2000,
        90,
        550,
        1540,
    )


def test_the_status_of_a_voucher(viewed: Viewed) -> None:
    scenario = viewed.of(market()).when(issue("lab-1", 400), actor="city-1", at=OPEN)
    row = viewed.table("vouchers")[VOUCHER,]
    assert row == {
        "voucher_id": VOUCHER, "programme_id": "p1", "version": 1, "beneficiary_id": "lab-1", "face": 400,
        "issued_at": OPEN, "not_before": OPEN, "expires_at": OPEN + 10 * DAY, "issue_seq": 1,
        "restored_from": None, "status": "active", "status_since": OPEN, "status_reason": None,
        "ground": None, "suspended_from": None, "suspended_until": None,
    }  # fmt: skip

    def status() -> list[object]:
        return list(viewed.part("vouchers", VOUCHER, "status", "status_since", "status_reason"))

    scenario.when(SuspendVoucherV1(voucher_id=VOUCHER, reason="audit"), actor="city-1", at=OPEN + 1)
    assert status() == ["suspended", OPEN + 1, "audit"]
    scenario.when(ReinstateVoucher(voucher_id=VOUCHER), actor="city-1", at=OPEN + 2)
    assert status() == ["active", OPEN + 2, None]
    scenario.when(RevokeVoucherV1(voucher_id=VOUCHER, reason="fraud"), actor="city-1", at=OPEN + 3)
    assert status() == ["revoked", OPEN + 3, "fraud"]
    cancelled = VoucherCancelled(voucher_id=VOUCHER, programme_id="p1", amount=400, legs=(taken(400),))
    scenario.reacts_to(cancelled, at=OPEN + 4)
    assert status() == ["revoked", OPEN + 3, "fraud"]
    assert (viewed.table("programmes")["p1",]["issued"], scenario.state.programmes["p1"].issued) == (0, 0)


def test_a_voucher_given_back_a_smaller_budget_and_a_voucher_made_of_what_came_back(viewed: Viewed) -> None:
    scenario = viewed.of(market()).when(issue("lab-1", 400), actor="city-1", at=OPEN)
    news = VoucherRestored(
        voucher_id="rvc-1-0-0", restored_from=VOUCHER, programme_id="p1", version=1, beneficiary_id="lab-1", face=50,
        not_before=OPEN, expires_at=OPEN + 3, issue_seq=1, suspended=True, legs=(),
    )  # fmt: skip
    scenario.reacts_to(news).when(ReturnVoucher(voucher_id=VOUCHER, reason="twice"), actor="lab-1", at=OPEN + 5)
    scenario.when(ReduceBudget(programme_id="p1", amount=70, document="b", reason="r"), actor="city-1")
    assert viewed.part("vouchers", VOUCHER, "status", "status_reason") == ("returned", "twice")
    came_back = viewed.part("vouchers", "rvc-1-0-0", "restored_from", "face", "status", "status_reason")
    assert came_back == (VOUCHER, 50, "active", None)
    assert [viewed.table("programmes")["p1",][name] for name in ("appropriated", "uncommitted")] == [930, 530]


def test_an_expired_voucher_expires_once(viewed: Viewed) -> None:
    scenario = viewed.of(market()).when(issue("lab-1", 400), actor="city-1", at=OPEN)
    expired = VoucherExpired(voucher_id=VOUCHER, programme_id="p1", amount=100, recycled=False, legs=())
    scenario.reacts_to(expired, at=OPEN + 10 * DAY).reacts_to(expired, at=OPEN + 11 * DAY)
    row = viewed.table("vouchers")[VOUCHER,]
    assert (row["status"], row["status_since"]) == ("expired", OPEN + 10 * DAY)
