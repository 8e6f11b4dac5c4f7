"""Reads entries leniently, as `counterfoil.contract.wire` says: members that an entry does not have pass as well."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, Literal, Union

import msgspec

from counterfoil.contract.entry import (
    Cause,
    CommandCause,
    Entry,
    EntryCause,
    GenesisCause,
    Index,
    Outcome,
    ResumedCause,
    TimerCause,
)
from counterfoil.contract.record import Event
from counterfoil.contract.refusals import Code, Refusal
from counterfoil.contract.times import parse_derived_time
from counterfoil.contract.wire import reader


class _Timer(msgspec.Struct, gc=False):
    kind: str
    due: str


class _Resumed(msgspec.Struct, gc=False):
    away_since: str


class _Cause(msgspec.Struct, gc=False):
    """One of these."""

    command: CommandCause | None = None
    entry: EntryCause | None = None
    timer: _Timer | None = None
    genesis: GenesisCause | None = None
    resumed: _Resumed | None = None


class _Outcome(msgspec.Struct, gc=False):
    """Either `accepted`, or the others."""

    accepted: Index | None = None
    refused: Code | None = None
    detail: dict[str, str] = {}


class _Decision(_Outcome, gc=False):
    batch: list[_Outcome] | None = None


def entry_reader(events: Sequence[type[Event]]) -> Callable[[bytes], Entry]:
    """Reads entries that have these events. Raises `UNREADABLE`."""
    data = [
        ("index", Index),
        ("cause", _Cause),
        ("decision", Literal["accepted"] | _Decision),
        ("events", tuple[Union[tuple(events)], ...]),  # type: ignore[misc]  # noqa: UP007 made from values
    ]
    members = [("source", str), ("id", str), ("time", str), ("subject", str), ("data", _form("_Data", data))]
    read = reader(_form("_Entry", members))

    def run(entry: bytes) -> Entry:
        form = read(entry)
        data = form.data
        cause, decision, events = _cause(data.cause), data.decision, data.events
        batch = decision != "accepted" and decision.batch is not None
        return Entry(
            form.source.removeprefix("//"), data.index, form.id, parse_derived_time(form.time), form.subject, cause,
            batch, _outcomes(decision, cause, len(events)), events,
        )  # fmt: skip

    return run


def _form(name: str, members: list[tuple[str, Any]]) -> type:
    return msgspec.defstruct(name, members, gc=False)


_read_caused: Final = reader(_form("_Caused", [("time", str), ("data", _form("_CausedData", [("cause", _Cause)]))]))


def read_cause(entry: bytes) -> tuple[Cause, int]:
    """An entry's cause and time; nothing else is looked at. Raises `UNREADABLE`."""
    form = _read_caused(entry)
    return _cause(form.data.cause), parse_derived_time(form.time)


def _cause(form: _Cause) -> Cause:
    found: Cause | None = form.command or form.entry or form.genesis
    if found is not None:
        return found
    if form.timer is not None:
        return TimerCause(form.timer.kind, parse_derived_time(form.timer.due))
    if form.resumed is None:
        raise ValueError("no cause")
    return ResumedCause(parse_derived_time(form.resumed.away_since))


def _outcomes(decision: Any, cause: Cause, events: int) -> tuple[Outcome, ...]:
    if type(cause) is not CommandCause:
        return ()
    if decision == "accepted":
        return (Outcome(events, None),)
    return tuple([_outcome(each) for each in ([decision] if decision.batch is None else decision.batch)])


def _outcome(form: _Outcome) -> Outcome:
    if form.accepted is not None:
        return Outcome(form.accepted, None)
    if form.refused is None:
        raise ValueError("neither accepted nor refused")
    return Outcome(0, Refusal(form.refused, tuple(sorted(form.detail.items()))))
