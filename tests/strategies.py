"""Hypothesis strategies for everything that crosses a boundary, built from the fields of the dataclasses.

`records(PlaceBid)` gives any well-formed `PlaceBid`: within the ranges of the contract, but not sensible business.
"""

from __future__ import annotations

import re
import types
from dataclasses import fields
from functools import cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from hypothesis import strategies as st

from counterfoil.contract import limits, scalars
from counterfoil.contract.entry import (
    Cause,
    CommandCause,
    Entry,
    EntryCause,
    GenesisCause,
    Outcome,
    ResumedCause,
    TimerCause,
)
from counterfoil.contract.record import Command as Body
from counterfoil.contract.record import Event, annotations_of
from counterfoil.contract.refusals import Code, Refusal
from counterfoil.contract.submission import BATCH, Header
from counterfoil.contract.times import HOUR
from counterfoil.vocabulary import VOCABULARY

MAX_TIME = 7_258_118_399_999_999  # 2199-12-31T23:59:59.999999Z
MAX_DERIVED_TIME = 7_573_651_199_999_999  # 2209-12-31T23:59:59.999999Z
MAX_HOUR = MAX_TIME // HOUR

_CODED: dict[Any, st.SearchStrategy[Any]] = {
    scalars.Piece: st.binary(min_size=1, max_size=64),
    scalars.Amount: st.integers(0, limits.MAX_AMOUNT),
    scalars.PositiveAmount: st.integers(1, limits.MAX_AMOUNT),
    scalars.SignedAmount: st.integers(-limits.MAX_AMOUNT, limits.MAX_AMOUNT),
    scalars.Price: st.integers(1, limits.MAX_PRICE),
    scalars.Points: st.integers(0, limits.MAX_POINTS),
    scalars.Time: st.integers(0, MAX_TIME),
    scalars.DerivedTime: st.integers(0, MAX_DERIVED_TIME),
    scalars.Hour: st.integers(0, MAX_HOUR),
    scalars.Day: st.integers(0, 84_005),
    scalars.Reference: st.one_of(
        st.from_regex(r"[!-~]{0,31}[0-9A-Za-z][!-~]{0,32}", fullmatch=True),
        st.sampled_from(("№ 17/б", "北京〔2026〕12号", "\U00020000" * 64)),
    ),
    scalars.PublicKey: st.binary(min_size=32, max_size=32),
    scalars.Signature: st.binary(min_size=64, max_size=64),
    scalars.Digest: st.binary(min_size=32, max_size=32),
}


@cache
def of(annotation: Any) -> st.SearchStrategy[Any]:
    """Values of a field's type: scalar, record, literal, union, or tuple of one of them."""
    if annotation in _CODED:
        return _CODED[annotation]
    kind = get_origin(annotation)
    if kind is Annotated:
        marker = annotation.__metadata__[0]
        return of(annotation.__origin__) if isinstance(marker, scalars.Tagged) else _native(marker.schema)
    if kind is Literal:
        return st.sampled_from(get_args(annotation))
    if kind in (Union, types.UnionType):
        return st.one_of(*map(of, get_args(annotation)))
    if kind is tuple:
        item, _ = get_args(annotation)
        return st.lists(of(item), max_size=3).map(tuple)
    if annotation is type(None):
        return st.none()
    if annotation is str:
        return st.text(max_size=20)
    return records(annotation)


def _native(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    if schema["type"] == "int":
        return st.integers(schema["ge"], schema["le"])
    if schema["type"] == "bool":
        return st.booleans()
    whole = schema["pattern"].removeprefix("^").removesuffix("$")
    cut = st.from_regex(whole, fullmatch=True).map(lambda text: text[: schema["max_length"]])
    return cut.filter(lambda text: re.fullmatch(whole, text) is not None)


@cache
def records(cls: type[Any]) -> st.SearchStrategy[Any]:
    """Instances of a contract dataclass."""
    hints = annotations_of(cls)
    return st.builds(cls, **{field.name: of(hints[field.name]) for field in fields(cls)})


def _any(cls: Any) -> st.SearchStrategy[Any]:
    return records(cls)


def bodies() -> st.SearchStrategy[Body]:
    """Any command body."""
    return st.sampled_from(list(VOCABULARY.service_of)).flatmap(_any)


def events() -> st.SearchStrategy[Event]:
    """Any event."""
    return st.sampled_from(list(VOCABULARY.events.values())).flatmap(_any)


@st.composite
def commands(draw: st.DrawFn) -> tuple[Header, tuple[Body]]:
    """A header with the one body that goes with its type."""
    body = draw(bodies())
    kind, version = (body.TYPE, body.V)
    return draw(_headers(kind, version)), (body,)


@st.composite
def batches(draw: st.DrawFn) -> tuple[Header, tuple[Body, ...]]:
    """The header and bodies of a batch: one to four commands of one service."""
    service = draw(st.sampled_from(sorted(set(VOCABULARY.service_of.values()))))
    types = [body for body, decided_by in VOCABULARY.service_of.items() if decided_by == service]
    items = draw(st.lists(st.sampled_from(types).flatmap(_any), min_size=1, max_size=4))
    return draw(_headers(BATCH, 1)), tuple(items)


def _headers(kind: str, version: int) -> st.SearchStrategy[Header]:
    hints = annotations_of(Header)
    rest = {name: of(hint) for name, hint in hints.items() if name not in ("type", "v")}
    return st.builds(Header, type=st.just(kind), v=st.just(version), **rest)


_rejections = st.builds(
    Refusal,
    st.sampled_from(list(Code)),
    st.dictionaries(st.from_regex("[a-z_]{1,12}", fullmatch=True), st.text(max_size=20), max_size=3).map(
        lambda detail: tuple(sorted(detail.items()))
    ),
)
_counts = of(scalars.Count)
_signatures = st.binary(min_size=64, max_size=64)
_accepted = st.builds(Outcome, _counts, st.none())
_refused = st.builds(Outcome, st.just(0), _rejections)
_command_causes = st.builds(CommandCause, st.binary(max_size=60), _signatures, of(scalars.KeyId))
_other_causes = st.one_of(
    st.builds(EntryCause, of(scalars.Origin), _counts, of(scalars.Digest), _counts),
    st.builds(TimerCause, st.from_regex("[a-z_]{1,20}", fullmatch=True), of(scalars.DerivedTime)),
    st.builds(ResumedCause, of(scalars.DerivedTime)),
    st.builds(
        GenesisCause,
        of(scalars.Id),
        of(scalars.Name),
        of(scalars.PublicKey),
        of(scalars.Version),
        of(scalars.Release),
        of(scalars.PublicKey | None),
    ),
)


@st.composite
def entries(draw: st.DrawFn) -> Entry:
    """An entry of any cause, its outcomes in keeping with its events."""
    caused = draw(st.lists(events(), max_size=3).map(tuple))
    cause: Cause = draw(_other_causes | _command_causes)
    batch, outcomes = False, tuple[Outcome, ...]()
    if isinstance(cause, CommandCause):
        batch = draw(st.booleans())
        if batch:
            outcomes = tuple(draw(st.lists(_accepted | _refused, min_size=1, max_size=3)))
        elif draw(st.booleans()):
            outcomes = (Outcome(len(caused), None),)
        else:
            caused, outcomes = (), (draw(_refused),)
    name = st.text(min_size=1, max_size=20)
    return Entry(
        origin=draw(of(scalars.Origin)),
        index=draw(_counts),
        id=draw(name),
        time=draw(of(scalars.DerivedTime)),
        subject=draw(name),
        cause=cause,
        batch=batch,
        outcomes=outcomes,
        events=caused,
    )
