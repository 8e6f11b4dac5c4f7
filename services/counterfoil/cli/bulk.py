"""`counterfoil import`: commands from a file, signed in batches; every line has its outcome, and none is done twice."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from inspect import signature
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from counterfoil.cli.advice import readable
from counterfoil.cli.command import REFUSED, Invalid
from counterfoil.cli.lines import MAX_LINES, Line, read_lines
from counterfoil.cli.options import argument
from counterfoil.cli.progress import bars
from counterfoil.cli.render import Record, Rows
from counterfoil.cli.signing import COMPLETED, MAKERS, SigningSession, signing
from counterfoil.contract.limits import MAX_BATCH_COMMANDS, MAX_BATCH_PAYLOAD_BYTES
from counterfoil.contract.record import Command as Body
from counterfoil.contract.record import Event
from counterfoil.core.rules import LATEST, RULES

if TYPE_CHECKING:
    from counterfoil.client.delivery import Settled

SHOWN: Final = 200
"""How many bad or refused lines people see; the file of outcomes has all."""
_MERGED: Final[Mapping[tuple[str, str], tuple[str, int]]] = {
    ("usage", "report"): ("reading", RULES[LATEST].max_readings),
    ("claim", "submit"): ("contract", MAX_LINES),  # an invoice serves one claim: more than it may name are refused
}
"""Commands of which lines that follow each other make one, if they differ in this column only: it, and how many of its
values a command may have."""
_YES: Final = ("yes", "true", "1", "True")
_NO: Final = ("no", "false", "0", "False")
_HEADER_BYTES: Final = 1_024  # of a batch's payload, more than its header takes
_AGAIN: Final = (
    "put refused lines alone, mended, into another file: the whole file with a change would be done again, line by line"
)
_COLUMNS: Final = ("line", "outcome", "detail", "id", "entry")


@dataclass(frozen=True, slots=True)
class Made:
    """A command and the lines that made it."""

    lines: tuple[int, ...]
    body: Body


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""

    @signing(app, "import", "counterfoil import voucher issue vouchers.csv --as springfield")
    def import_(
        session: SigningSession,
        group: Annotated[str, argument("GROUP", "As in `counterfoil GROUP NAME`: voucher, offer, bid, usage, claim.")],
        name: Annotated[str, argument("NAME", "The command that each line is to give: issue, post, place, report.")],
        file: Annotated[Path, argument("FILE", "CSV with a header, or JSON Lines (.jsonl).")],
        outcomes: Annotated[
            Path | None,
            typer.Option("--outcomes", metavar="FILE", help="The outcome of every line. Default: FILE.outcomes.csv."),
        ] = None,
    ) -> None:
        """Give a command for every line of a file. The columns are the options of that command, without dashes.

        A cell of CSV with several values separates them by `;`. Lines of `usage report` for one contract, and of `claim
        submit` with one invoice, that follow each other make one command; more readings than one may hold make several.
        All lines are checked before any is sent.

        Run it again after an interruption: what was done is not done again, and its outcome is shown. For the same
        reason the same lines do nothing a second time, unless `--idempotency-key` says that they are others.
        A file in which a line was changed is another one, and all its lines are done.
        Exit code 4: lines were refused; the others took effect. Give refused lines again in a file of their own.
        """
        give_lines(session, (group, name), read_lines(file), file, outcomes)


def give_lines(
    session: SigningSession,
    command: tuple[str, str],
    lines: Sequence[Line],
    file: Path | None,
    outcomes: Path | None = None,
) -> None:
    """Give a command for each line, or for lines that belong together, and show what became of them.

    `file`: where the lines are from; None: the command line. `outcomes`: where the outcome of every line goes, by
    default beside the file. Raises `Invalid`, which names all bad lines.
    """
    made = _made(session, command, lines, str(file or "command line"))
    batches = list(batched([each.body for each in made]))
    if session.dry_run:
        found = {"lines": sum(len(each.lines) for each in made), "commands": len(made), "batches": len(batches)}
        session.out.show(found, Record(found))
        return
    rows = sorted(_send(session, command, made, batches), key=itemgetter("line"))
    path = outcomes or (file and file.with_name(f"{file.name}.outcomes.csv"))
    if path is not None:
        _write(path, rows)
    _show(session, rows, path)


# lines to commands ----------------------------------------------------------------------------------------------------


def _made(session: SigningSession, command: tuple[str, str], lines: Sequence[Line], source: str) -> list[Made]:
    """A command for each line, or for lines that belong together. Raises `Invalid`, which names all bad lines."""
    parser, bad, made = _Parser(session, command), list[str](), list[Made]()
    for group in _grouped(lines, _MERGED.get(command)):
        numbers = tuple(each.number for each in group)
        try:
            made.append(Made(numbers, parser.body(_merged(group, _MERGED.get(command)))))
        except Invalid as problem:
            bad.append(f"line {numbers[0]}: {problem}")
    if bad:
        more = [f"... and {len(bad) - SHOWN} more"] if len(bad) > SHOWN else []
        first = f"{source}: {len(bad)} of {len(lines)} lines are wrong, and nothing was sent:"
        raise Invalid(first, *bad[:SHOWN], *more)
    return made


def _grouped(lines: Sequence[Line], merged: tuple[str, int] | None) -> Iterator[list[Line]]:
    group, count = list[Line](), 0
    for line in lines:
        more = 0 if merged is None else len(line.values.get(merged[0], ()))
        if group and (merged is None or count + more > merged[1] or not _same(line, group[0], merged[0])):
            yield group
            group, count = [], 0
        group.append(line)
        count += more
    yield group


def _same(line: Line, other: Line, column: str) -> bool:
    return _others(line, column) == _others(other, column)


def _others(line: Line, column: str) -> dict[str, Sequence[str]]:
    return {name: values for name, values in line.values.items() if name != column}


def _merged(group: Sequence[Line], merged: tuple[str, int] | None) -> Mapping[str, Sequence[str]]:
    if merged is None:
        return group[0].values
    column, _ = merged
    return {**group[0].values, column: [value for line in group for value in line.values.get(column, ())]}


class _Parser:
    """Reads a line as the command line does: the same names, forms, defaults and messages."""

    def __init__(self, session: SigningSession, command: tuple[str, str]) -> None:
        """Raises `Invalid` for a command that is not made of options."""
        self._session = session
        from counterfoil.cli.command_tree import command_of, import_all

        self._command = command_of(*command)
        if command not in MAKERS:
            import_all()
            names, groups = (sorted(each) for each in ({name for group, name in MAKERS if group == command[0]},
                                                       {group for group, _ in MAKERS}))  # fmt: skip
            known = f"of `{command[0]}` these can: {', '.join(names)}" if names else f"groups: {', '.join(groups)}"
            raise Invalid(f"`counterfoil {' '.join(command)}` cannot be imported; {known}")
        self._make, self._complete = MAKERS[command], COMPLETED.get(command)
        own = signature(self._make).parameters
        self._columns = {_column(each): each for each in self._command.params if each.name in own}

    def body(self, values: Mapping[str, Sequence[str]]) -> Body:
        """The command's body, checked. Raises `Invalid`."""
        from counterfoil.cli.command_tree import parsed
        from counterfoil.cli.signing import check

        unknown = [name for name in values if name not in self._columns]
        if unknown:
            raise Invalid(f"there is no column {', '.join(unknown)}; these are: {', '.join(self._columns)}")
        words = [word for name, each in values.items() for word in _words(self._columns[name], name, each)]
        found = parsed(self._command, [*words, "--as", "x"])
        given = {each.name: found[each.name] for each in self._columns.values()}
        if self._complete is not None:
            self._complete(self._session.gateway, given)
        body = self._make(**given)
        check(body)
        return body


def _column(parameter: Any) -> str:
    """The name of an option without dashes; of an argument, its placeholder."""
    return (
        str(parameter.opts[0]).removeprefix("--")
        if parameter.param_type_name == "option"
        else str(parameter.metavar).lower()
    )


def _words(parameter: Any, name: str, values: Sequence[str]) -> list[str]:
    if parameter.param_type_name == "argument":
        return list(values)
    flag = parameter.opts[0]
    if getattr(parameter, "is_flag", False):
        if len(values) != 1 or values[0] not in (*_YES, *_NO):
            raise Invalid(f"{name} is yes or no")
        return [flag] if values[0] in _YES else []
    if len(values) > 1 and not getattr(parameter, "multiple", False):  # the last alone would count
        raise Invalid(f"{name} takes one value, and there are {len(values)}: a text with a `;` goes into JSON Lines")
    return [word for value in values for word in (flag, value)]


# batches --------------------------------------------------------------------------------------------------------------


def batched(bodies: Iterable[Body]) -> Iterator[list[Body]]:
    """As many commands in a batch as its payload may hold, in order."""
    batch, room = list[Body](), MAX_BATCH_PAYLOAD_BYTES - _HEADER_BYTES
    for body in bodies:
        size = _size(body)
        if batch and (len(batch) == MAX_BATCH_COMMANDS or size > room):
            yield batch
            batch, room = [], MAX_BATCH_PAYLOAD_BYTES - _HEADER_BYTES
        batch.append(body)
        room -= size
    if batch:
        yield batch


def _size(body: Body) -> int:
    from counterfoil.contract.canonical import canonical
    from counterfoil.contract.forms import dump

    return len(canonical({"type": body.TYPE, "v": body.V, "body": dump(body)})) + 1


def _send(
    session: SigningSession, command: tuple[str, str], made: Sequence[Made], batches: Sequence[Sequence[Body]]
) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    name = _name(command, made, session.words)
    with bars(session.out, "commands") as shown:
        start = 0
        for nth, batch in enumerate(batches):
            settled = session.deliver_batch(batch, f"{name} {nth}")
            rows += _outcomes(made[start : start + len(batch)], settled)
            start += len(batch)
            shown.reach("sent", start, len(made))
    return rows


def _name(command: tuple[str, str], made: Sequence[Made], words: str | None) -> str:
    """What names the batches of these commands: the same commands again have the same names."""
    from counterfoil.contract.canonical import canonical
    from counterfoil.contract.forms import dump

    digest = sha256(b"\n".join(canonical(dump(each.body)) for each in made)).hexdigest()
    return f"import {' '.join(command)} {digest} {words or ''}"


def _outcomes(made: Sequence[Made], settled: Settled) -> Iterator[dict[str, Any]]:
    entry = settled.proven.entry
    first = 0
    for each, outcome in zip(made, entry.outcomes, strict=True):
        events = entry.events[first : first + outcome.events]
        first += outcome.events
        refusal = outcome.refusal
        said = {"outcome": "accepted", "detail": ""}
        if refusal is not None:
            detail = " ".join(f"{name}={value}" for name, value in readable(dict(refusal.detail)).items())
            said = {"outcome": f"refused: {refusal.code.value}", "detail": detail}
        made_id = _id_of(events[0]) if events else ""
        for line in each.lines:
            yield {"line": line, **said, "id": made_id, "entry": f"{entry.origin}:{entry.index}"}


def _id_of(event: Event) -> str:
    """The id of what the event made: its first member, by the form of all events that make something."""
    with suppress(StopIteration):
        return str(next(value for name, value in vars_of(event).items() if name.endswith("_id")))
    return ""


def vars_of(event: Event) -> dict[str, Any]:
    """The members of an event in their order."""
    from dataclasses import fields

    return {each.name: getattr(event, each.name) for each in fields(event)}  # type: ignore[arg-type]


# output ---------------------------------------------------------------------------------------------------------------


def _write(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    try:
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, _COLUMNS)
            writer.writeheader()
            writer.writerows(rows)
    except OSError as problem:
        raise Invalid(f"all lines were sent, but {path} cannot be written: {problem.strerror}: run it again, with "
                      "--outcomes in another place; nothing is done twice") from problem  # fmt: skip


def _show(session: SigningSession, rows: Sequence[dict[str, Any]], path: Path | None) -> None:
    counts = Counter(each["outcome"] for each in rows)
    refused = [each for each in rows if each["outcome"] != "accepted"]
    summary = [{"outcome": outcome, "lines": lines} for outcome, lines in counts.items()]
    shown: list[Any] = [Rows("outcomes", summary, ("outcome", "lines"), ("lines",))]
    if path is not None:
        shown.append(Record({"outcomes in": str(path)}))
    if refused:
        shown.append(Rows("refused lines", refused[:SHOWN], _COLUMNS[:3]))
    session.out.show({"outcomes": rows, "counts": counts, "file": path and str(path)}, *shown)
    if refused:
        session.out.note(_AGAIN)
        raise typer.Exit(REFUSED)
