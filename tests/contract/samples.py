"""One fixed, readable instance of every command and event, for the golden vectors.

A field's value follows from its name where the contract leaves it open, and from its type otherwise, so that a new
command or event has a sample without further work.
"""

from __future__ import annotations

import types
from dataclasses import fields
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from counterfoil.contract import scalars
from counterfoil.contract.key_id import key_id_of
from counterfoil.contract.possession import statement
from counterfoil.contract.record import annotations_of
from counterfoil.contract.submission import Header, Seen
from counterfoil.contract.terms import FixedExpiry
from counterfoil.contract.times import parse_hour, parse_time
from counterfoil.log.keys import SigningKey

SEED = bytes(range(32))
KEY = SigningKey("author.example/test", SEED)
"""The test key of all vectors. Its seed is published: never trust it."""
KEY_ID = key_id_of(KEY.verify_key.public)
NOW = parse_time("2026-11-22T18:00:00.123456Z")

_BY_TYPE: dict[Any, Any] = {
    scalars.Amount: 1_250_000,
    scalars.PositiveAmount: 90_000_000,
    scalars.SignedAmount: -1_250_000,
    scalars.Price: 2_490_000,
    scalars.Points: 87_500_000,
    scalars.Time: parse_time("2026-12-31T23:59:59.999999Z"),
    scalars.DerivedTime: parse_time("2026-12-31T23:59:59.999999Z"),
    scalars.Hour: parse_hour("20261123T08Z"),
    scalars.PublicKey: KEY.verify_key.public,
    scalars.Signature: KEY.sign(statement("counterfoil.example", "party-1", KEY.verify_key.public, "signing")),
    scalars.Digest: bytes(range(32, 64)),
    scalars.Piece: b'{"schema":"counterfoil.programme/1"}',
    scalars.Unit: "EUR",
    scalars.MarketUnit: "EUR",
    scalars.KeyId: KEY_ID,
    scalars.Currency: "EUR",
    scalars.Origin: "counterfoil.example/ledger/main",
    scalars.AssetId: "EUR",
    scalars.AccountId: "cash/startup-1",
    scalars.Name: "Stadt Köln “Rechenzeit” €",
    scalars.Reason: "See file 12/2026",
    scalars.Reference: "№ 12/2026",
    scalars.Word: "delivered",
    scalars.Code: "GPU_COMPUTE",
    scalars.Day: 20_780,
    scalars.Month: "2026-11",
    scalars.MinorUnits: 3,
    scalars.Flag: True,
    scalars.GpusPerNode: 8,
    scalars.Nodes: 2,
    scalars.Version: 1,
}
_BY_NAME: dict[str, Any] = {
    "classes": ("h100-sxm", "a100-80"),
    "regions": ("de-nw",),
    "region": "de-nw",
    "roles": ("issuer", "treasurer"),
    "expiry": FixedExpiry(kind="fixed", at=_BY_TYPE[scalars.Time]),
    "bf16_mtflops_attested": None,
    "good_until": None,
    "reduce_nodes_by": None,
    "latest": parse_hour("20261124T08Z"),
    "window_end": parse_hour("20261130T08Z"),
    "pieces": 2,
    "piece": 0,
    "num": 4,
    "den": 5,
}


def sample(cls: type[Any]) -> Any:
    """The sample of a command, an event or a part of one."""
    hints = annotations_of(cls)
    return cls(**{field.name: _value(field.name, hints[field.name]) for field in fields(cls)})


def header(kind: str, version: int, service: str, number: int) -> Header:
    """The header of sample command `number` (0..255) for a service's log."""
    return Header(
        type=kind,
        v=version,
        aud=f"counterfoil.example/{service}/main",
        actor="party-1",
        key_id=KEY_ID,
        command_id=f"019ab000-0000-7000-8000-0000000000{number:02x}",
        issued_at=NOW,
        expires_at=NOW + 3_600_000_000,
        seen=Seen(size=number, root=_BY_TYPE[scalars.Digest]) if number % 2 else None,
    )


def _value(name: str, annotation: Any) -> Any:
    if name in _BY_NAME:
        return _BY_NAME[name]
    if annotation in _BY_TYPE:
        return _BY_TYPE[annotation]
    kind = get_origin(annotation)
    if kind is tuple:
        return (_value(name.removesuffix("s"), get_args(annotation)[0]),)
    if kind in (Union, types.UnionType):
        return _value(name, get_args(annotation)[0])
    if kind is Literal:
        return get_args(annotation)[0]
    if kind is Annotated and annotation.__origin__ is str:
        return f"{name.removesuffix('_id').replace('_', '-')}-1"
    if kind is Annotated:
        return max(annotation.__metadata__[0].schema["ge"], 12)
    return sample(annotation)
