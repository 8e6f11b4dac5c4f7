"""A receipt is believed for exactly what it proves: this entry, in this log, deciding the command that was sent."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from counterfoil import vocabulary
from counterfoil.bootstrap.embedded import Embedded
from counterfoil.client import verify
from counterfoil.client.author import Author
from counterfoil.client.ids import new_command_id
from counterfoil.client.problems import NotProven, NotUnderstood
from counterfoil.client.verify import parse_vkeys, verify_answer
from counterfoil.contract.codec import Codec
from counterfoil.contract.log_id import LogId
from counterfoil.contract.scalars import decode_base64, encode_base64
from counterfoil.gateway.receipts import receipt_json
from counterfoil.instance import RECOVERY, Instance
from counterfoil.issuance.commands import RegisterParty
from counterfoil.log.keys import SigningKey
from counterfoil.runtime.clock import VirtualClock
from counterfoil.runtime.receipts import Recorded
from counterfoil.vocabulary import VOCABULARY

NOW = 1_800_000_000_000_000
SEED = bytes(range(32))


class Case:
    """Two accepted commands with their envelopes and receipts, and the log's key."""

    def __init__(self, home: Path) -> None:
        instance = Instance.create(home, "h.example", "Operator", lambda name: SEED if name != RECOVERY else SEED[::-1])
        self.key = instance.log_key(LogId("issuance")).verify_key
        system = Embedded(instance, VirtualClock(NOW), synchronous="OFF")
        self.envelopes, self.receipts = [], list[dict[str, Any]]()
        for name in ("acme", "norn"):
            body = RegisterParty(
                party_id=name,
                name=name,
                roles=("provider",),
                group_id=name,
                key=Author(name, b"%-32b" % name.encode()).prove("h.example"),
                recovery_key=None,
                looks_like=None,
            )
            envelope = Author("operator", SEED).sign(body, self.key.name, new_command_id(), NOW)
            answer = system.submit(envelope)
            system.settle()
            recorded = answer.result(timeout=0)
            assert isinstance(recorded, Recorded)
            self.envelopes.append(envelope)
            self.receipts.append(receipt_json(recorded))
        system.close()


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Case:
    return Case(tmp_path_factory.mktemp("home"))


def test_a_good_receipt(case: Case) -> None:
    for index, (receipt, envelope) in enumerate(zip(case.receipts, case.envelopes, strict=True), 1):
        proven = verify_answer(receipt, case.key, envelope)
        assert (proven.entry.index, proven.checkpoint.origin) == (index, "h.example/issuance/main")
        assert proven.checkpoint.size > index


def test_the_entry_of_another_command_is_no_answer(case: Case) -> None:
    with pytest.raises(NotProven, match="a different command"):
        verify_answer(case.receipts[1], case.key, case.envelopes[0])


def test_another_logs_key_is_not_believed(case: Case) -> None:
    for name, seed in (("h.example/issuance/main", bytes(32)), ("h.example/ledger/main", SEED)):
        with pytest.raises(NotProven):
            verify_answer(case.receipts[0], SigningKey(name, seed).verify_key)


def test_any_changed_byte_of_the_entry_or_of_the_proof_is_found(case: Case) -> None:
    good = case.receipts[0]
    entry = decode_base64(good["entry"])
    for at in range(0, len(entry), 7):
        changed = bytearray(entry)
        changed[at] ^= 1
        with pytest.raises(NotProven):
            verify_answer({**good, "entry": encode_base64(bytes(changed))}, case.key)
    for at, character in enumerate(good["proof"]):
        other = "A" if character != "A" else "B"
        with pytest.raises(NotProven):
            verify_answer({**good, "proof": good["proof"][:at] + other + good["proof"][at + 1 :]}, case.key)


def test_an_entry_of_another_release_is_no_evidence_of_a_fault(case: Case) -> None:
    events = {name: kind for name, kind in VOCABULARY.events.items() if name != "party.registered.v1"}
    older = Codec(replace(VOCABULARY, events=events))
    without = patch.object(verify, "codec_at", lambda _origin: older), patch.object(vocabulary, "CODEC", older)
    with without[0], without[1], pytest.raises(NotUnderstood, match=r"entry 1 of .* is in the log, but"):
        verify_answer(case.receipts[0], case.key)
    with without[0], without[1], pytest.raises(NotProven):  # what is not in the log is evidence still
        verify_answer({**case.receipts[0], "proof": case.receipts[1]["proof"]}, case.key)


@pytest.mark.parametrize("receipt", [{}, {"entry": "AA=="}, {"entry": "A", "proof": ""}, {"entry": "", "proof": ""}])
def test_what_is_not_a_receipt(case: Case, receipt: dict[str, Any]) -> None:
    with pytest.raises(NotProven):
        verify_answer(receipt, case.key)


def test_pinned_keys(case: Case) -> None:
    text = f"# the logs of h.example\n\n{case.key.vkey()}\n"
    assert parse_vkeys(text) == {case.key.name: case.key}
    with pytest.raises(NotProven, match="line 2"):
        parse_vkeys(f"{case.key.vkey()}\nnot a key\n")
