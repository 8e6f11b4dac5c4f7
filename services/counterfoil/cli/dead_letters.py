"""`counterfoil dead-letters`: records that no consumer accepted, with the reason; shows and replays them."""

from __future__ import annotations

import base64
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from counterfoil.access import KafkaAccess
from counterfoil.cli.command import FOUND, Invalid, Out, local
from counterfoil.cli.extras import extra
from counterfoil.cli.late import group
from counterfoil.cli.options import argument
from counterfoil.cli.progress import bars
from counterfoil.cli.render import Record, Rows, plain
from counterfoil.contract.text import printable
from counterfoil.settings import ADMIN

if TYPE_CHECKING:
    from counterfoil.bootstrap.admin import Letter

_COLUMNS: Final = ("topic", "offset", "source", "reason", "time", "size", "preview")
_PREVIEW: Final = 48  # characters in a table
_SHOWN: Final = 4_096  # octets of a value, for people; --raw and --json have all

app = group("dead-letters")

Topic = Annotated[str, argument("TOPIC", "Its topic, or its consumer: a service, gateway or views.")]


@local(app, "list", "counterfoil dead-letters list ledger --limit 20", tabular=True)
def list_(
    out: Out,
    topic: Annotated[str | None, argument("TOPIC", "A topic, or its consumer: a service, gateway or views.")] = None,
    limit: Annotated[
        int, typer.Option("--limit", min=1, max=10_000, metavar="N", help="The newest N of each topic.")
    ] = 50,
) -> None:
    """List dead letters, oldest first: where each came from, why and when it was dead-lettered, and how it begins."""
    letters, access = _letters(out)
    topics = list(letters.DEAD_LETTERS) if topic is None else [_topic(letters, topic)]
    rows = [_row(each) for each in letters.newest(access, topics, limit)]
    out.show(rows, Rows("dead letters", rows, _COLUMNS, ("offset", "size")), columns=_COLUMNS)


@local(app, "show", "counterfoil dead-letters show ledger 3 --raw > record")
def show(
    out: Out,
    topic: Topic,
    offset: Annotated[int, typer.Argument(min=0, metavar="OFFSET", help="Its offset in that topic.")],
    raw: Annotated[
        bool, typer.Option("--raw", help="Write the record's value, byte for byte, and nothing else.")
    ] = False,
) -> None:
    """Show one with its headers. Bytes that are not text, or that could control a terminal, are escaped."""
    if raw and out.json:
        raise Invalid("--raw or --json, not both")
    letters, access = _letters(out)
    letter = letters.read(access, _topic(letters, topic), offset)
    if raw:
        sys.stdout.buffer.write(letter.value or b"")
        return
    value, rest = letter.value or b"", len(letter.value or b"") - _SHOWN
    people = {
        **{name: text for name, text in _row(letter).items() if name != "preview"},
        "key": None if letter.key is None else as_text(letter.key),
        "value": as_text(value[:_SHOWN]) + (f" ... and {rest} bytes more" if rest > 0 else ""),
    }
    headers = [{"name": as_text(name.encode()), "value": as_text(text or b"")} for name, text in letter.headers]
    out.show({**_row(letter), **_bytes(letter)}, Record(people), Rows("headers", headers, ("name", "value")))


@local(app, "replay", "counterfoil dead-letters replay ledger --all --yes")
def replay(
    out: Out,
    topic: Topic,
    offset: Annotated[int | None, typer.Argument(min=0, metavar="OFFSET", help="Its offset in that topic.")] = None,
    all_: Annotated[bool, typer.Option("--all", help="All that are there now, in order.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Send one record, or all, back to the topic it came from, with its value, key and own headers unchanged.

    Repeating it is harmless: consumers ignore what they already have. The dead letters stay in their topic. Exit code
    1: some could not be sent back.
    """
    if all_ == (offset is not None):
        raise Invalid("give an OFFSET, or --all")
    if out.json and not yes:
        raise Invalid("--json does not ask: add --yes")
    letters, access = _letters(out)
    name = _topic(letters, topic)
    count = 1 if offset is not None else len(letters.extent(access, name))
    if not yes and not _agreed(f"Send {count} of {name} back to where they came from?"):
        raise Invalid("nothing was sent")
    with bars(out) as shown:
        done = letters.replay(access, name, offset, lambda sent, total: shown.reach("replaying", sent, total))
    left = [{"offset": at, "reason": why} for at, why in done.left]
    text = plain(f"{done.sent} sent back")
    out.show({"sent": done.sent, "left": left}, text, *([Rows("left", left, ("offset", "reason"))] if left else []))
    if left:
        raise typer.Exit(FOUND)


def _agreed(question: str) -> bool:
    try:
        return typer.confirm(question, err=True)
    except typer.Abort:  # there is no terminal
        return False


def as_text(data: bytes) -> str:
    """Bytes as text that can be printed; those that are not UTF-8 are escaped, too."""
    return printable(data.decode("utf-8", "backslashreplace"))


def _letters(out: Out) -> tuple[ModuleType, KafkaAccess]:
    with extra("distributed"):
        from counterfoil.bootstrap import admin
    return admin, out.settings.kafka_access(ADMIN)


def _topic(letters: ModuleType, text: str) -> str:
    users: dict[str, str] = letters.DEAD_LETTERS
    for topic, user in users.items():
        if text in (topic, user):
            return topic
    raise Invalid(f"{text}: no topic of dead letters; there is one of {', '.join(users.values())}")


def _row(letter: Letter) -> dict[str, Any]:
    death, value = letter.death, letter.value or b""
    start = as_text(value[:_PREVIEW])
    return {
        "topic": letter.topic,
        "offset": letter.offset,
        "source": None if death is None else f"{death.topic}/{death.partition}@{death.offset}",
        "reason": None if death is None else death.reason,
        "time": None if death is None else death.time,
        "size": len(value),
        "preview": start[:_PREVIEW] + ("..." if len(value) > _PREVIEW or len(start) > _PREVIEW else ""),
    }


def _bytes(letter: Letter) -> dict[str, Any]:
    """Key, value and own headers, in base64."""

    def text(data: bytes | None) -> str | None:
        return None if data is None else base64.b64encode(data).decode()

    headers = [[name, text(value)] for name, value in letter.headers]
    return {"key": text(letter.key), "value": text(letter.value), "headers": headers}
