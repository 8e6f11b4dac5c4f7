"""The golden vectors both ways: the code makes them to the byte, and reads them back to the same values."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any

import pytest
import rfc8785
from nacl.signing import SigningKey, VerifyKey

from counterfoil.catalogue import CODEC, VOCABULARY
from counterfoil.contract.canonical import Refused
from counterfoil.contract.codec import encode_entry, encode_payload
from counterfoil.contract.entry import CommandCause, EntryCause, GenesisCause, TimerCause
from counterfoil.contract.scalars import decode_base64
from counterfoil.log.checkpoint import open_checkpoint
from counterfoil.log.keys import VerifyKey as LogKey
from counterfoil.log.merkle import verify_inclusion
from counterfoil.log.proofs import verify_receipt
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
    assert causes == {CommandCause, EntryCause, TimerCause, GenesisCause}


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
