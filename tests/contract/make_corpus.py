"""Freezes the contract as it is: `python -m tests.contract.make_corpus v2` writes the corpus of a new release.

Of every command, event and entry shape that no earlier release holds it writes examples at the boundaries of their
members, and beside them the schemas. What is frozen stays: an existing file is never written again, and
`test_corpus.py` pins the hash of each.
"""

from __future__ import annotations

import json
import sys
import types
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Final, Literal, NamedTuple, Union, get_args, get_origin

import msgspec

from counterfoil.contract import limits, scalars
from counterfoil.contract.canonical import canonical
from counterfoil.contract.codec import dump_event, encode_entry, encode_payload
from counterfoil.contract.entry import (
    ENTRY_TYPE,
    CommandCause,
    Entry,
    EntryCause,
    GenesisCause,
    Outcome,
    ResumedCause,
    TimerCause,
)
from counterfoil.contract.export import render
from counterfoil.contract.record import annotations_of
from counterfoil.contract.refusals import Code, Refusal
from counterfoil.contract.submission import BATCH, Header
from counterfoil.contract.times import HOUR
from counterfoil.vocabulary import VOCABULARY

FOLDER: Final = Path(__file__).parent / "corpus"
MAX_TIME: Final = 7_258_118_399_999_999  # 2199-12-31T23:59:59.999999Z
MAX_DERIVED_TIME: Final = 7_573_651_199_999_999  # 2209-12-31T23:59:59.999999Z

_OCTETS = (bytes(32), bytes(range(224, 256)))
_VALUES: dict[Any, tuple[Any, ...]] = {
    scalars.Amount: (0, 1, limits.MAX_AMOUNT),
    scalars.PositiveAmount: (1, limits.MAX_AMOUNT),
    scalars.SignedAmount: (-limits.MAX_AMOUNT, 0, limits.MAX_AMOUNT),
    scalars.Price: (1, limits.MAX_PRICE),
    scalars.Time: (0, 1_795_370_400_123_456, MAX_TIME),
    scalars.DerivedTime: (0, MAX_TIME + 1, MAX_DERIVED_TIME),
    scalars.Hour: (0, MAX_TIME // HOUR),
    scalars.PublicKey: _OCTETS,
    scalars.Signature: (bytes(64), bytes(range(192, 256))),
    scalars.Digest: _OCTETS,
    scalars.Flag: (False, True),
    scalars.Id: ("0", "a.b_c-" * 10 + "a0z"),
    scalars.AccountId: ("a", "z_9" * 10 + "az/" + "a.b_c-" * 10 + "a0z"),
    scalars.AssetId: ("0", "A.b_c:-9" * 12),
    scalars.KeyId: ("0" * 16, "f" * 16),
    scalars.Currency: ("AAA", "ZZZ"),
    scalars.CommandId: ("00000000-0000-7000-8000-000000000000", "ffffffff-ffff-7fff-bfff-ffffffffffff"),
    scalars.Unit: ("AAA", "A_" * 8),
    scalars.MarketUnit: ("AAA", "ZZZ", "GPU_HOUR"),
    scalars.Piece: (b"\0", bytes(range(256)) * 12),
    scalars.Origin: ("a/b/c", "a" + "b" * 62 + ":65535/" + "s-9" * 10 + "zz/" + "s-a" * 10 + "zz"),
    scalars.Name: (" ", "\"\\/'<&>\u2028é€豈\U0001f600\uffff" * 9 + "\x80é ", "N" * limits.MAX_NAME),
    scalars.Reason: ("-", "\u00a0\u200f" + "r" * (limits.MAX_REASON - 2)),
    scalars.Reference: ("0", '~"\\' + "9" * (limits.MAX_REFERENCE - 3), "№\u3000北é" + "\U00020000" * 60),
    scalars.Points: (0, limits.MAX_POINTS),
    scalars.Word: ("a", "z_9" * 21 + "z"),
    scalars.Code: ("A", "Z_9" * 21 + "Z"),
    scalars.FactText: ("x", "深圳" * 32),
    scalars.Sentence: ("x", "50 % of 1,000 = 500 " * 20),
    scalars.Day: (0, 84_005),
    scalars.Month: ("1970-01", "2199-12"),
    scalars.Release: ("0", "1.2.3-rc.4+" + "9Z" * 14),
    scalars.TypeName: ("a", "z_" * 20),
}


class Example(NamedTuple):
    """One record: what it is, its canonical bytes, and what they mean."""

    kind: str
    name: str
    data: bytes
    value: Any


# members at their boundaries ----------------------------------------------------------------------------------------


def boundaries(annotation: Any) -> tuple[Any, ...]:
    """The values of a member's type that are most likely to be read or written differently one day."""
    if annotation in _VALUES:
        return _VALUES[annotation]
    kind, parts = get_origin(annotation), get_args(annotation)
    if kind is Literal:
        return parts
    if kind in (Union, types.UnionType):
        return tuple(value for part in reversed(parts) for value in boundaries(part))
    if kind is tuple:
        items = boundaries(parts[0])
        return (), items[:1], items[-3:]
    if annotation is type(None):
        return (None,)
    if kind is Annotated and isinstance(annotation.__metadata__[0], scalars.Tagged):
        return boundaries(annotation.__origin__)
    if kind is Annotated:
        schema = annotation.__metadata__[0].schema
        return schema["ge"], schema["le"]
    return tuple(instances(annotation))


def instances(cls: type[Any], **fixed: Any) -> Iterator[Any]:
    """Instances of a record, as many as it takes for every boundary of every member to be in one of them."""
    hints = annotations_of(cls)
    values = {
        field.name: (fixed[field.name],) if field.name in fixed else boundaries(hints[field.name])
        for field in fields(cls)
    }
    for nth in range(max(len(each) for each in values.values())):
        yield cls(**{name: each[nth % len(each)] for name, each in values.items()})


def plain(value: Any) -> Any:
    """What a decoded value is, in JSON: members by name, integers as they are, octets in hexadecimal."""
    if isinstance(value, msgspec.Struct):
        return {name: plain(getattr(value, name)) for name in value.__struct_fields__}
    if is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Enum):
        return value.value
    return [plain(each) for each in value] if isinstance(value, tuple) else value


# examples -----------------------------------------------------------------------------------------------------------


def commands() -> Iterator[Example]:
    """Signed payloads: each command by itself, and per service a batch of all it decides, or of so many."""
    for (kind, version), body in VOCABULARY.commands.items():
        headers = list(instances(Header, type=kind, v=version))
        for nth, each in enumerate(instances(body)):
            yield _payload(f"{kind}.v{version}", headers[nth % len(headers)], (each,))
    for service in dict.fromkeys(VOCABULARY.service_of.values()):
        bodies = tuple(
            next(instances(body)) for body, decided_by in VOCABULARY.service_of.items() if decided_by == service
        )
        some = bodies[: limits.MAX_BATCH_COMMANDS]
        yield _payload(f"{BATCH}.v1", next(instances(Header, type=BATCH, v=1)), some)


def _payload(name: str, header: Header, bodies: tuple[Any, ...]) -> Example:
    value = {"header": plain(header), "bodies": plain(bodies)}
    return Example("command", name, encode_payload(header, bodies), value)


def events() -> Iterator[Example]:
    """Every event."""
    for name, event in VOCABULARY.events.items():
        for each in instances(event):
            yield Example("event", name, canonical(dump_event(each)), plain(each))


def entries() -> Iterator[Example]:
    """Entries of every cause and every decision, with every refusal code in one of them."""
    origins, keys = boundaries(scalars.Origin), boundaries(scalars.KeyId)
    event = next(instances(VOCABULARY.events["log.opened.v1"]))
    detail = (("available", "0"), ("reason", 'é "\\ \U0001f600'))
    refused = [Outcome(0, Refusal(code, detail if nth % 2 else ())) for nth, code in enumerate(Code)]
    some, size = limits.MAX_BATCH_COMMANDS - 2, limits.MAX_COUNT
    command = CommandCause(b'{"type":"deposit"}', bytes(range(64)), keys[1])
    rows: list[tuple[str, Any, bool, tuple[Outcome, ...], int]] = [
        ("genesis", GenesisCause("o", boundaries(scalars.Name)[1], _OCTETS[1], 1, "0.1.0"), False, (), 1),
        ("genesis", GenesisCause("o", "O", _OCTETS[1], 1_000_000, "0", _OCTETS[0]), False, (), 1),
        ("issuance/0/0", EntryCause(origins[0], 0, _OCTETS[0], 0), False, (), 0),
        ("issuance/1/9", EntryCause(origins[1], size, _OCTETS[1], size), False, (), 2),
        ("timer/3", TimerCause("state_root", 0), False, (), 1),
        ("timer/4", TimerCause("matching", MAX_TIME), False, (), 1),
        ("resumed/5", ResumedCause(0), False, (), 1),
        ("resumed/6", ResumedCause(MAX_TIME), False, (), 1),
        ("a/1", command, False, (Outcome(0, None),), 0),
        ("a/2", CommandCause(b"", bytes(64), keys[0]), False, (Outcome(3, None),), 3),
        ("a/3", command, False, (refused[-1],), 0),
        ("a/4", command, True, (Outcome(2, None), *refused[:some], Outcome(0, None)), 2),
    ]
    for nth, start in enumerate(range(some, len(refused), limits.MAX_BATCH_COMMANDS)):
        rows.append((f"a/{nth + 5}", command, True, tuple(refused[start : start + limits.MAX_BATCH_COMMANDS]), 0))
    for nth, (id_, cause, batch, outcomes, count) in enumerate(rows):
        index, time = (size, MAX_TIME) if nth % 2 else (nth, nth)
        subject = id_.partition("/")[0]
        entry = Entry(origins[nth % 2], index, id_, time, subject, cause, batch, outcomes, (event,) * count)
        yield Example("entry", ENTRY_TYPE, encode_entry(entry), plain(entry))


# files --------------------------------------------------------------------------------------------------------------


def frozen() -> list[dict[str, Any]]:
    """The records of all releases, oldest first."""
    return [json.loads(line) for path in sorted(FOLDER.glob("*.jsonl")) for line in path.read_text().split("\n")[:-1]]


def unfrozen() -> list[Example]:
    """Examples of what no release holds yet."""
    known = {(record["kind"], record["name"]) for record in frozen()}
    made = [*commands(), *events(), *entries()]
    return [each for each in made if (each.kind, each.name) not in known]


def schemas() -> dict[str, Any]:
    """Every schema by its id."""
    documents = [json.loads(data) for name, data in render(VOCABULARY).items() if name.endswith(".schema.json")]
    return {document["$id"]: document for document in documents}


def freeze(release: str, folder: Path = FOLDER) -> list[Path]:
    """Write the files of a release. Raises FileExistsError: what is frozen is never written again."""
    lines = [
        json.dumps({"kind": each.kind, "name": each.name, "bytes": each.data.decode(), "value": each.value})
        for each in unfrozen()
    ]
    texts = {
        f"{release}.jsonl": "".join(f"{line}\n" for line in lines),
        f"{release}.schemas.json": "{\n" + ",\n".join(_member(*item) for item in schemas().items()) + "\n}\n",
    }
    written = []
    for name, text in texts.items():
        with (folder / name).open("x") as file:
            file.write(text)
        written.append(folder / name)
    return written


def _member(identity: str, schema: Any) -> str:
    """One schema on one line, so that a difference shows as one."""
    return f"{json.dumps(identity)}: {json.dumps(schema, separators=(',', ':'), sort_keys=True)}"


if __name__ == "__main__":
    (_, new_release) = sys.argv
    freeze(new_release)
