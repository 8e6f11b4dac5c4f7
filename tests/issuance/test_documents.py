"""Documents are put into the log piece by piece, published whole, and dropped if nobody publishes them."""

from __future__ import annotations

from hashlib import sha256
from typing import Any, Final

import pytest

from counterfoil.contract.applications import ApplicationLine
from counterfoil.contract.canonical import canonical
from counterfoil.contract.events import DocumentDropped, DocumentPiecePut, ProgrammePublished
from counterfoil.contract.limits import MAX_PIECE_BYTES, MAX_PIECES
from counterfoil.contract.record import Event
from counterfoil.contract.refusals import Code, Refusal
from counterfoil.core.rules import LATEST, RULES
from counterfoil.issuance.commands import (
    AppropriateBudget,
    DecideApplication,
    PublishProgramme,
    PutDocument,
    SubmitApplication,
)
from counterfoil.issuance.documents import TIMER
from counterfoil.programme.limits import MAX_DOCUMENT_BYTES
from tests.documents import document, publishing, puts
from tests.given import Scenario
from tests.issuance.world import CLASS, people

MOST = RULES[LATEST].max_documents
STAYS = RULES[LATEST].document_stays
LONG = document(provenance={"open_questions": ["x" * 2_000, "y" * 2_000]})
TEMPLATES = ("cn-beijing-2023", "cn-chengdu-2025", "cn-nanning-2025", "cn-shanghai-2025", "in-indiaai-compute-2025")


def city() -> Scenario:
    return people().when(CLASS, actor="op")


def publish(told: Scenario, value: Any, actor: str = "city-1") -> Scenario:
    for body in publishing(value):
        told.when(body, actor=actor)
    return told


def only(told: Scenario) -> Event:
    assert not isinstance(told.last, Refusal)
    (event,) = told.last
    return event


def detail(told: Scenario) -> dict[str, str]:
    assert isinstance(told.last, Refusal)
    return dict(told.last.detail)


def test_a_document_is_published_from_its_pieces_in_any_order() -> None:
    told, (*pieces, command) = city(), publishing(LONG)
    assert len(pieces) == 2
    for body in reversed(pieces):
        told.when(body, actor="city-1").then_types(DocumentPiecePut)
    told.when(command, actor="city-1").then_types(ProgrammePublished)
    event = only(told)
    assert isinstance(event, ProgrammePublished)
    assert event.rules_hash == sha256(canonical(LONG)).digest()
    assert told.state.documents.data(event.document_id) == canonical(LONG)
    assert told.state.terms("p1").document.id == "p1"
    assert told.decider.due(told.state) is None


def test_what_is_missing_is_named() -> None:
    told, (first, second, command) = city(), publishing(LONG)
    told.when(command, actor="city-1").refused(Code.DOCUMENT_INCOMPLETE)
    told.when(first, actor="city-1").when(command, actor="city-1").refused(Code.DOCUMENT_INCOMPLETE)
    assert detail(told) == {"piece": "1"}
    told.when(second, actor="city-1").when(command, actor="city-2").refused(Code.DOCUMENT_INCOMPLETE)
    told.when(second, actor="city-1").refused(Code.ALREADY_EXISTS)


def test_bytes_are_those_announced() -> None:
    told, (first, second, _) = city(), publishing(LONG)
    wrong = PutDocument(sha256=first.sha256, piece=0, pieces=2, octets=b"x" * MAX_PIECE_BYTES)  # type: ignore[attr-defined]
    told.when(wrong, actor="city-1").when(second, actor="city-1").refused(Code.DOCUMENT_MALFORMED)
    told.when(first, actor="city-1").when(second, actor="city-1").then_types(DocumentPiecePut)


@pytest.mark.parametrize(
    ("piece", "of", "octets"),
    [(2, 2, b"x"), (0, 2, b"x" * (MAX_PIECE_BYTES - 1)), (0, 1, b"x")],
)
def test_pieces_that_cannot_be_of_the_document_are_refused(piece: int, of: int, octets: bytes) -> None:
    body = PutDocument(sha256=bytes(32), piece=piece, pieces=of, octets=octets)
    city().when(body, actor="city-1").refused(Code.DOCUMENT_MALFORMED)


def test_a_document_has_as_many_pieces_as_the_largest_one() -> None:
    assert -(-MAX_DOCUMENT_BYTES // MAX_PIECE_BYTES) == MAX_PIECES


def test_one_party_exhausts_its_own_share_alone() -> None:
    told = city()
    bodies = [
        PutDocument(sha256=bytes([n] * 32), piece=0, pieces=2, octets=bytes(MAX_PIECE_BYTES)) for n in range(MOST + 1)
    ]
    for body in bodies[:-1]:
        told.when(body, actor="city-1").then_types(DocumentPiecePut)
    told.when(bodies[-1], actor="city-1").refused(Code.OVER_LIMIT)
    told.when(bodies[-1], actor="city-2").then_types(DocumentPiecePut)


def test_what_nobody_publishes_is_dropped_and_may_be_put_again() -> None:
    told, (first, second, command) = city(), publishing(LONG)
    told.when(first, actor="city-1")
    begun = told.time
    told.when(second, actor="city-1", at=begun + STAYS - 1)
    assert told.decider.due(told.state) == (begun + STAYS, TIMER)
    told.fires(TIMER, at=begun + STAYS).then_types(DocumentDropped)
    assert not told.state.documents.pieces
    told.when(command, actor="city-1").refused(Code.DOCUMENT_INCOMPLETE)
    publish(told, LONG).then_types(ProgrammePublished)


@pytest.mark.parametrize("member", ["excess", "unspent"])
@pytest.mark.parametrize("value", [None, "FOO", "REFUSE", "COUNTS"])
def test_rules_6_decide_of_members_of_rules_7_what_they_decided(member: str, value: str | None) -> None:
    """Who says of such a member that it is absent says nothing; nothing else was permitted."""
    regime = {"regime": "X", "ceiling": "1", "months": 36}
    data = canonical(document(benefit__regimes=[regime, regime | {"regime": "Y", member: value}]))
    told, digest = city(), sha256(data).digest()
    told.state.rules = RULES[6]
    for body in puts(data, digest):
        told.when(body, actor="city-1")
    told.when(PublishProgramme(programme_id="p1", document_sha256=digest), actor="city-1")
    if value is None:
        told.then_types(ProgrammePublished)
        return
    told.refused(Code.DOCUMENT_MALFORMED)
    known = (member, value) in {("excess", "REFUSE"), ("unspent", "COUNTS")}
    place = "benefit.regimes[1]" + ("" if known else f".{member}")
    assert detail(told) == {"why": "malformed", "where": place}


PART: dict[str, Any] = {"share": "1/2", "release_on": "PROGRESS_REPORT"}


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"benefit__tranches": [PART, PART | {"attested_by": "city-1"}]}, "benefit.tranches[1]"),
        ({"benefit__tranches": [PART, PART | {"release_on": "FORMER_USED"}]}, "benefit.tranches[1].release_on"),
        ({"expiry__extensions": 1}, "expiry"),
        ({"expiry__extension_grounds": []}, "expiry"),
    ],
)
def test_rules_7_decide_of_members_of_rules_8_what_they_decided(changes: dict[str, Any], place: str) -> None:
    for rules in (RULES[7], RULES[LATEST]):
        told = city()
        told.state.rules = rules
        publish(told, document(**changes))
        assert isinstance(told.last, Refusal) is (rules.number == 7)
        assert rules.number != 7 or detail(told) == {"why": "malformed", "where": place}


KIND: Final = {
    "unit": {"kind": "COMPUTE", "unit": "GPU_HOUR"}, "redemption": {"model": "IN_KIND", "claimant": "NONE"},
    "benefit__basis": "ALLOCATION",
}  # fmt: skip
CARDS: Final = {"from_unit": "CARD_HOUR", "rate": "2"}


@pytest.mark.parametrize(
    ("conversions", "before", "now"),
    [
        ([CARDS], None, None),
        ([CARDS | {"rate": "1/3"}], Code.DOCUMENT_MALFORMED, None),
        ([CARDS, CARDS | {"provider": "gpu-1"}], None, None),
        ([CARDS, CARDS], None, Code.PROGRAMME_CONTRADICTORY),
    ],
)
def test_rules_9_decide_of_conversions_what_they_decided(
    conversions: list[Any], before: Code | None, now: Code | None
) -> None:
    """They knew no fraction, let several stand for one unit, and took the last one for every provider."""
    for number, code in ((9, before), (10, now)):
        told = city()
        told.state.rules = RULES[number]
        publish(told, document(**KIND, conversions=conversions))
        assert (told.last.code if isinstance(told.last, Refusal) else None) == code
        if code == Code.DOCUMENT_MALFORMED:
            assert detail(told) == {"why": "malformed", "where": "conversions[0].rate"}


def test_what_a_line_in_kind_asks_for_is_converted_by_the_rules_in_force() -> None:
    """Of a provider of its own by its own conversion since rules 10, and by the last one before."""
    conversions = [CARDS | {"rate": "3", "provider": "gpu-1"}, CARDS]
    line = ApplicationLine(
        id="l1", sku="GPU_COMPUTE", instrument="COMPUTE", amount=0, tax=0, quantity=10 * 10**6, unit="CARD_HOUR",
        class_id=None, region=None, provider_id="gpu-1", starts=None, ends=None,
    )  # fmt: skip
    for number, hours in ((9, 10), (10, 15)):  # the tier grants half
        told = city()
        told.state.rules = RULES[number]
        publish(told, document(**KIND, conversions=conversions, providers__mode="OPEN"))
        told.when(AppropriateBudget(programme_id="p1", amount=10**12, document="B-1"), actor="city-1")
        told.when(
            SubmitApplication(
                programme_id="p1", corrects=None, project_id=None, lines=(line,), contract=None, other_support=(),
                evidence=(),
            ),
            actor="lab-1",
        )  # fmt: skip
        assert not isinstance(told.last, Refusal), told.last
        (application_id,) = told.state.applications.open
        decide = DecideApplication(application_id=application_id, decision="approved", caps=(), reason="read")
        told.when(decide, actor="city-1")
        assert not isinstance(told.last, Refusal), told.last
        assert told.last[0].subsidy == hours * 10**6  # type: ignore[attr-defined]


def test_who_attests_a_milestone_is_registered_and_parts_are_bounded() -> None:
    publish(city(), document(benefit__tranches=[PART, PART | {"attested_by": "nobody"}])).refused(Code.UNKNOWN_PARTY)
    for number, code in ((16, None), (17, Code.OVER_LIMIT)):
        told = publish(city(), document(benefit__tranches=[{**PART, "share": f"1/{number}"}] * number))
        assert (told.last.code if isinstance(told.last, Refusal) else None) == code


@pytest.mark.parametrize(
    ("value", "code", "found"),
    [
        (document(id="p2"), Code.DOCUMENT_MALFORMED, {"why": "other_programme", "where": "id"}),
        (document(colour="red"), Code.DOCUMENT_MALFORMED, {"why": "malformed", "where": ""}),
        (document(valid__start="2026-02-30"), Code.DOCUMENT_MALFORMED, {"why": "not_a_date", "where": "valid.start"}),
        (document(scope__classes=["h100"]), Code.UNKNOWN_CLASS, {"class_id": "h100"}),
        (document(unit__currency="XQQ"), Code.UNKNOWN_CURRENCY, {"currency": "XQQ"}),
        (document(version=2), Code.VERSION_NOT_NEXT, {"next": "1"}),
        (document(benefit__rounding=...), Code.PROGRAMME_CONTRADICTORY, {"finding": "rounding_not_stated"}),
        (document(expiry__rule={"kind": "FIXED", "on": "1999-12-31"}), Code.PERIOD_NOT_VALID, {"field": "expiry"}),
    ],
)
def test_a_document_is_judged_before_it_is_published(value: Any, code: Code, found: dict[str, str]) -> None:
    data = canonical(value)
    told, digest = city(), sha256(data).digest()
    for body in puts(data, digest):
        told.when(body, actor="city-1")
    told.when(PublishProgramme(programme_id="p1", document_sha256=digest), actor="city-1").refused(code)
    assert found.items() <= detail(told).items()


@pytest.mark.parametrize("data", [b"[]", b"{}", b" " + canonical(document()), b"[" * 1_000, b'{"a":1.5}', b"\xff"])
def test_other_bytes_are_no_document(data: bytes) -> None:
    told, digest = city(), sha256(data).digest()
    for body in puts(data, digest):
        told.when(body, actor="city-1")
    told.when(PublishProgramme(programme_id="p1", document_sha256=digest), actor="city-1")
    told.refused(Code.DOCUMENT_MALFORMED)


def test_a_further_version_is_its_issuers_and_in_its_currency() -> None:
    told = publish(city(), document())
    publish(told, document(version=2), actor="city-2").refused(Code.NOT_YOURS)
    publish(told, document(version=2, unit__currency="USD")).refused(Code.CURRENCY_MISMATCH)
    publish(told, document(version=2)).then_types(ProgrammePublished)
    publish(told, document(version=2)).refused(Code.VERSION_NOT_NEXT)


def test_warnings_are_recorded() -> None:
    told = publish(city(), document(valid__end=..., legal_basis=[]))
    event = only(told)
    assert isinstance(event, ProgrammePublished)
    assert event.warnings == ("open_ended", "sources_missing")


@pytest.mark.parametrize(
    ("before", "after", "warned"),
    [
        ({"classes": ["a100"]}, {"classes": ["a100"]}, False),
        ({"classes": ["a100"]}, {"classes": "ANY"}, True),
        ({}, {"classes": ["a100"], "regions": ["east"]}, False),
        ({"regions": ["east"]}, {"regions": ["east", "west"]}, True),
    ],
)
def test_what_vouchers_of_earlier_versions_do_not_pay_for_is_a_warning(before: Any, after: Any, warned: bool) -> None:
    told = publish(publish(city(), document(scope=before)), document(version=2, scope=after))
    event = only(told)
    assert isinstance(event, ProgrammePublished)
    assert event.warnings == (("scope_widened",) if warned else ())
