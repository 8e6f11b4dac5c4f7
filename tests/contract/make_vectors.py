"""Makes the golden vectors in schemas/vectors/: `python -m tests.contract.make_vectors`.

They are for other implementations; a change of any existing value is a change of the formats.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from counterfoil.contract.canonical import canonical
from counterfoil.contract.codec import dump_event, encode_entry, encode_payload
from counterfoil.contract.entry import CommandCause, Entry, EntryCause, GenesisCause, Outcome, ResumedCause, TimerCause
from counterfoil.contract.envelope import encode_envelope, signed_bytes
from counterfoil.contract.events import LogOpened, StateRooted, WriterResumed
from counterfoil.contract.record import Command as Body
from counterfoil.contract.refusals import Code, Refusal
from counterfoil.contract.scalars import encode_base64
from counterfoil.contract.submission import BATCH, Header
from counterfoil.contract.times import SECOND
from counterfoil.contract.webhook_signature import format_secret, message_id_of, sign
from counterfoil.core.at import At
from counterfoil.core.state_tree import StateTree
from counterfoil.core.timer_entry import of_timer
from counterfoil.issuance.events import VoucherIssued
from counterfoil.ledger.events import VoucherExpired
from counterfoil.log.checkpoint import Checkpoint, sign_checkpoint
from counterfoil.log.keys import SigningKey
from counterfoil.log.merkle import leaf_hash, root_of, split_point
from counterfoil.log.proofs import Receipt, format_receipt
from counterfoil.log.state import BUCKET_RECORDS, StateProof
from counterfoil.vocabulary import VOCABULARY
from tests.contract.bad_input import BAD_ENVELOPES
from tests.contract.samples import KEY, KEY_ID, NOW, SEED, header, sample

VECTORS = Path(__file__).parents[2] / "schemas" / "vectors"
ORIGIN = "counterfoil.example/ledger/main"
LOG_KEY = SigningKey(ORIGIN, SEED)


def signed(head: Header, bodies: tuple[Body, ...]) -> dict[str, Any]:
    """A payload with everything that follows from it and the test key; octets in base64, JSON as text."""
    payload = encode_payload(head, bodies)
    signature = KEY.sign(signed_bytes(payload))
    return {
        "type": head.type,
        "v": head.v,
        "payload": payload.decode(),
        "sha256": sha256(payload).hexdigest(),
        "pae": signed_bytes(payload).decode(),
        "signature": encode_base64(signature),
        "envelope": encode_envelope(payload, signature, KEY_ID).decode(),
    }


def command_vectors() -> dict[str, Any]:
    """Every command by itself, and a batch."""
    commands = [
        signed(header(body.TYPE, body.V, service, number), (sample(body),))
        for number, (body, service) in enumerate(VOCABULARY.service_of.items())
    ]
    together = tuple(
        sample(VOCABULARY.commands[name]) for name in (("post_offer", 1), ("place_bid", 1), ("cancel_bid", 1))
    )
    batch = signed(header(BATCH, 1, "matching", 255), together)
    key = {"seed": SEED.hex(), "public_key": encode_base64(KEY.verify_key.public), "key_id": KEY_ID}
    return {"note": "Octets are base64, hashes hexadecimal.", "key": key, "commands": commands, "batch": batch}


def event_vectors() -> dict[str, Any]:
    """Every event's canonical JSON."""
    return {
        "events": {name: canonical(dump_event(sample(event))).decode() for name, event in VOCABULARY.events.items()}
    }


def sample_entries() -> list[Entry]:
    """A log of one entry of each kind of cause and of each kind of decision."""
    vectors = command_vectors()
    accepted, batch = vectors["commands"][3], vectors["batch"]
    issued, expired = sample(VoucherIssued), sample(VoucherExpired)
    refusal = Refusal(Code.EXCEEDS_AVAILABLE, (("available", "12"), ("needed", "13")))
    refused = Outcome(0, refusal)
    rows: list[tuple[str, str, Any, bool, tuple[Outcome, ...], tuple[Any, ...]]] = [
        ("genesis", "genesis", GenesisCause("operator-1", "Operator", KEY.verify_key.public, 1, "0.1.0"), False, (),
         (sample(LogOpened),)),
        ("party-1/a", "deposit", _cause(accepted), False, (Outcome(1, None),), (issued,)),
        ("party-1/b", "deposit", _cause(accepted), False, (refused,), ()),
        ("party-1/c", BATCH, _cause(batch), True, (Outcome(1, None), refused, Outcome(0, None)), (expired,)),
        ("issuance/7/0", "issuance", EntryCause("counterfoil.example/issuance/main", 7, bytes(range(32)), 0), False, (),
         (issued,)),
        ("timer/5", "vouchers", TimerCause("vouchers", NOW), False, (), (expired, expired)),
        ("resumed/6", "resumed", ResumedCause(NOW), False, (), (sample(WriterResumed),)),
    ]  # fmt: skip
    return [
        Entry(ORIGIN, index, id_, NOW + index, subject, cause, batched, outcomes, events)
        for index, (id_, subject, cause, batched, outcomes, events) in enumerate(rows)
    ]


def _cause(vector: dict[str, Any]) -> CommandCause:
    return CommandCause(vector["payload"].encode(), KEY.sign(vector["pae"].encode()), KEY_ID)


def entry_vectors() -> dict[str, Any]:
    """The sample log: entries, leaf hashes, and after each entry the root and the signed checkpoint; receipts."""
    data = [encode_entry(entry) for entry in sample_entries()]
    leaves = [leaf_hash(each) for each in data]
    final = sign_checkpoint(Checkpoint(ORIGIN, len(leaves), root_of(leaves)), LOG_KEY)
    entries = []
    for index, each in enumerate(data):
        root = root_of(leaves[: index + 1])
        receipt = format_receipt(Receipt(index, tuple(path(index, leaves)), final))
        entries.append(
            {
                "entry": each.decode(),
                "leaf": leaves[index].hex(),
                "root_after": root.hex(),
                "checkpoint_after": sign_checkpoint(Checkpoint(ORIGIN, index + 1, root), LOG_KEY).decode(),
                "receipt_in_last": receipt.decode(),
            }
        )
    return {"origin": ORIGIN, "seed": SEED.hex(), "vkey": LOG_KEY.verify_key.vkey(), "entries": entries}


def path(index: int, leaves: list[bytes]) -> list[bytes]:
    """PATH(m, D[n]) of RFC 6962 2.1.1, leaf side first."""
    if len(leaves) == 1:
        return []
    k = split_point(len(leaves))
    if index < k:
        return [*path(index, leaves[:k]), root_of(leaves[k:])]
    return [*path(index - k, leaves[k:]), root_of(leaves[:k])]


def refusal_vectors() -> dict[str, Any]:
    """Envelopes that are refused at intake by their form, and with which code."""
    rows = [
        {"name": name, "envelope": encode_base64(data), "code": code.value}
        for name, code, data in BAD_ENVELOPES
        if len(data) <= 4_096
    ]
    return {"note": "Envelopes in base64, since some are not UTF-8.", "refusals": rows}


def state_tree_vectors() -> dict[str, Any]:
    """State trees with proofs that a record is there, or none; and proofs that must be refused."""
    trees, tree = [], StateTree()
    for count in (0, 1, BUCKET_RECORDS, BUCKET_RECORDS + 1, 200):
        records = {f"account/é-{number}": canonical({"posted": str(number)}) for number in range(count)}
        tree = StateTree()
        tree.update(records)
        asked = [f"account/é-{number}" for number in dict.fromkeys((0, count // 2, count))]
        proofs = [_state_proof(key, records.get(key), tree.prove(key)) for key in asked]
        trees.append(
            {
                "records": {key: value.decode() for key, value in records.items()},
                "root": tree.root().hex(),
                "proofs": proofs,
            }
        )
    refused = [{"why": why, "root": tree.root().hex(), **vector} for why, vector in _bad_state_proofs(tree)]
    return {"note": "Hashes and rows are hexadecimal; value null: no record.", "trees": trees, "refused": refused}


def _state_proof(key: str, value: bytes | None, proof: StateProof) -> dict[str, Any]:
    return {
        "key": key,
        "value": None if value is None else value.decode(),
        "rows": proof.rows.hex(),
        "siblings": [each.hex() for each in proof.siblings],
    }


def _bad_state_proofs(tree: StateTree) -> list[tuple[str, dict[str, Any]]]:
    key, absent = "account/é-7", "account/é-200"
    value = canonical({"posted": "7"})
    rows, siblings = proof = tree.prove(key)
    other = next(
        each for number in range(200) if (each := tree.prove(f"account/é-{number}")).siblings[-1] != siblings[-1]
    )
    swapped = rows[64:128] + rows[:64] + rows[128:]
    without = b"".join(
        rows[at : at + 64] for at in range(0, len(rows), 64) if rows[at + 32 : at + 64] != sha256(value).digest()
    )
    cases: list[tuple[str, str, bytes | None, StateProof]] = [
        ("another value", key, canonical({"posted": "8"}), proof),
        ("a record that is there, said to be absent", key, None, proof),
        ("a record that is absent, said to be there", absent, value, tree.prove(absent)),
        ("the row left out", key, None, StateProof(without, siblings)),
        ("rows out of order", key, value, StateProof(swapped, siblings)),
        ("a row twice", key, value, StateProof(rows[:64] + rows, siblings)),
        ("half a row", key, value, StateProof(rows[:-32], siblings)),
        ("the bucket of another key", key, None, other),
        ("a sibling left out", key, value, StateProof(rows, siblings[:-1])),
        ("a sibling too many", key, value, StateProof(rows, (*siblings, bytes(32)))),
        ("siblings in the wrong order", key, value, StateProof(rows, siblings[::-1])),
        ("a short sibling", key, value, StateProof(rows, (siblings[0][:-1], *siblings[1:]))),
    ]
    return [(why, _state_proof(key, value, proof)) for why, key, value, proof in cases]


def state_record_vectors() -> dict[str, Any]:
    """Answers about records of a state, with all that proves them; and answers that must be refused."""
    records = {f"position/USD/cash/party-{number}": canonical({"n": number + 1}) for number in range(60)}
    key, absent, tree = "position/USD/cash/party-7", "position/USD/cash/party-60", StateTree()
    tree.update(records)
    before = sample_entries()
    rooted, wrongly = (_rooted_entry(len(before), entries, tree) for entries in (len(before), 1))
    good = _record(tree, key, records[key], [*before, rooted])
    other = _record(tree, "position/USD/cash/party-8", records["position/USD/cash/party-8"], [*before, rooted])
    none = _record(tree, absent, None, [*before, rooted])
    stranger = SigningKey(ORIGIN, bytes(reversed(SEED)))
    refused = [
        ("another value", key, {**good, "value": '{"n":9}'}),
        ("a record that is there, said to be absent", key, {**good, "value": None}),
        ("a record that is absent, said to be there", absent, {**none, "value": '{"n":9}'}),
        ("the record of another key", key, other),
        ("the same, under the name of this one", key, {**other, "key": key}),
        ("an entry that commits to no state", key, {**good, **_entry_of([*before, rooted], 0)}),
        ("an entry that commits to the state at another place", key, {**good, **_entry_of([*before, wrongly], -1)}),
        ("a log signed by another key", key, {**good, **_entry_of([*before, rooted], -1, stranger)}),
        ("another entry than is proven", key, {**good, "entry": _entry_of([*before, wrongly], -1)["entry"]}),
        ("no hashes", key, {**good, "siblings": None}),
        ("rows that are no base64", key, {**good, "rows": "?"}),
    ]
    return {
        "vkey": LOG_KEY.verify_key.vkey(),
        "records": [{"key": key, "answer": good}, {"key": absent, "answer": none}],
        "refused": [{"why": why, "key": key, "answer": answer} for why, key, answer in refused],
    }


def _rooted_entry(index: int, entries: int, tree: StateTree) -> Entry:
    rooted = StateRooted(entries=entries, records=len(tree), root=tree.root())
    return of_timer(ORIGIN, "state_root", At(NOW + 1_000 + index, index, 0), (rooted,))


def _entry_of(entries: Sequence[Entry], index: int, key: SigningKey = LOG_KEY) -> dict[str, Any]:
    """The members of an answer that prove an entry of a log."""
    data = [encode_entry(entry) for entry in entries]
    leaves, place = [leaf_hash(each) for each in data], index % len(data)
    note = sign_checkpoint(Checkpoint(ORIGIN, len(leaves), root_of(leaves)), key)
    proof = format_receipt(Receipt(place, tuple(path(place, leaves)), note))
    return {"index": place, "entry": encode_base64(data[place]), "proof": proof.decode()}


def _record(tree: StateTree, key: str, value: bytes | None, entries: Sequence[Entry]) -> dict[str, Any]:
    rows, siblings = tree.prove(key)
    return {
        "origin": ORIGIN,
        "key": key,
        "value": None if value is None else value.decode(),
        "rows": encode_base64(rows),
        "siblings": list(map(encode_base64, siblings)),
        **_entry_of(entries, -1),
    }


def webhook_vectors() -> dict[str, Any]:
    """Messages to a webhook's receiver at a time: those to be accepted, and those to be refused with their codes."""
    secret, old, now = bytes(range(32)), bytes(range(32, 64)), NOW // SECOND
    event = {"specversion": "1.0", "id": f"{ORIGIN}/7/0", "source": f"//{ORIGIN}", "type": "webhook.test.v1"}
    body, name = canonical(event), message_id_of(event["id"])

    def message(why: str, code: str | None, at: int = now, **changed: str) -> dict[str, Any]:
        signed = " ".join(sign(each, name, at, body) for each in (secret, old))
        headers = {"webhook-id": name, "webhook-timestamp": str(at), "webhook-signature": signed}
        headers |= {key.replace("_", "-"): value for key, value in changed.items() if key != "body"}
        return {"why": why, "code": code, "headers": headers, "body": changed.get("body", body.decode())}

    one, other = (sign(each, name, now, body) for each in (secret, old))
    array = sign(secret, name, now, b"[]")
    messages = [
        message("two signatures, the secret's first", None),
        message("the secret's last, after one of another version", None, webhook_signature=f"v1a,AAAA {other} {one}"),
        message("as old as accepted", None, at=now - 300),
        message("as new as accepted", None, at=now + 300),
        message("too old", "too_old", at=now - 301),
        message("too new", "too_new", at=now + 301),
        message("another body", "bad_signature", body=body.decode() + " "),
        message("another id", "bad_signature", webhook_id="msg_other"),
        message("another time", "bad_signature", webhook_timestamp=str(now + 1)),
        message("another secret", "bad_signature", webhook_signature=other),
        message("another version", "bad_signature", webhook_signature=one.replace("v1,", "v2,")),
        message("half a signature", "bad_signature", webhook_signature=one[:-4]),
        message("no id", "header_missing", webhook_id=""),
        message("no time", "header_missing", webhook_timestamp=""),
        message("no signature", "header_missing", webhook_signature=""),
        message("a time with a sign", "bad_timestamp", webhook_timestamp=f"+{now}"),
        message("a time with a fraction", "bad_timestamp", webhook_timestamp=f"{now}.0"),
        message("no object", "not_an_event", webhook_signature=array, body="[]"),
    ]
    secrets = ["", "whsec_", "whsec_AAAA", format_secret(secret)[6:], format_secret(secret) + "A", "whsec_" + "é" * 32]
    return {"secret": format_secret(secret), "now": now, "tolerance": 300, "messages": messages, "no_secrets": secrets}


FILES: dict[str, Callable[[], dict[str, Any]]] = {
    "commands.json": command_vectors,
    "events.json": event_vectors,
    "entries.json": entry_vectors,
    "refusals.json": refusal_vectors,
    "state_records.json": state_record_vectors,
    "state_tree.json": state_tree_vectors,
    "webhooks.json": webhook_vectors,
}


def render(name: str) -> bytes:
    """The bytes of one vector file."""
    return (json.dumps(FILES[name](), indent=2, ensure_ascii=False) + "\n").encode()


def main() -> None:
    """Write all of them."""
    VECTORS.mkdir(parents=True, exist_ok=True)
    for name in FILES:
        (VECTORS / name).write_bytes(render(name))


if __name__ == "__main__":
    main()
