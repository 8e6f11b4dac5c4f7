"""The log explorer: each log with its checkpoint, its growth and its entries as far as the reader may read them."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final

import orjson

from counterfoil.console.look import Look
from counterfoil.console.tables import Column, Table
from counterfoil.console.words import N_
from counterfoil.contract.canonical import Refused
from counterfoil.contract.entry import CommandCause, Entry, EntryCause, GenesisCause, ResumedCause, TimerCause
from counterfoil.contract.log_id import LogId
from counterfoil.gateway.parameters import find_log
from counterfoil.gateway.problems import Problem, ProblemCode
from counterfoil.gateway.readers import may_read_entry
from counterfoil.log.checkpoint import parse_checkpoint
from counterfoil.log.errors import LogError
from counterfoil.log.note import parse_note
from counterfoil.runtime.os_errors import classifying
from counterfoil.vocabulary import CODEC

_PAGE: Final = 25
_SAMPLES: Final = 24
_LOGS: Final = (
    Column("name", N_("Log"), link="/console/logs/{name}"),
    Column("origin", N_("Origin"), "id"),
    Column("size", N_("Entries"), "number"),
    Column("latest", N_("Latest entry"), "time"),
    Column("published", N_("Published"), "number"),
    Column("signatures", N_("Signatures"), "number"),
    Column("root", N_("Root"), "id"),
)
_ENTRIES: Final = (
    Column("index", N_("Entry"), "number", link="/console/logs/{log}?entry={index}"),
    Column("time", N_("Time"), "time"),
    Column("cause", N_("Cause"), "word"),
    Column("what", N_("What")),
    Column("actor", N_("Signed by"), "id"),
    Column("outcome", N_("Outcome"), "code"),
    Column("events", N_("Events")),
)
_GROWTH: Final = (Column("time", N_("Time"), "time"), Column("entries", N_("Entries"), "number"))
_CAUSES: Final[Mapping[type, str]] = {
    CommandCause: N_("command"),
    EntryCause: N_("reaction"),
    TimerCause: N_("timer"),
    GenesisCause: N_("genesis"),
    ResumedCause: N_("resumed"),
}


def read_all(look: Look) -> Mapping[str, Any]:
    """All logs of the instance."""
    rows = [
        {"name": log.name, "origin": origin, **_head(look, log)} for log, origin in look.context.backend.origins.items()
    ]
    table = Table("logs", N_("Logs of this instance"), _LOGS, rows)
    return {
        "tables": [table],
        "logs": table,
        "vkeys": [_file(look, log, "vkey") for log in look.context.backend.origins],
    }


def read(look: Look, name: str) -> Mapping[str, Any]:
    """One log, or with ``entry`` in the query one entry of it. Raises `Problem`."""
    log = find_log(name, look.context.backend.origins)
    if log is None:
        raise Problem(ProblemCode.UNKNOWN_LOG, name[:80])
    size = look.size_of(log)
    values = {"log": log, "origin": look.context.backend.origins[log], "size": size, **_checkpoint(look, log)}
    asked = look.query.get("entry")
    if asked is not None:
        return {**values, **_one(look, log, _number(asked, size)), "tables": []}
    end = min(size, _number(look.query.get("before", str(size)), size + 1))
    start = max(0, end - _PAGE)
    entries = [_row(look, log, start + at, data) for at, data in enumerate(_entries(look, log, start, end))]
    table = Table("entries", N_("Entries"), _ENTRIES, entries[::-1])
    growth = _growth(look, log, size)
    return {
        **values,
        "entry": None,
        "entries": table,
        "before": start or None,
        "growth": growth,
        "tables": [table, growth],
    }


def _head(look: Look, log: LogId) -> dict[str, Any]:
    size = look.size_of(log)
    latest = None
    for data in _entries(look, log, max(0, size - 1), size):
        latest = CODEC.decode_entry(data).time
    return {"size": size, "latest": latest, **_checkpoint(look, log)}


def _checkpoint(look: Look, log: LogId) -> dict[str, Any]:
    """What the published checkpoint says; the reader's own browser verifies it."""
    text = _file(look, log, "checkpoint")
    try:
        note = parse_note(text.encode())
        said = parse_checkpoint(note.text)
    except LogError:
        return {"published": None, "signatures": None, "root": None, "checkpoint": text}
    root = b64encode(said.root).decode()
    return {"published": said.size, "signatures": len(note.signatures), "root": root, "checkpoint": text}


def _file(look: Look, log: LogId, name: str) -> str:
    path = look.context.backend.log_directories[log] / name
    with classifying(path):
        try:
            return path.read_text("utf-8")
        except FileNotFoundError:
            return ""


def _entries(look: Look, log: LogId, start: int, stop: int) -> list[bytes]:
    return look.context.backend.stores[log].entries(start, stop) if stop > start else []


def _number(text: str, below: int) -> int:
    """A place in a log. Raises `Problem`."""
    if not text.isascii() or not text.isdigit() or len(text) > 15 or int(text) >= below:
        raise Problem(ProblemCode.NOT_FOUND, text[:80])
    return int(text)


def _row(look: Look, log: LogId, index: int, data: bytes) -> dict[str, Any]:
    entry = CODEC.decode_entry(data)
    row = {"log": log.name, "index": index, "time": entry.time, "cause": _CAUSES[type(entry.cause)]}
    if not may_read_entry(look.context.backend, look.who, entry):
        return {**row, "what": None, "actor": None, "outcome": None, "events": None}
    return {**row, **_told(entry)}


def _told(entry: Entry) -> dict[str, Any]:
    what, actor = None, None
    if isinstance(entry.cause, CommandCause):
        try:
            submission = CODEC.decode_payload(entry.cause.payload, entry.cause.signature)
            actor = submission.header.actor
            names = dict.fromkeys(body.TYPE for body in submission.bodies)
            what = ", ".join(names)
        except Refused:
            what = None
    elif isinstance(entry.cause, EntryCause):
        what = f"{entry.cause.origin.partition('/')[2]} {entry.cause.index}"
    elif isinstance(entry.cause, TimerCause):
        what = entry.cause.kind
    refused = [each.refusal.code.value for each in entry.outcomes if each.refusal is not None]
    events = ", ".join(dict.fromkeys(event.TYPE for event in entry.events))
    return {"what": what, "actor": actor, "outcome": refused[0] if refused else "accepted", "events": events}


def _one(look: Look, log: LogId, index: int) -> dict[str, Any]:
    """An entry, with the bytes that the log has. Raises `Problem` for an entry that the reader may not read."""
    for data in _entries(look, log, index, index + 1):
        entry = CODEC.decode_entry(data)
        readable = may_read_entry(look.context.backend, look.who, entry)
        text = _indented(data) if readable else None
        leaf = b64encode(look.context.backend.stores[log].leaves(index, index + 1)[0]).decode()
        digest = sha256(data).hexdigest()
        row = _row(look, log, index, data)
        return {"entry": row, "text": text, "leaf": leaf, "digest": digest, "bytes": len(data)}
    raise Problem(ProblemCode.NOT_FOUND, str(index))


def _indented(data: bytes) -> str:
    return orjson.dumps(orjson.loads(data), option=orjson.OPT_INDENT_2).decode()


def _growth(look: Look, log: LogId, size: int) -> Table:
    """How many entries the log had when: some places, evenly, so that a long log costs no more."""
    last = max(0, size - 1)
    places = sorted({last * part // _SAMPLES for part in range(_SAMPLES + 1)}) if size else []
    rows: list[dict[str, Any]] = []
    for index in places:
        times = [CODEC.decode_entry(data).time for data in _entries(look, log, index, index + 1)]
        rows += [{"time": time, "entries": index + 1} for time in times]
    return Table("growth", N_("Growth of the log"), _GROWTH, rows)
