"""The golden vectors both ways: the code makes them to the byte, and reads them back to the same values."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any

import pytest
import rfc8785
from nacl.signing import SigningKey, VerifyKey

from counterfoil.client.problems import NotProven
from counterfoil.client.states import verify_record
from counterfoil.contract.canonical import Refused
from counterfoil.contract.codec import encode_entry, encode_payload
from counterfoil.contract.entry import CommandCause, EntryCause, GenesisCause, ResumedCause, TimerCause
from counterfoil.contract.scalars import decode_base64
from counterfoil.log.checkpoint import open_checkpoint
from counterfoil.log.errors import ProofError
from counterfoil.log.keys import VerifyKey as LogKey
from counterfoil.log.merkle import verify_inclusion
from counterfoil.log.proofs import verify_receipt
from counterfoil.log.state import StateProof, verify_state
from counterfoil.vocabulary import CODEC, VOCABULARY
from tests.contract.make_vectors import FILES, VECTORS, render, sample_entries
from tests.contract.samples import sample


def vector(name: str) -> Any:
    return json.loads((VECTORS / name).read_bytes())


def signed() -> list[dict[str, Any]]:
    whole = vector("commands.json")
    return [*whole["commands"], whole["batch"]]


@pytest.mark.parametrize("name", FILES)
def test_the_code_makes_the_published_vectors(name: str) -> None:
    """After a deliberate change: `python -m tests.contract.make_vectors`."""
    assert (VECTORS / name).read_bytes() == render(name)


def test_there_is_nothing_else() -> None:
    assert sorted(path.name for path in VECTORS.iterdir()) == sorted(FILES)


def test_every_command_and_event_has_a_vector() -> None:
    assert [(each["type"], each["v"]) for each in vector("commands.json")["commands"]] == list(VOCABULARY.commands)
    assert list(vector("events.json")["events"]) == list(VOCABULARY.events)


@pytest.mark.parametrize("each", signed(), ids=lambda each: each["type"])
def test_a_signed_payload(each: dict[str, Any]) -> None:
    payload, signature = each["payload"].encode(), decode_base64(each["signature"])
    assert rfc8785.dumps(json.loads(payload)) == payload
    assert sha256(payload).hexdigest() == each["sha256"]
    assert each["pae"].encode() == b"DSSEv1 43 application/vnd.counterfoil.command.v1+json %d " % len(payload) + payload
    public = decode_base64(vector("commands.json")["key"]["public_key"])
    VerifyKey(public).verify(each["pae"].encode(), signature)
    read = CODEC.decode_payload(payload, signature)
    assert encode_payload(read.header, read.bodies) == payload
    assert read.content.hex() == each["sha256"]
    assert CODEC.decode_envelope(each["envelope"].encode()) == read


def test_the_test_key() -> None:
    key = vector("commands.json")["key"]
    public = SigningKey(bytes.fromhex(key["seed"])).verify_key.encode()
    assert public == decode_base64(key["public_key"])
    assert key["key_id"] == sha256(public).hexdigest()[:16]


def test_events_read_back() -> None:
    for name, text in vector("events.json")["events"].items():
        assert rfc8785.dumps(json.loads(text)) == text.encode()
        assert CODEC.load_event(json.loads(text)) == sample(VOCABULARY.events[name])


def test_entries_read_back_and_hash() -> None:
    entries = [each["entry"].encode() for each in vector("entries.json")["entries"]]
    assert [CODEC.decode_entry(entry) for entry in entries] == sample_entries()
    assert [encode_entry(CODEC.decode_entry(entry)) for entry in entries] == entries
    for each, entry in zip(vector("entries.json")["entries"], entries, strict=True):
        assert rfc8785.dumps(json.loads(entry)) == entry
        assert each["leaf"] == sha256(b"\x00" + entry).hexdigest()
    causes = {type(entry.cause) for entry in sample_entries()}
    assert causes == {CommandCause, EntryCause, TimerCause, GenesisCause, ResumedCause}


def test_checkpoints_and_receipts_verify() -> None:
    whole = vector("entries.json")
    key = LogKey.parse(whole["vkey"])
    for index, each in enumerate(whole["entries"]):
        checkpoint = open_checkpoint(each["checkpoint_after"].encode(), [key])
        assert (checkpoint.origin, checkpoint.size) == (whole["origin"], index + 1)
        assert checkpoint.root.hex() == each["root_after"]
        receipt, last = verify_receipt(each["receipt_in_last"].encode(), each["entry"].encode(), [key])
        assert (receipt.index, last.size) == (index, len(whole["entries"]))
        verify_inclusion(index, last.size, bytes.fromhex(each["leaf"]), receipt.proof, last.root)


@pytest.mark.parametrize("each", vector("refusals.json")["refusals"], ids=lambda each: each["name"])
def test_a_refusal(each: dict[str, str]) -> None:
    with pytest.raises(Refused) as refused:
        CODEC.decode_envelope(decode_base64(each["envelope"]))
    assert refused.value.refusal.code == each["code"]


def states_root(rows: list[bytes], depth: int = 0) -> bytes:
    """The root of a state tree, written from `schemas/README.md`."""
    if len(rows) <= 32:
        return sha256(b"\x00" + b"".join(sorted(rows))).digest()
    bits = [row[depth // 8] >> 7 - depth % 8 & 1 for row in rows]
    left, right = ([row for row, bit in zip(rows, bits, strict=True) if bit == side] for side in (0, 1))
    return sha256(b"\x01" + states_root(left, depth + 1) + states_root(right, depth + 1)).digest()


def state_holds(proof: dict[str, Any], root: str) -> bool:
    """Whether a proof shows what it says, written from `schemas/README.md`."""
    data, siblings = bytes.fromhex(proof["rows"]), [bytes.fromhex(each) for each in proof["siblings"]]
    rows = [data[at : at + 64] for at in range(0, len(data), 64)]
    position = sha256(proof["key"].encode()).digest()
    bits = f"{int.from_bytes(position):0256b}"[: len(siblings)]
    if len(rows) > 32 or any(len(row) != 64 for row in rows) or any(len(each) != 32 for each in siblings):
        return False
    if [row[:32] for row in rows] != sorted({row[:32] for row in rows}):
        return False
    if not all(f"{int.from_bytes(row[:32]):0256b}".startswith(bits) for row in rows):
        return False
    value = None if proof["value"] is None else sha256(proof["value"].encode()).digest()
    if value != {row[:32]: row[32:] for row in rows}.get(position):
        return False
    computed = sha256(b"\x00" + data).digest()
    for bit, sibling in zip(reversed(bits), siblings, strict=True):
        computed = sha256(b"\x01" + (sibling + computed if bit == "1" else computed + sibling)).digest()
    return computed.hex() == root


def test_state_trees_by_another_hand() -> None:
    for tree in vector("state_tree.json")["trees"]:
        records = tree["records"].items()
        rows = [sha256(key.encode()).digest() + sha256(value.encode()).digest() for key, value in records]
        assert states_root(rows).hex() == tree["root"]
        assert all(proof["value"] == tree["records"].get(proof["key"]) for proof in tree["proofs"])
        assert all(state_holds(proof, tree["root"]) for proof in tree["proofs"])


@pytest.mark.parametrize("each", vector("state_tree.json")["refused"], ids=lambda each: each["why"])
def test_state_proofs_that_are_refused(each: dict[str, Any]) -> None:
    assert not state_holds(each, each["root"])
    proof = StateProof(bytes.fromhex(each["rows"]), tuple(bytes.fromhex(sibling) for sibling in each["siblings"]))
    value = None if each["value"] is None else each["value"].encode()
    with pytest.raises(ProofError):
        verify_state(bytes.fromhex(each["root"]), each["key"], value, proof)


def test_state_records() -> None:
    vectors = vector("state_records.json")
    key = LogKey.parse(vectors["vkey"])
    for each in vectors["records"]:
        record = verify_record(each["answer"], key, each["key"])
        value = each["answer"]["value"]
        assert record.value == (None if value is None else json.loads(value))
        assert record.entries == record.proven.entry.index == record.proven.checkpoint.size - 1


@pytest.mark.parametrize("each", vector("state_records.json")["refused"], ids=lambda each: each["why"])
def test_answers_about_state_that_are_refused(each: dict[str, Any]) -> None:
    with pytest.raises(NotProven):
        verify_record(each["answer"], LogKey.parse(vector("state_records.json")["vkey"]), each["key"])
