"""`counterfoil log`: checkpoints, entries and receipts, each verified before it is shown."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from counterfoil.cli.command import Invalid, Out, local
from counterfoil.cli.files import read_bytes
from counterfoil.cli.gateway_session import GatewaySession, named_log, read_vkeys, remote
from counterfoil.cli.late import group
from counterfoil.cli.options import argument
from counterfoil.cli.render import Record, plain
from counterfoil.cli.signing import event_rows
from counterfoil.client.problems import BeyondEnd, NotProven, RefusedByService
from counterfoil.client.published import entry_at, met
from counterfoil.client.verify import Proven, verify_answer, verify_entry
from counterfoil.contract.canonical import Refused, canonical, parse_json
from counterfoil.contract.entry import CommandCause, Entry, EntryCause, ResumedCause, TimerCause
from counterfoil.contract.limits import MAX_ENTRY_BYTES
from counterfoil.contract.log_id import log_of
from counterfoil.contract.scalars import decode_base64
from counterfoil.contract.times import format_time
from counterfoil.vocabulary import CODEC

if TYPE_CHECKING:
    from counterfoil.client.http import Gateway

app = group("log")

Log = Annotated[str, argument("LOG", "issuance, ledger, matching or redemption; SERVICE/SHARD for another shard.")]
Vkeys = Annotated[
    Path | None,
    typer.Option(
        "--vkeys", "--vkey", metavar="FILE", help="Pinned log keys, one a line. Default: COUNTERFOIL_VKEYS, HOME/vkeys."
    ),
]
PROOF = ".tlog-proof"
_PROOF_BYTES_MAX = 1 << 20


@remote(app, "checkpoint", "counterfoil log checkpoint issuance")
def checkpoint(session: GatewaySession, log: Log) -> None:
    """Show the signed checkpoint of a log: its size and root."""
    id_ = named_log(log)
    key, pinned = session.log_key(id_)
    note = session.gateway.log_file(id_, "checkpoint")
    head = met(note, key).head
    found = {"origin": head.origin, "size": head.size, "root": head.root.hex(), "key_pinned": pinned}
    session.out.show({**found, "note": note.decode()}, Record(found))


@remote(app, "entry", "counterfoil log entry matching 17")
def entry(session: GatewaySession, log: Log, index: Annotated[int, typer.Argument(min=0, help="Its index.")]) -> None:
    """Show an entry as published, after checking that it is in the log's tree under the signed checkpoint."""
    id_ = named_log(log)
    key, _ = session.log_key(id_)
    try:
        data, proven = session.gateway.run(entry_at(session.gateway.exchanges, key, index))
    except BeyondEnd as problem:
        raise Invalid(problem.title) from problem
    session.out.show(parse_json(data, MAX_ENTRY_BYTES), Record(summary(proven.entry, session.gateway)))


@remote(app, "receipt", "counterfoil log receipt issuance springfield/0198c2f4-9c1e-7d3a-8a51-3f1f7b0c2d4e --save bid")
def receipt(
    session: GatewaySession,
    log: Log,
    command: Annotated[str, argument("ID", "The command's id with its actor, as its outcome shows it: ACTOR/ID.")],
    save: Annotated[
        Path | None, typer.Option("--save", metavar="FILE", help="Keep the entry in FILE and its proof beside it.")
    ] = None,
) -> None:
    """Fetch the receipt of a command, accepted or refused, and verify it."""
    id_ = named_log(log)
    actor, slash, command_id = command.partition("/")
    if not slash:
        raise Invalid(f"{command}: ACTOR/ID is expected, as the command's outcome shows it")
    key, pinned = session.log_key(id_)
    try:
        answer = session.gateway.receipt(id_, actor, command_id)
    except RefusedByService as problem:
        if problem.receipt is None:
            raise
        answer = dict(problem.receipt)
    proven = verify_answer(answer, key)
    if proven.entry.id != command:
        raise NotProven(f"the gateway answered with the entry of {proven.entry.id}")
    if save is not None:
        _keep(save, decode_base64(answer["entry"]), answer["proof"].encode())
    session.out.show({**answer, "key_pinned": pinned}, Record(_proven(proven, session.gateway)))


def _keep(path: Path, data: bytes, proof: bytes) -> None:
    try:
        path.write_bytes(data)
        path.with_name(path.name + PROOF).write_bytes(proof)
    except OSError as problem:
        raise Invalid(f"cannot write {path}: {problem.strerror}") from problem


@local(app, "verify", "counterfoil log verify bid --vkeys vkeys")
def verify(
    out: Out,
    file: Annotated[Path, argument("FILE", "The entry's bytes; its proof is FILE.tlog-proof.")],
    vkeys: Vkeys = None,
) -> None:
    """Verify a receipt that was saved in files, without a network."""
    try:
        data = read_bytes(file, MAX_ENTRY_BYTES)
        proof = read_bytes(file.with_name(file.name + PROOF), _PROOF_BYTES_MAX)
        keys = read_vkeys(vkeys if vkeys is not None else out.settings.vkey_file)
        origin = CODEC.decode_entry(data).origin
    except Refused as problem:
        raise NotProven(f"{file} is not an entry") from problem
    if origin not in keys:
        raise Invalid(f"no key of {origin} is pinned")
    proven = verify_entry(data, proof, keys[origin])
    out.show({"verified": True, **_proven(proven)}, Record({"verified": True, **_proven(proven)}))


@remote(app, "tail", "counterfoil log tail --service matching --from matching:0 --count 10", tabular=False)
def tail(
    session: GatewaySession,
    service: Annotated[
        list[str] | None,
        typer.Option("--service", metavar="SERVICE[/SHARD]", help="Only this one. May be repeated."),
    ] = None,
    start: Annotated[
        list[str] | None,
        typer.Option("--from", metavar="SERVICE[/SHARD]:INDEX", help="Start here instead of now. May be repeated."),
    ] = None,
    count: Annotated[int | None, typer.Option("--count", min=1, metavar="N", help="End after so many.")] = None,
) -> None:
    """Print entries as they are committed, one per line, until interrupted; they are not verified."""
    for number, (_, value) in enumerate(session.gateway.tail(service or (), start or ()), 1):
        people = [] if session.out.json else [plain(line(CODEC.decode_entry(canonical(value))))]
        session.out.show(value, *people)
        if number == count:
            return


# output for people ----------------------------------------------------------------------------------------------------


def _cause(entry: Entry) -> str:
    match entry.cause:
        case CommandCause():
            return f"command {entry.id}"
        case EntryCause(origin=origin, index=index, item=item):
            return f"event {item} of {log_of(origin).name}:{index}"
        case TimerCause(kind=kind):
            return f"timer {kind}"
        case ResumedCause(away_since=since):
            return f"resumed, away since {format_time(since)}"
        case _:
            return "genesis"


def _decision(entry: Entry) -> str:
    refused = [outcome.refusal.code.value for outcome in entry.outcomes if outcome.refusal is not None]
    return f"refused: {', '.join(refused)}" if refused else "accepted"


def line(entry: Entry) -> str:
    """An entry in one line."""
    events = ", ".join(event.TYPE for event in entry.events) or _decision(entry)
    place = f"{log_of(entry.origin).name}:{entry.index}"
    return f"{format_time(entry.time)}  {place:<18} {_cause(entry)}: {events}"


def summary(entry: Entry, gateway: Gateway | None = None) -> dict[str, Any]:
    """An entry for people. `gateway`: tells the currency of amounts where the events do not."""
    head = {
        "entry": f"{log_of(entry.origin).name}:{entry.index}",
        "time": format_time(entry.time),
        "cause": _cause(entry),
        "decision": _decision(entry),
    }
    return {**head, **{f"event {number}": row for number, row in enumerate(event_rows(entry.events, gateway))}}


def _proven(proven: Proven, gateway: Gateway | None = None) -> dict[str, Any]:
    head = proven.checkpoint
    return {**summary(proven.entry, gateway), "log": head.origin, "tree_size": head.size, "root": head.root.hex()}
