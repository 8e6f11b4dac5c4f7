"""Intake passes only commands that are well formed, addressed to this log and signed by a known key, in order."""

from __future__ import annotations

import json
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterfoil.client.author import Author
from counterfoil.contract.events import KeyRevoked
from counterfoil.contract.log_id import LogId
from counterfoil.contract.refusals import Code
from counterfoil.contract.submission import Submission
from counterfoil.core.directory import Directory
from counterfoil.issuance.commands import IssueVoucher
from counterfoil.ledger.commands import Withdraw
from counterfoil.ports import Reply
from counterfoil.runtime.intake import Intake
from counterfoil.runtime.signatures import Signatures
from counterfoil.vocabulary import CODEC
from tests.runtime.harness import DECIDER, ORIGIN, STRANGER, TREASURER, T, command_id, deposit, registered

OTHER_KEY = Author(TREASURER.party_id, b"o" * 32)
UNREGISTERED = Author(TREASURER.party_id, b"u" * 32)


def directory() -> Directory:
    """A directory with the treasurer and two keys, the second revoked."""
    made = Directory()
    party, key = registered(TREASURER, "treasurer")
    made.registered(party)
    made.key_added(key)
    made.key_added(registered(OTHER_KEY, "treasurer")[1])
    made.key_revoked(KeyRevoked(party_id=TREASURER.party_id, key_id=OTHER_KEY.key_id, reason="rotated"))
    return made


KNOWN = directory()


def check(
    envelopes: list[bytes], known: Directory = KNOWN
) -> tuple[list[tuple[int, Submission]], list[tuple[int, Reply]]]:
    """What the intake of the harness's service lets through, and what it refuses; each with its place."""
    intake = Intake(DECIDER, ORIGIN, Signatures())
    opened, refused = intake.open(envelopes, known)
    with intake.verifying(opened) as signed:
        found = list(zip(opened, signed, strict=True))
    refused += [intake.forged(each) for each, good in found if not good]
    return [(each.place, each.submission) for each, good in found if good], refused


def broken(envelope: bytes) -> bytes:
    """The same payload under another signature."""
    value = json.loads(envelope)
    value["signatures"][0]["sig"] = "A" * 85 + "A=="
    return json.dumps(value).encode()


ISSUE = IssueVoucher(programme_id="p", beneficiary_id="b", amount=1)
GOOD = deposit(1)
# Each row: an envelope, its refusal.
REFUSED: list[tuple[bytes, Code]] = [
    (b"{}", Code.MALFORMED),
    (b"not json", Code.MALFORMED),
    (b"[" * 40 + b"]" * 40, Code.NESTED_TOO_DEEP),
    (b" " * 40_000, Code.TOO_LARGE),
    (deposit(1, aud="runtime.example/ledger/other"), Code.WRONG_AUDIENCE),
    (deposit(1, aud="runtime.example/issuance/main"), Code.WRONG_AUDIENCE),
    (TREASURER.sign(ISSUE, ORIGIN, command_id(1), T), Code.WRONG_AUDIENCE),
    (TREASURER.sign([ISSUE, ISSUE], ORIGIN, command_id(1), T), Code.WRONG_AUDIENCE),
    (deposit(1, author=STRANGER), Code.UNKNOWN_KEY),
    (deposit(1, author=UNREGISTERED), Code.UNKNOWN_KEY),
    (broken(GOOD), Code.BAD_SIGNATURE),
    # Two at a time: from the outside in.
    (deposit(1, author=STRANGER, aud="runtime.example/ledger/other"), Code.WRONG_AUDIENCE),
    (broken(deposit(1, author=STRANGER)), Code.UNKNOWN_KEY),
]


@pytest.mark.parametrize(
    ("envelope", "code"), REFUSED, ids=[f"{n}-{code.value}" for n, (_, code) in enumerate(REFUSED)]
)
def test_what_is_refused(envelope: bytes, code: Code) -> None:
    accepted, refused = check([envelope])
    assert accepted == []
    ((place, reply),) = refused
    assert place == 0
    assert reply.refused is not None
    assert (reply.log, reply.refused.code, reply.index) == (LogId("ledger"), code, None)


def test_a_signature_by_another_key_of_the_same_party_is_bad() -> None:
    """The key is the one that the payload names; the envelope's key hint is ignored."""
    value, other = json.loads(GOOD), json.loads(deposit(1, author=OTHER_KEY))
    value["signatures"] = other["signatures"]
    _, ((_, reply),) = check([json.dumps(value).encode()])
    assert reply.refused is not None
    assert reply.refused.code is Code.BAD_SIGNATURE
    value = json.loads(GOOD)
    value["signatures"][0]["keyid"] = OTHER_KEY.key_id
    accepted, _ = check([json.dumps(value).encode()])
    assert len(accepted) == 1


def test_a_signature_found_good_once_is_so_for_its_own_key_and_payload_only() -> None:
    """Answers are remembered in the process; a directory may hold another key under the same id."""
    assert len(check([GOOD])[0]) == 1
    other = directory()
    keys = other.parties[TREASURER.party_id].keys
    keys[TREASURER.key_id] = keys[OTHER_KEY.key_id]
    value = json.loads(deposit(2))
    value["signatures"] = json.loads(GOOD)["signatures"]
    for envelope, known in ((GOOD, other), (json.dumps(value).encode(), KNOWN)):
        _, ((_, reply),) = check([envelope], known)
        assert reply.refused is not None
        assert reply.refused.code is Code.BAD_SIGNATURE
    assert len(check([GOOD])[0]) == 1


def test_a_revoked_key_comes_through_to_be_refused_on_record() -> None:
    accepted, refused = check([deposit(1, author=OTHER_KEY)])
    assert [each.header.key_id for _, each in accepted] == [OTHER_KEY.key_id]
    assert refused == []


def test_a_sender_is_known_by_payload_and_signature() -> None:
    forged, unreadable = broken(GOOD), b"{}"
    _, ((second, raw), (first, signed)) = check([forged, unreadable])  # malformed envelopes are refused first
    assert (first, second) == (0, 1)
    submission = CODEC.decode_envelope(forged)
    assert (signed.content, signed.signature) == (submission.content, submission.signature)
    assert (raw.content, raw.signature) == (sha256(unreadable).digest(), b"")


def test_what_is_decided_is_the_parse_of_the_signed_bytes() -> None:
    body = Withdraw(party_id="lab", currency="CNY", amount=7, payment_reference="x")
    envelope = TREASURER.sign([body, body], ORIGIN, command_id(5), T)
    ((_, submission),), _ = check([envelope])
    assert submission.bodies == (body, body)
    assert submission.content == sha256(submission.payload).digest()


ENVELOPES = [
    [deposit(n, author=TREASURER), broken(deposit(n)), deposit(n, author=STRANGER), deposit(n, author=OTHER_KEY)]
    for n in range(64)
]


def test_every_signature_is_held_against_its_own_key() -> None:
    kinds = [(0, 3, 0, 3, 1)[number % 5 if number > 20 else number % 3] for number in range(61)]
    envelopes = [ENVELOPES[number][kind] for number, kind in enumerate(kinds)]
    accepted, refused = check(envelopes)
    good = [(number, command_id(number)) for number, kind in enumerate(kinds) if kind != 1]
    assert [(place, each.header.command_id) for place, each in accepted] == good
    assert len(refused) == kinds.count(1) > 0


@given(st.lists(st.tuples(st.integers(0, 63), st.sampled_from([0, 0, 0, 1, 2, 3])), max_size=70))
def test_each_is_accepted_or_refused_by_what_it_is(picks: list[tuple[int, int]]) -> None:
    accepted, refused = check([ENVELOPES[number][kind] for number, kind in picks])
    assert [each.header.command_id for _, each in accepted] == [command_id(n) for n, kind in picks if kind in (0, 3)]
    codes = [each.refused.code for _, each in refused if each.refused is not None]
    unknown, bad = (sum(1 for _, kind in picks if kind == which) for which in (2, 1))
    assert codes == [Code.UNKNOWN_KEY] * unknown + [Code.BAD_SIGNATURE] * bad
