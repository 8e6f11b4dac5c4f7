"""The golden vectors of the contract: written to the byte, read back, and their proofs verified."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from nacl.signing import VerifyKey

from counterfoil.client import NotProven, parse_vkeys, verify_entry
from counterfoil.client.author import Author
from counterfoil.contract.canonical import canonical
from counterfoil.contract.codec import dump_event
from counterfoil.contract.scalars import decode_base64
from counterfoil.vocabulary import CODEC

VECTORS = Path(__file__).parents[3] / "schemas" / "vectors"


def vector(name: str) -> Any:
    return json.loads((VECTORS / name).read_bytes())


SIGNED = vector("commands.json")
ENTRIES = vector("entries.json")


@pytest.mark.parametrize("each", [*SIGNED["commands"], SIGNED["batch"]], ids=lambda each: each["type"])
def test_a_command_is_signed_to_the_byte(each: dict[str, Any]) -> None:
    opened = CODEC.decode_envelope(each["envelope"].encode())
    header, bodies = opened.header, opened.bodies
    VerifyKey(decode_base64(SIGNED["key"]["public_key"])).verify(each["pae"].encode(), decode_base64(each["signature"]))
    author = Author(header.actor, bytes.fromhex(SIGNED["key"]["seed"]))
    made = author.sign(
        bodies if header.type == "batch" else bodies[0], header.aud, header.command_id, header.issued_at,
        expires_at=header.expires_at, seen=header.seen,
    )  # fmt: skip
    assert made.decode() == each["envelope"]


@pytest.mark.parametrize(("name", "text"), vector("events.json")["events"].items())
def test_an_event_is_read_and_written_again(name: str, text: str) -> None:
    event = CODEC.load_event(json.loads(text))
    assert name == event.TYPE
    assert canonical(dump_event(event)).decode() == text


def test_entries_are_proven_by_the_last_checkpoint_and_no_other_bytes_are() -> None:
    key = next(iter(parse_vkeys(ENTRIES["vkey"]).values()))
    for each in ENTRIES["entries"]:
        data, proof = each["entry"].encode(), each["receipt_in_last"].encode()
        assert verify_entry(data, proof, key).entry.origin == ENTRIES["origin"]
        with pytest.raises(NotProven):
            verify_entry(data.replace(b'"specversion":"1.0"', b'"specversion":"1.1"'), proof, key)
