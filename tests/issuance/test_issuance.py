"""Issuance decides what it should, refuses with the first code that applies, and stops exactly at its limits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest

from counterfoil.contract.canonical import canonical
from counterfoil.contract.events import KeyAdded, KeyRevoked, PartyRegistered, ProgrammePublishedV1
from counterfoil.contract.forms import dump
from counterfoil.contract.key_id import key_id_of
from counterfoil.contract.limits import MAX_AMOUNT
from counterfoil.contract.possession import ProvenKey
from counterfoil.contract.record import Command as Body
from counterfoil.contract.record import Event
from counterfoil.contract.refusals import Code, Refusal
from counterfoil.contract.terms import FixedExpiry, Rate, RelativeExpiry
from counterfoil.contract.times import DAY
from counterfoil.core import standing
from counterfoil.core.rules import LATEST, RULES
from counterfoil.issuance import budgets, classes, keys, parties, programmes, rules, vouchers
from counterfoil.issuance.commands import (
    AddKey,
    AdoptRules,
    CloseParty,
    ListProvider,
    ReduceBudget,
    ReinstateVoucher,
    ReturnVoucher,
    RevokeKey,
    RevokeVoucherV1,
    SuspendVoucherV1,
)
from counterfoil.issuance.events import (
    BudgetAppropriated,
    BudgetRecycled,
    BudgetReduced,
    ClassRegisteredV1,
    IssueReversed,
    ProviderListed,
    VoucherIssued,
    VoucherReinstated,
    VoucherReturned,
    VoucherRevoked,
    VoucherSuspended,
)
from counterfoil.issuance.service import DECIDER
from counterfoil.ledger.events import VoucherCancelled, VoucherClosed, VoucherExpired, VoucherRestored
from tests.given import Scenario, codes_in
from tests.issuance.world import (
    BUDGET,
    CLASS,
    END,
    OPEN,
    PROGRAMME,
    VOUCHER,
    issue,
    market,
    people,
    public_key,
    register,
    taken,
)
from tests.possession import proven
from tests.programmes import changed
from tests.state_root import state_root

pytestmark = pytest.mark.usefixtures("any_paper")

MAX_CLASSES = RULES[LATEST].max_classes
MAX_REGIONS = RULES[LATEST].max_regions

SUSPEND = SuspendVoucherV1(voucher_id=VOUCHER, reason="audit")
REINSTATE = ReinstateVoucher(voucher_id=VOUCHER)
REVOKE = RevokeVoucherV1(voucher_id=VOUCHER, reason="fraud")
RETURN = ReturnVoucher(voucher_id=VOUCHER, reason="issued twice")
REDUCE = ReduceBudget(programme_id="p1", amount=700, document="budget-2026-b", reason="typing error")
CLOSED = VoucherClosed(voucher_id=VOUCHER)
LIST = ListProvider(programme_id="p1", provider_id="gpu-1")
SECOND_VERSION = changed(PROGRAMME, version=2)
SPENT = 10 * DAY  # how long a voucher of p1 lasts


def expired(amount: int, *, recycled: bool = True) -> VoucherExpired:
    return VoucherExpired(voucher_id=VOUCHER, programme_id="p1", amount=amount, recycled=recycled, legs=())


def cancelled(amount: int) -> VoucherCancelled:
    return VoucherCancelled(voucher_id=VOUCHER, programme_id="p1", amount=amount, legs=(taken(amount),))


def recycled(amount: int, uncommitted_after: int) -> BudgetRecycled:
    return BudgetRecycled(programme_id="p1", source_id=VOUCHER, amount=amount, uncommitted_after=uncommitted_after)


def reversed_(amount: int, uncommitted_after: int, group_issued_after: int = 0) -> IssueReversed:
    return IssueReversed(
        programme_id="p1", voucher_id=VOUCHER, amount=amount, uncommitted_after=uncommitted_after,
        group_issued_after=group_issued_after,
    )  # fmt: skip


def restored(voucher_id: str, *, suspended: bool = False) -> VoucherRestored:
    return VoucherRestored(
        voucher_id=voucher_id, restored_from=VOUCHER, programme_id="p1", version=1, beneficiary_id="lab-1", face=50,
        not_before=OPEN + SPENT, expires_at=OPEN + 3 * SPENT, issue_seq=1, suspended=suspended, legs=(),
    )  # fmt: skip


def only(scenario: Scenario) -> Event:
    assert not isinstance(scenario.last, Refusal)
    (event,) = scenario.last
    return event


# situations ---------------------------------------------------------------------------------------------------------


def market_open() -> Scenario:
    scenario = market()
    scenario.time = OPEN
    return scenario


def issued() -> Scenario:
    return market_open().when(issue("lab-1", 300), actor="city-1").then_types(VoucherIssued)


def suspended() -> Scenario:
    return issued().when(SUSPEND, actor="city-1").then_types(VoucherSuspended)


def revoked() -> Scenario:
    return issued().when(REVOKE, actor="city-1").then_types(VoucherRevoked)


def given_back() -> Scenario:
    scenario = issued().when(RETURN, actor="lab-2").refused(Code.UNKNOWN_VOUCHER)
    return scenario.when(RETURN, actor="lab-1").then(VoucherReturned(voucher_id=VOUCHER, reason="issued twice"))


def forgotten() -> Scenario:
    """By rules 1 to 3, a voucher was forgotten with its first part that ended."""
    scenario = issued()
    scenario.state.rules = RULES[3]
    scenario.reacts_to(expired(1))
    scenario.state.rules = RULES[LATEST]
    return scenario


def run_out(situation: Callable[[], Scenario]) -> Callable[[], Scenario]:
    def later() -> Scenario:
        scenario = situation()
        scenario.time = OPEN + SPENT
        return scenario

    return later


def closed() -> Scenario:
    scenario = market()
    scenario.time = END
    return scenario


def listed() -> Scenario:
    return market().when(LIST, actor="city-1").then_types(ProviderListed)


# what is decided ----------------------------------------------------------------------------------------------------


def test_a_registration_is_a_party_and_its_first_key() -> None:
    key = public_key(77)
    market().when(register("lab-9", 77, "beneficiary", "issuer", group="g9"), actor="op").then(
        PartyRegistered(party_id="lab-9", name="LAB-9", roles=("beneficiary", "issuer"), group_id="g9"),
        KeyAdded(party_id="lab-9", key_id=key_id_of(key), public_key=key),
    )


def test_keys_are_changed_by_their_party() -> None:
    first, second = (key_id_of(public_key(n)) for n in (4, 40))
    scenario = market().when(AddKey(key=proven(40, "lab-1")), actor="lab-1")
    scenario.then(KeyAdded(party_id="lab-1", key_id=second, public_key=public_key(40)))
    scenario.when(RevokeKey(party_id="lab-1", key_id=first, reason="lost"), actor="lab-1")
    scenario.then(KeyRevoked(party_id="lab-1", key_id=first, reason="lost"))
    keys = scenario.state.directory.parties["lab-1"].keys
    assert {key_id: in_force for key_id, (_, in_force) in keys.items()} == {first: False, second: True}


def test_published_terms_are_those_of_the_command_and_hashed() -> None:
    scenario = market().when(SECOND_VERSION, actor="city-1").then_types(ProgrammePublishedV1)
    event = only(scenario)
    assert isinstance(event, ProgrammePublishedV1)
    assert (event.version, event.terms, event.issuer_id) == (2, SECOND_VERSION.terms, "city-1")
    assert event.terms_hash == sha256(canonical(dump(SECOND_VERSION.terms))).digest()


def test_a_class_is_registered_version_by_version() -> None:
    members = {name: getattr(CLASS, name) for name in dump(CLASS)}
    market().when(replace(CLASS, version=2), actor="op").then(ClassRegisteredV1(**{**members, "version": 2}))


def test_budgets_add_up_and_providers_are_listed_once_per_programme() -> None:
    market().when(BUDGET, actor="city-1").then(
        BudgetAppropriated(programme_id="p1", amount=1_000, document="budget-2026", uncommitted_after=2_000)
    )
    scenario = listed().when(changed(PROGRAMME, programme_id="p2"), actor="city-2")
    scenario.when(replace(LIST, programme_id="p2"), actor="city-2")
    scenario.then(ProviderListed(programme_id="p2", provider_id="gpu-1"))


def test_a_voucher_states_its_terms_and_the_counts_after_it() -> None:
    first = VoucherIssued(
        voucher_id=VOUCHER,
        programme_id="p1",
        version=1,
        beneficiary_id="lab-1",
        face=300,
        not_before=OPEN,
        expires_at=OPEN + SPENT,
        issue_seq=1,
        uncommitted_after=700,
        group_issued_after=300,
    )
    market().when(issue("lab-1", 300), actor="city-1", at=OPEN).then(first).when(
        issue("lab-2", 100), actor="city-1", at=OPEN + 5
    ).then(
        replace(
            first,
            voucher_id="vch-14-0",
            beneficiary_id="lab-2",
            face=100,
            not_before=OPEN + 5,
            expires_at=OPEN + 5 + SPENT,
            issue_seq=2,
            uncommitted_after=600,
            group_issued_after=400,  # lab-2 is related to lab-1
        )
    )


def test_a_new_version_changes_vouchers_to_come_only() -> None:
    scenario, fixed = issued(), FixedExpiry(kind="fixed", at=OPEN + 90 * DAY)
    scenario.when(changed(SECOND_VERSION, expiry=fixed, beneficiary_cap=600), actor="city-1")
    assert scenario.state.vouchers[VOUCHER].expires_at < OPEN + SPENT + 100
    scenario.when(issue("lab-2", 301), actor="city-1").refused(Code.CAP_EXCEEDED)  # what version 1 issued counts on
    scenario.when(issue("lab-2", 300), actor="city-1").then_types(VoucherIssued)
    second = only(scenario)
    assert isinstance(second, VoucherIssued)
    assert (second.version, second.expires_at, second.uncommitted_after) == (2, OPEN + 90 * DAY, 400)


def test_a_suspension_is_lifted_and_a_suspended_voucher_may_be_revoked() -> None:
    suspended().when(REINSTATE, actor="city-1").then(VoucherReinstated(voucher_id=VOUCHER)).when(
        SUSPEND, actor="city-1"
    ).then(VoucherSuspended(voucher_id=VOUCHER, reason="audit")).when(REVOKE, actor="city-1").then(
        VoucherRevoked(voucher_id=VOUCHER, reason="fraud")
    )


# the ledger's word --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("situation", "reported", "follows", "code"),
    [
        (issued, expired(300), [expired(300), recycled(300, 1_000)], Code.VOUCHER_EXPIRED),
        (issued, expired(120), [expired(120), recycled(120, 820)], Code.VOUCHER_EXPIRED),  # 180: redeemed, or held
        (issued, expired(0), [expired(0)], Code.VOUCHER_EXPIRED),
        (issued, expired(300, recycled=False), [expired(300, recycled=False)], Code.VOUCHER_EXPIRED),
        (revoked, cancelled(300), [reversed_(300, 1_000)], Code.VOUCHER_REVOKED),
        (given_back, cancelled(120), [reversed_(120, 820, 180)], Code.VOUCHER_REVOKED),
        (revoked, cancelled(0), [], Code.VOUCHER_REVOKED),
        (revoked, expired(300), [expired(300), recycled(300, 1_000)], Code.VOUCHER_EXPIRED),  # the sweep came first
    ],
)
def test_a_voucher_ends_when_the_ledger_says_so(
    situation: Callable[[], Scenario], reported: Event, follows: list[Event], code: Code
) -> None:
    """It is known for as long as something of it may be left."""
    scenario = situation().reacts_to(reported).then(*follows)
    scenario.when(REVOKE, actor="city-1").refused(code).when(RETURN, actor="lab-1").refused(code)
    scenario.reacts_to(CLOSED).then(CLOSED).reacts_to(CLOSED).then()
    assert (scenario.state.vouchers, scenario.state.open_vouchers) == ({}, {})
    for body in (SUSPEND, REINSTATE, REVOKE):
        scenario.when(body, actor="city-1").refused(Code.UNKNOWN_VOUCHER)


def test_what_was_held_at_the_end_comes_back_later() -> None:
    scenario = issued().reacts_to(expired(100))
    scenario.reacts_to(expired(150)).then(recycled(150, 950))
    scenario.reacts_to(expired(0)).then()
    scenario.reacts_to(expired(50, recycled=False)).then()


def test_what_is_cancelled_unspent_counts_neither_as_issued_nor_towards_the_cap() -> None:
    scenario = given_back().reacts_to(cancelled(200)).then(reversed_(200, 900, 100))
    scenario.reacts_to(cancelled(40)).then(reversed_(40, 940, 60))  # a hold was released; 60 were spent
    scenario.reacts_to(CLOSED).when(issue("lab-2", 441), actor="city-1").refused(Code.CAP_EXCEEDED)
    scenario.when(issue("lab-2", 440), actor="city-1").then_types(VoucherIssued)


def test_a_budget_is_reduced_to_what_is_committed_and_no_further() -> None:
    scenario = issued().when(replace(REDUCE, amount=701), actor="city-1").refused(Code.APPROPRIATION_EXCEEDED)
    scenario.when(REDUCE, actor="city-2").refused(Code.NOT_YOURS)
    scenario.when(REDUCE, actor="city-1").then(
        BudgetReduced(
            programme_id="p1", amount=700, document="budget-2026-b", reason="typing error", uncommitted_after=0
        )
    )
    scenario.when(replace(REDUCE, amount=1), actor="city-1").refused(Code.APPROPRIATION_EXCEEDED)
    scenario.when(issue("lab-1", 1), actor="city-1").refused(Code.APPROPRIATION_EXCEEDED)


@pytest.mark.parametrize(
    ("situation", "suspended_there", "follows"),
    [
        (forgotten, False, []),
        (issued, False, []),
        (issued, True, [VoucherReinstated(voucher_id="rvc-1-0-0")]),
        (suspended, True, []),
        (suspended, False, [VoucherSuspended(voucher_id="rvc-1-0-0", reason=f"{VOUCHER} is suspended")]),
        (revoked, False, [VoucherRevoked(voucher_id="rvc-1-0-0", reason=f"{VOUCHER} was revoked")]),
        (given_back, False, [VoucherRevoked(voucher_id="rvc-1-0-0", reason=f"{VOUCHER} was returned")]),
    ],
)
def test_value_that_came_back_is_known_as_a_voucher_and_follows_what_was_decided_meanwhile(
    situation: Callable[[], Scenario], suspended_there: bool, follows: list[Event]
) -> None:
    """It was issued before: neither the budget nor the cap is touched."""
    scenario, news = situation(), restored("rvc-1-0-0", suspended=suspended_there)
    programme = replace(scenario.state.programmes["p1"])
    scenario.reacts_to(news).then(news, *follows).reacts_to(CLOSED)
    assert scenario.state.programmes["p1"] == programme
    assert scenario.state.counted("p1", "labs") == 300
    scenario.time = OPEN + 2 * SPENT
    again = replace(REVOKE, voucher_id="rvc-1-0-0")
    if any(isinstance(each, VoucherRevoked) for each in follows):
        scenario.when(again, actor="city-1").refused(Code.VOUCHER_REVOKED)
    else:
        scenario.when(again, actor="city-1").then_types(VoucherRevoked)


# what is refused ----------------------------------------------------------------------------------------------------

WEAK = ProvenKey(public_key=bytes(31) + b"\x01", proof=bytes(64))  # no point of the curve's prime-order group
KEY_1, KEY_4 = key_id_of(public_key(1)), key_id_of(public_key(4))
REVOKE_4 = RevokeKey(party_id="lab-1", key_id=KEY_4, reason="lost")
NO_TIME = RelativeExpiry(kind="relative", after_seconds=0)
ADD = AddKey(key=proven(90, "lab-1"))


def retired_key() -> Scenario:
    return market().when(ADD, actor="lab-1").when(REVOKE_4, actor="lab-1").then_types(KeyRevoked)


def period(valid_from: int, valid_until: int) -> dict[str, Any]:
    return {"valid_from": valid_from, "valid_until": valid_until}


def adopt(rules: int, replaces: int) -> AdoptRules:
    return AdoptRules(rules=rules, replaces=replaces, release="9.9.9")


def closed_party() -> Scenario:
    scenario = market()
    for party_id in ("lab-1", "gpu-1"):
        scenario.when(CloseParty(reason="sold"), party_id)
    return scenario


REFUSALS: list[tuple[Callable[[], Scenario], Body, str, Code]] = [
    (people, adopt(3, 1), "op", Code.RULES_NOT_IN_FORCE),
    (people, adopt(LATEST, LATEST), "op", Code.RULES_NOT_NEWER),
    (people, adopt(3, 2), "city-1", Code.ROLE_NOT_ALLOWED),
    (people, register("lab-1", 90, "beneficiary"), "op", Code.ALREADY_EXISTS),
    (people, register("lab-l", 90, "beneficiary"), "op", Code.NAME_CONFUSABLE),
    (people, replace(register("lab-9", 90, "issuer"), key=WEAK), "op", Code.KEY_NOT_ACCEPTABLE),
    (people, register("lab-9", 4, "issuer"), "op", Code.KEY_NOT_ACCEPTABLE),
    (people, register("lab-9", 90, "issuer", "provider", "issuer"), "op", Code.DUPLICATE_ITEM),
    (people, register("lab-9", 90), "op", Code.EMPTY_LIST),
    (people, register("lab-9", 90, "issuer"), "city-1", Code.ROLE_NOT_ALLOWED),
    (people, AddKey(key=WEAK), "lab-1", Code.KEY_NOT_ACCEPTABLE),
    (people, AddKey(key=proven(4, "lab-1")), "lab-1", Code.KEY_NOT_ACCEPTABLE),
    (people, AddKey(key=proven(5, "lab-1")), "lab-1", Code.KEY_NOT_ACCEPTABLE),
    (retired_key, AddKey(key=proven(4, "lab-1")), "lab-1", Code.KEY_NOT_ACCEPTABLE),
    (people, replace(REVOKE_4, party_id="nobody"), "op", Code.UNKNOWN_PARTY),
    (people, replace(REVOKE_4, key_id=KEY_1), "lab-1", Code.UNKNOWN_KEY_ID),
    (retired_key, REVOKE_4, "lab-1", Code.UNKNOWN_KEY_ID),
    (closed_party, issue("lab-1", 10), "city-1", Code.PARTY_CLOSED),
    (closed_party, LIST, "city-1", Code.PARTY_CLOSED),
    (people, REVOKE_4, "city-1", Code.NOT_YOURS),
    (people, REVOKE_4, "op", Code.NOT_YOURS),
    (people, REVOKE_4, "lab-1", Code.LAST_KEY),
    (people, replace(CLASS, version=1), "op", Code.VERSION_NOT_NEXT),
    (people, replace(CLASS, version=3), "op", Code.VERSION_NOT_NEXT),
    (people, changed(PROGRAMME, classes=("a100", "h100")), "city-1", Code.UNKNOWN_CLASS),
    (market, SECOND_VERSION, "city-2", Code.NOT_YOURS),
    (market, PROGRAMME, "city-1", Code.VERSION_NOT_NEXT),
    (market, changed(PROGRAMME, version=3), "city-1", Code.VERSION_NOT_NEXT),
    (people, SECOND_VERSION, "city-1", Code.VERSION_NOT_NEXT),
    (people, changed(PROGRAMME, share=Rate(num=0, den=2)), "city-1", Code.RATE_NOT_A_SHARE),
    (people, changed(PROGRAMME, share=Rate(num=3, den=2)), "city-1", Code.RATE_NOT_A_SHARE),
    (people, changed(PROGRAMME, **period(OPEN, OPEN)), "city-1", Code.PERIOD_NOT_VALID),
    (people, changed(PROGRAMME, expiry=FixedExpiry(kind="fixed", at=OPEN)), "city-1", Code.PERIOD_NOT_VALID),
    (people, changed(PROGRAMME, expiry=NO_TIME), "city-1", Code.PERIOD_NOT_VALID),
    (people, changed(PROGRAMME, classes=("a100", "a100")), "city-1", Code.DUPLICATE_ITEM),
    (people, changed(PROGRAMME, regions=("x", "y", "x")), "city-1", Code.DUPLICATE_ITEM),
    (people, changed(PROGRAMME, classes=()), "city-1", Code.EMPTY_LIST),
    (people, changed(PROGRAMME, regions=()), "city-1", Code.EMPTY_LIST),
    (market, changed(SECOND_VERSION, currency="EUR"), "city-1", Code.CURRENCY_MISMATCH),
    (market, replace(BUDGET, programme_id="p9"), "city-1", Code.UNKNOWN_PROGRAMME),
    (market, BUDGET, "city-2", Code.NOT_YOURS),
    (market, replace(LIST, provider_id="nobody"), "city-1", Code.UNKNOWN_PARTY),
    (market, replace(LIST, programme_id="p9"), "city-1", Code.UNKNOWN_PROGRAMME),
    (market, LIST, "city-2", Code.NOT_YOURS),
    (listed, LIST, "city-1", Code.PROVIDER_ALREADY_LISTED),
    (market, replace(LIST, provider_id="lab-1"), "city-1", Code.PARTY_NOT_A_PROVIDER),
    (market_open, issue("nobody", 1), "city-1", Code.UNKNOWN_PARTY),
    (market_open, replace(issue("lab-1", 1), programme_id="p9"), "city-1", Code.UNKNOWN_PROGRAMME),
    (market_open, issue("lab-1", 1), "city-2", Code.NOT_YOURS),
    (market, issue("lab-1", 1), "city-1", Code.PROGRAMME_NOT_OPEN),
    (closed, issue("lab-1", 1), "city-1", Code.PROGRAMME_NOT_OPEN),
    (market_open, issue("gpu-1", 1), "city-1", Code.PARTY_NOT_A_BENEFICIARY),
    (issued, replace(SUSPEND, voucher_id="vch-99-0"), "city-1", Code.UNKNOWN_VOUCHER),
    (issued, SUSPEND, "city-2", Code.UNKNOWN_VOUCHER),
    (suspended, SUSPEND, "city-1", Code.VOUCHER_SUSPENDED),
    (revoked, SUSPEND, "city-1", Code.VOUCHER_REVOKED),
    (run_out(issued), SUSPEND, "city-1", Code.VOUCHER_EXPIRED),
    (issued, replace(REINSTATE, voucher_id="vch-99-0"), "city-1", Code.UNKNOWN_VOUCHER),
    (suspended, REINSTATE, "city-2", Code.UNKNOWN_VOUCHER),
    (issued, REINSTATE, "city-1", Code.VOUCHER_NOT_SUSPENDED),
    (run_out(suspended), REINSTATE, "city-1", Code.VOUCHER_EXPIRED),
    (issued, replace(REVOKE, voucher_id="vch-99-0"), "city-1", Code.UNKNOWN_VOUCHER),
    (issued, REVOKE, "city-2", Code.UNKNOWN_VOUCHER),
    (revoked, REVOKE, "city-1", Code.VOUCHER_REVOKED),
    (run_out(suspended), REVOKE, "city-1", Code.VOUCHER_EXPIRED),
]


@pytest.mark.parametrize(("situation", "body", "actor", "code"), REFUSALS)
def test_refused(situation: Callable[[], Scenario], body: Body, actor: str, code: Code) -> None:
    scenario = situation()
    before = state_root(DECIDER.records(scenario.state))
    scenario.when(body, actor=actor).refused(code)
    assert state_root(DECIDER.records(scenario.state)) == before


AT_LIMITS = {
    Code.OVER_LIMIT, Code.AMOUNT_TOO_LARGE, Code.FACE_TOO_SMALL, Code.MINIMUM_EXCEEDS_QUANTITY, Code.CAP_EXCEEDED,
    Code.APPROPRIATION_EXCEEDED,
}  # fmt: skip


def test_every_code_that_issuance_may_answer_is_reached() -> None:
    answered = codes_in(budgets, classes, keys, parties, programmes, rules, standing, vouchers) - {Code.UNKNOWN_RULES}
    answered -= {Code.KEY_NOT_PROVEN, Code.ROOT_OPERATOR}  # in `test_recoveries`
    answered -= {Code.PARTY_SUSPENDED, Code.PROGRAMME_PAUSED}  # in `test_pausing`
    answered -= {Code.DOCUMENT_INCOMPLETE, Code.DOCUMENT_MALFORMED, Code.PROGRAMME_CONTRADICTORY}  # in `test_documents`
    answered -= {Code.UNKNOWN_CURRENCY, Code.PRICE_OFF_TICK, Code.CLASS_DESCRIBED}  # in `test_classes`
    answered -= {Code.GROUND_NOT_IN_RULES}  # in `tests/e2e/test_freezing.py`
    answered -= {Code.DECIDED_BY_APPLICATION, Code.NOT_GRANTED}  # in `test_waiting`
    assert answered == {code for *_, code in REFUSALS if code is not Code.ROLE_NOT_ALLOWED} | AT_LIMITS


FAULTS: dict[str, list[tuple[Code, dict[str, Any]]]] = {
    "programme": [
        (Code.UNKNOWN_CLASS, {"classes": ("b", "b")}),
        (Code.NOT_YOURS, {"programme_id": "p2"}),
        (Code.VERSION_NOT_NEXT, {"version": 7}),
        (Code.RATE_NOT_A_SHARE, {"share": Rate(num=2, den=1)}),
        (Code.PERIOD_NOT_VALID, {"valid_until": 0}),
        (Code.DUPLICATE_ITEM, {"regions": ("r",) * 17}),
        (Code.EMPTY_LIST, {"classes": ()}),
        (Code.OVER_LIMIT, {"regions": tuple(f"r{n}" for n in range(17))}),
        (Code.CURRENCY_MISMATCH, {"currency": "EUR"}),
    ],
    "voucher": [
        (Code.UNKNOWN_PARTY, {"beneficiary_id": "nobody"}),
        (Code.UNKNOWN_PROGRAMME, {"programme_id": "p9"}),
        (Code.NOT_YOURS, {"programme_id": "p2"}),
        (Code.AMOUNT_TOO_LARGE, {"amount": MAX_AMOUNT}),
        (Code.PARTY_NOT_A_BENEFICIARY, {"beneficiary_id": "gpu-1"}),
        (Code.CAP_EXCEEDED, {"amount": 1_001}),
    ],
}


@pytest.mark.parametrize("kind", FAULTS)
def test_the_first_fault_is_the_one_reported(kind: str) -> None:
    """Every pair of faults that one body can have, in each case with the later one alone refused as itself."""
    order, faults = list(Code), FAULTS[kind]
    scenario = market_open().when(changed(PROGRAMME, programme_id="p2"), actor="city-2")
    scenario.when(issue("lab-3", 1), actor="city-1").then_types(VoucherIssued)
    sound: Any = SECOND_VERSION if kind == "programme" else issue("lab-1", 500)
    for code, fault in faults:
        scenario.when(changed(sound, **fault), actor="city-1").refused(code)
        for later, other in faults[faults.index((code, fault)) + 1 :]:
            assert order.index(code) < order.index(later)
            scenario.when(changed(sound, **{**other, **fault}), actor="city-1").refused(code)
    scenario.when(sound, actor="city-1").then_types(ProgrammePublishedV1 if kind == "programme" else VoucherIssued)


# limits -------------------------------------------------------------------------------------------------------------


def test_keys_in_force_per_party() -> None:
    scenario = people()
    for n in range(100, 100 + RULES[LATEST].max_keys_per_party - 1):
        scenario.when(AddKey(key=proven(n, "lab-1")), actor="lab-1").then_types(KeyAdded)
    scenario.when(ADD, actor="lab-1").refused(Code.OVER_LIMIT)
    scenario.when(REVOKE_4, actor="lab-1").when(ADD, actor="lab-1").then_types(KeyAdded)  # keys can always be renewed


@pytest.mark.parametrize(
    ("body", "field", "most"),
    [
        (replace(CLASS, class_id="c"), "sources", RULES[LATEST].max_sources),
        (PROGRAMME, "regions", MAX_REGIONS),
        (PROGRAMME, "classes", MAX_CLASSES),
    ],
)
def test_lists(body: Any, field: str, most: int) -> None:
    scenario = people()
    names = tuple(f"n-{n}" for n in range(most + 1))
    for name in names:
        scenario.when(replace(CLASS, class_id=name), actor="op")
    actor = "city-1" if body is PROGRAMME else "op"
    scenario.when(changed(body, **{field: names}), actor=actor).refused(Code.OVER_LIMIT)
    scenario.when(changed(body, **{field: names[:most]}), actor=actor)
    assert isinstance(scenario.last, list)


def test_open_vouchers_per_beneficiary_and_programme() -> None:
    """One issuer's vouchers, however small, bar no other's."""
    scenario = people(Scenario(DECIDER)).when(changed(PROGRAMME, beneficiary_cap=MAX_AMOUNT), actor="city-1")
    scenario.when(changed(PROGRAMME, programme_id="p2"), actor="city-2")
    scenario.when(replace(BUDGET, amount=20_000), actor="city-1")
    scenario.when(replace(BUDGET, programme_id="p2"), actor="city-2")
    scenario.time = OPEN
    most = RULES[LATEST].max_open_vouchers_per_programme
    assert most is not None
    for _ in range(most):
        scenario.when(issue("lab-1", 1), actor="city-1")
    scenario.then_types(VoucherIssued).when(issue("lab-1", 1), actor="city-1").refused(Code.OVER_LIMIT)
    scenario.when(issue("lab-2", 1), actor="city-1").then_types(VoucherIssued)
    scenario.when(replace(issue("lab-1", 1), programme_id="p2"), actor="city-2").then_types(VoucherIssued)
    closed = VoucherClosed(voucher_id=next(iter(scenario.state.vouchers)))
    scenario.reacts_to(closed).when(issue("lab-1", 1), actor="city-1").then_types(VoucherIssued)
    scenario.when(issue("lab-1", 1), actor="city-1").refused(Code.OVER_LIMIT)


def test_the_cap_is_the_groups() -> None:
    scenario = issued()
    scenario.when(issue("lab-2", 201), actor="city-1").refused(Code.CAP_EXCEEDED)
    scenario.when(issue("lab-2", 200), actor="city-1").then_types(VoucherIssued)
    scenario.when(issue("lab-1", 1), actor="city-1").refused(Code.CAP_EXCEEDED)
    scenario.reacts_to(expired(300)).when(issue("lab-1", 1), actor="city-1").refused(Code.CAP_EXCEEDED)
    scenario.when(issue("lab-3", 500), actor="city-1").then_types(VoucherIssued)


def test_the_uncommitted_budget() -> None:
    scenario = issued().when(issue("lab-3", 400), actor="city-1")
    scenario.when(register("lab-4", 8, "beneficiary"), actor="op")
    scenario.when(issue("lab-4", 301), actor="city-1").refused(Code.APPROPRIATION_EXCEEDED)
    scenario.when(issue("lab-4", 300), actor="city-1").then_types(VoucherIssued)
    scenario.when(issue("lab-4", 1), actor="city-1").refused(Code.APPROPRIATION_EXCEEDED)
    scenario.reacts_to(expired(7)).when(issue("lab-4", 8), actor="city-1").refused(Code.APPROPRIATION_EXCEEDED)
    scenario.when(issue("lab-4", 7), actor="city-1").then_types(VoucherIssued)


def test_no_counter_of_the_ledger_can_overflow() -> None:
    """All that was issued may come back: what is appropriated, and what is issued, stays within one counter each."""
    half = MAX_AMOUNT // 2
    scenario = people().when(changed(PROGRAMME, beneficiary_cap=MAX_AMOUNT), actor="city-1")
    scenario.when(replace(BUDGET, amount=half), actor="city-1").then_types(BudgetAppropriated)
    scenario.when(replace(BUDGET, amount=half + 2), actor="city-1").refused(Code.AMOUNT_TOO_LARGE)
    scenario.time = OPEN
    scenario.when(issue("lab-1", half), actor="city-1").then_types(VoucherIssued).reacts_to(expired(half))
    scenario.when(issue("lab-3", half), actor="city-1").then_types(VoucherIssued)
    scenario.reacts_to(replace(expired(half), voucher_id="vch-17-0"))
    scenario.when(issue("lab-1", 2), actor="city-1").refused(Code.AMOUNT_TOO_LARGE)
    scenario.when(issue("lab-1", 1), actor="city-1").then_types(VoucherIssued)
    scenario.when(issue("lab-3", 1), actor="city-1").refused(Code.AMOUNT_TOO_LARGE)
    whole = people().when(PROGRAMME, actor="city-1").when(replace(BUDGET, amount=MAX_AMOUNT), actor="city-1")
    whole.then_types(BudgetAppropriated).when(replace(BUDGET, amount=1), actor="city-1").refused(Code.AMOUNT_TOO_LARGE)


@pytest.mark.parametrize(("time", "is_open"), [(OPEN - 1, False), (OPEN, True), (END - 1, True), (END, False)])
def test_vouchers_are_issued_within_the_period(time: int, is_open: bool) -> None:
    scenario = market().when(issue("lab-1", 1), actor="city-1", at=time)
    if is_open:
        scenario.then_types(VoucherIssued)
    else:
        scenario.refused(Code.PROGRAMME_NOT_OPEN)


def test_no_voucher_is_born_expired() -> None:
    expiry = FixedExpiry(kind="fixed", at=OPEN + DAY)
    scenario = market().when(changed(SECOND_VERSION, expiry=expiry), actor="city-1")
    scenario.when(issue("lab-1", 1), actor="city-1", at=OPEN + DAY - 1).then_types(VoucherIssued)
    scenario.when(issue("lab-1", 1), actor="city-1", at=OPEN + DAY).refused(Code.PROGRAMME_NOT_OPEN)


def test_a_voucher_may_be_revoked_until_it_expires() -> None:
    scenario = market().when(issue("lab-1", 1), actor="city-1", at=OPEN)
    scenario.when(SUSPEND, actor="city-1", at=OPEN + SPENT - 2).then_types(VoucherSuspended)
    scenario.when(REINSTATE, actor="city-1", at=OPEN + SPENT - 1).then_types(VoucherReinstated)
    scenario.when(REVOKE, actor="city-1", at=OPEN + SPENT).refused(Code.VOUCHER_EXPIRED)
