"""Issuance's read models show what its log says, in rows that fit their columns, and agree with its state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from counterfoil.contract.codec import dump_event
from counterfoil.contract.limits import MAX_AMOUNT
from counterfoil.contract.record import Event
from counterfoil.contract.refusals import Refusal
from counterfoil.contract.scalars import encode_base64
from counterfoil.contract.terms import FixedExpiry
from counterfoil.contract.times import DAY, SECOND
from counterfoil.core.decider import At
from counterfoil.core.keys import key_id_of
from counterfoil.issuance.commands import (
    AddKey,
    ListProvider,
    ReinstateVoucher,
    RevokeKey,
    RevokeVoucher,
    SuspendVoucher,
)
from counterfoil.issuance.events import BudgetRecycled
from counterfoil.issuance.service import DECIDER
from counterfoil.issuance.views import REDUCERS, VIEWS
from counterfoil.ledger.events import VoucherCancelled, VoucherExpired
from counterfoil.ports import Add, Put, Row, Set
from tests.given import Scenario
from tests.issuance.world import BUDGET, CLASS, OPEN, PROGRAMME, VOUCHER, issue, market, public_key
from tests.programmes import changed

PYTHON = {"text": str, "int": int, "amount": int, "time": int, "bool": bool, "json": list}
START = 1_000_000_000_000_000  # the scenario's clock; its n-th entry comes n microseconds later


class Tables:
    """The views as dictionaries, changed as `ports` says a view store changes them, and strict about columns."""

    def __init__(self) -> None:
        self.views = {view.name: view for view in VIEWS}
        self.rows: dict[str, dict[tuple[object, ...], Row]] = {view.name: {} for view in VIEWS}

    def fold(self, events: Any, at: At) -> None:
        for event in events:
            for change in REDUCERS[type(event)](event, at) if type(event) in REDUCERS else ():
                rows, view = self.rows[change.view], self.views[change.view]
                if isinstance(change, Put):
                    assert list(change.row) == list(view.columns), change.view
                    row = dict(change.row)
                    rows[tuple(row[name] for name in view.key)] = row
                elif isinstance(change, Set):
                    rows[change.key].update(change.values)
                else:
                    assert isinstance(change, Add)
                    for name, amount in change.amounts.items():
                        rows[change.key][name] += amount  # type: ignore[operator]
                self.check(change.view)

    def check(self, name: str) -> None:
        columns = self.views[name].columns
        for row in self.rows[name].values():
            assert set(row) == set(columns)
            for column, value in row.items():
                kind = columns[column]
                assert kind.endswith("?") if value is None else type(value) is PYTHON[kind.removesuffix("?")], column
                assert type(value) is not int or -MAX_AMOUNT <= value <= MAX_AMOUNT


class Viewed(Scenario):
    """A scenario whose views follow what is decided."""

    def __init__(self) -> None:
        super().__init__(DECIDER)
        self.tables = Tables()
        self.rows = self.tables.rows

    def _apply(self, decision: Sequence[Event] | Refusal, here: At) -> Scenario:
        assert not isinstance(decision, Refusal), decision
        self.tables.fold(decision, here)
        return super()._apply(decision, here)


def test_views_are_well_formed() -> None:
    assert len({view.name for view in VIEWS}) == len(VIEWS)
    for view in VIEWS:
        assert set(view.key) | set(view.filters) <= set(view.columns)
        assert all(not view.columns[name].endswith("?") for name in view.key)
        assert all(kind.removesuffix("?") in PYTHON for kind in view.columns.values())
    assert set(REDUCERS) == set(DECIDER.evolve) - {VoucherCancelled}  # a revocation comes before its cancellation


def test_parties_keys_classes_and_listings() -> None:
    viewed = Viewed()
    scenario = market(viewed)
    scenario.when(AddKey(party_id="lab-2", public_key=public_key(50)), actor="lab-2", at=OPEN)
    old, new = key_id_of(public_key(5)), key_id_of(public_key(50))
    scenario.when(RevokeKey(party_id="lab-2", key_id=old, reason="lost"), actor="op", at=OPEN + 7)
    scenario.when(replace(CLASS, version=2, bf16_mtflops_attested=280_000), actor="op")
    scenario.when(ListProvider(programme_id="p1", provider_id="gpu-1"), actor="city-1", at=OPEN + 20)

    assert sorted(viewed.rows["parties"]) == [
        (name,) for name in sorted(scenario.state.directory.parties) if name != "op"
    ]
    assert viewed.rows["parties"]["lab-2",] == {
        "party_id": "lab-2", "name": "LAB-2", "roles": ["beneficiary"], "group_id": "labs", "registered_at": START + 7,
    }  # fmt: skip
    key = {"party_id": "lab-2", "revoked_at": None, "revoked_because": None}
    assert viewed.rows["keys"]["lab-2", new] == {
        **key, "key_id": new, "public_key": encode_base64(public_key(50)), "added_at": OPEN,
    }  # fmt: skip
    assert viewed.rows["keys"]["lab-2", old] == {
        **key, "key_id": old, "public_key": encode_base64(public_key(5)), "added_at": START + 7,
        "revoked_at": OPEN + 7, "revoked_because": "lost",
    }  # fmt: skip
    attested = {row["version"]: row["bf16_mtflops_attested"] for row in viewed.rows["classes"].values()}
    assert attested == {1: None, 2: 280_000}
    assert viewed.rows["classes"]["a100", 1]["sources"] == ["maker's data sheet"]
    assert viewed.rows["listings"] == {
        ("p1", "gpu-1"): {"programme_id": "p1", "provider_id": "gpu-1", "listed_at": OPEN + 20}
    }


def test_versions_of_a_programme_in_full() -> None:
    viewed = Viewed()
    scenario = market(viewed)
    second = changed(PROGRAMME, version=2, title="New terms", expiry=FixedExpiry(kind="fixed", at=OPEN + 40 * DAY))
    scenario.when(second, actor="city-1", at=OPEN + 1)
    event = scenario.state.programmes["p1"].current
    scenario.then(event)
    row = viewed.rows["programme_versions"]["p1", 2]
    assert row["terms_hash"] == event.terms_hash.hex()
    known = {**dump_event(event), **dump_event(event)["terms"]}
    plain = {name: value for name, value in known.items() if name in row}
    decoded = {
        "beneficiary_cap": 500, "valid_from": PROGRAMME.terms.valid_from, "valid_until": PROGRAMME.terms.valid_until,
        "terms_hash": row["terms_hash"], "classes": ["a100"], "regions": ["cn-north", "cn-east"],
    }  # fmt: skip
    assert row == {
        **plain, **decoded, "share_num": 1, "share_den": 2, "expires_at": OPEN + 40 * DAY,
        "expires_after_seconds": None, "published_at": OPEN + 1,
    }  # fmt: skip
    first = viewed.rows["programme_versions"]["p1", 1]
    assert (first["expires_at"], first["expires_after_seconds"]) == (None, 10 * DAY // SECOND)
    assert first["title"] == "Compute vouchers"
    current = viewed.rows["programmes"]["p1",]
    assert (current["version"], current["title"], current["appropriated"]) == (2, "New terms", 1_000)  # totals stay


def test_totals_of_a_programme_are_those_of_the_state() -> None:
    viewed = Viewed()
    scenario = market(viewed).when(BUDGET, actor="city-1")
    scenario.when(issue("lab-1", 400), actor="city-1", at=OPEN).when(issue("lab-3", 150), actor="city-1")
    first = next(iter(scenario.state.vouchers))
    ended = VoucherExpired(voucher_id=first, programme_id="p1", amount=90, recycled=True, legs=())
    scenario.reacts_to(ended).then_types(VoucherExpired, BudgetRecycled)
    row, programme = viewed.rows["programmes"]["p1",], scenario.state.programmes["p1"]
    assert row == {
        "programme_id": "p1", "issuer_id": "city-1", "title": "Compute vouchers", "currency": "CNY", "version": 1,
        "appropriated": 2_000, "recycled": 90, "issued": 550, "uncommitted": 1_540, "vouchers_issued": 2,
    }  # fmt: skip
    assert (programme.appropriated, programme.recycled, programme.issued, programme.uncommitted) == (
        2000,
        90,
        550,
        1540,
    )


def test_the_status_of_a_voucher() -> None:
    viewed = Viewed()
    scenario = market(viewed).when(issue("lab-1", 400), actor="city-1", at=OPEN)
    row = viewed.rows["vouchers"][VOUCHER,]
    assert row == {
        "voucher_id": VOUCHER, "programme_id": "p1", "version": 1, "beneficiary_id": "lab-1", "face": 400,
        "not_before": OPEN, "expires_at": OPEN + 10 * DAY, "issue_seq": 1,
        "status": "active", "status_since": OPEN, "status_reason": None,
    }  # fmt: skip

    def status() -> list[object]:
        return [row["status"], row["status_since"], row["status_reason"]]

    scenario.when(SuspendVoucher(voucher_id=VOUCHER, reason="audit"), actor="city-1", at=OPEN + 1)
    assert status() == ["suspended", OPEN + 1, "audit"]
    scenario.when(ReinstateVoucher(voucher_id=VOUCHER), actor="city-1", at=OPEN + 2)
    assert status() == ["active", OPEN + 2, None]
    scenario.when(RevokeVoucher(voucher_id=VOUCHER, reason="fraud"), actor="city-1", at=OPEN + 3)
    assert status() == ["revoked", OPEN + 3, "fraud"]
    cancelled = VoucherCancelled(voucher_id=VOUCHER, programme_id="p1", amount=400, legs=())
    scenario.reacts_to(cancelled, at=OPEN + 4)
    assert status() == ["revoked", OPEN + 3, "fraud"]


def test_an_expired_voucher_expires_once() -> None:
    viewed = Viewed()
    scenario = market(viewed).when(issue("lab-1", 400), actor="city-1", at=OPEN)
    expired = VoucherExpired(voucher_id=VOUCHER, programme_id="p1", amount=100, recycled=False, legs=())
    scenario.reacts_to(expired, at=OPEN + 10 * DAY).reacts_to(expired, at=OPEN + 11 * DAY)
    row = viewed.rows["vouchers"][VOUCHER,]
    assert (row["status"], row["status_since"]) == ("expired", OPEN + 10 * DAY)
