"""`list` and `show` of the views: one renderer for all of them."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Mapping
from itertools import islice
from typing import Annotated, Any, Final

import typer

from counterfoil.cli.command import Invalid, Out, pairs
from counterfoil.cli.gateway_session import GatewaySession, remote
from counterfoil.cli.late_views import VIEWS, View
from counterfoil.cli.lists import Listing
from counterfoil.cli.options import Wait
from counterfoil.cli.people import for_people
from counterfoil.cli.reading import reader_of
from counterfoil.cli.render import Record, Rows
from counterfoil.cli.values import parse_since

MAX_SORTED: Final = 10_000
"""How many rows are sorted by a column that the gateway has no order by."""
IN_TERMINAL: Final = 100
"""How many rows a terminal shows, unless `--limit` says another number."""

Where = Annotated[
    list[str] | None,
    typer.Option("--where", metavar="NAME=VALUE", help="Only rows with this value; the filters are listed above."),
]
Local = Annotated[
    bool | None,
    typer.Option("--local/--utc", help="Times as this machine has them, or UTC. Default: COUNTERFOIL_ZONE, or utc."),
]
Since = Annotated[
    str | None,
    typer.Option("--since", metavar="TIME", help="Only rows that are no older: 30m, 2h, 3d, a date, or a time."),
]
Key = Annotated[list[str], typer.Argument(metavar="KEY", help="Its key, part by part, as the list shows it.")]
Limit = Annotated[
    int | None,
    typer.Option("--limit", min=1, metavar="N", help=f"At most this many rows. Default: {IN_TERMINAL} in a terminal."),
]


def right(view: View) -> list[str]:
    """The columns of a view that are numbers, which a table aligns to the right."""
    return [name for name, kind in view.columns.items() if kind.removesuffix("?") in ("amount", "int")]


def add_list(app: typer.Typer, listing: Listing) -> None:
    """Add the command that lists a view: an option for each filter, and those of its order."""
    view, name = VIEWS[listing.view], listing.name
    flags = {each: f"--{each.removesuffix('_id').replace('_', '-')}" for each in view.filters}

    def run(
        session: GatewaySession,
        *,
        where: list[str] | None = None,
        sort: str | None = None,
        since: str | None = None,
        limit: int | None,
        local: bool | None,
        wait: list[str] | None,
        **given: str | None,
    ) -> None:
        chosen = {each: value for each, value in given.items() if value is not None}
        filters = checked_filters(view, {**pairs(where or (), "--where"), **chosen})
        asked = _Asked(session, view, filters, sort, since, wait)
        rows, more = asked.rows(limit)
        local = is_local(session.out, local)
        shown = for_people(session.gateway, view, rows, local=local) if session.out.for_people else []
        table = Rows(listing.what, shown, listing.columns.split(), right(view))
        session.out.show(rows, table, columns=tuple(view.columns))
        if not rows and not view.public and reader_of(session.out, session.url, session.reader) is None:
            session.out.note("read as nobody in particular: `--as PARTY` reads as a party, `counterfoil login` always")
        if more:
            session.out.note(f"the first {len(rows)} rows; --limit or --since for others, --output for programs")

    known = f" Filters: {', '.join(view.filters)}." if view.filters else ""
    first = "The newest come first in a table, the oldest for programs." if view.time else f"By {', '.join(view.key)}."
    run.__doc__ = f"List {listing.what}. {first}{known}{listing.help and f' {listing.help}'}"
    options: dict[str, tuple[Any, Any]] = {each: (_filter(view, each, flag), None) for each, flag in flags.items()}
    options |= {"where": (Where, None)} if view.filters else {}
    options |= {"sort": (_sort(view), None)} | ({"since": (Since, None)} if view.time else {})
    options |= {"limit": (Limit, None), "local": (Local, None), "wait": (Wait, None)}
    keyword = inspect.Parameter.KEYWORD_ONLY
    parameters = [inspect.Parameter("session", keyword)]
    parameters += [inspect.Parameter(each, keyword, annotation=kind, default=value)
                   for each, (kind, value) in options.items()]  # fmt: skip
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    example = f" {flags[view.filters[0]]} VALUE" if view.filters else " --limit 20"
    example = example if not view.filters or view.filters[0] not in view.values else example.replace(
        "VALUE", view.values[view.filters[0]][0])  # fmt: skip
    remote(app, name, f"counterfoil {app.info.name} {name}{example}")(run)


def _filter(view: View, name: str, flag: str) -> Any:
    known = f": {', '.join(view.values[name])}" if name in view.values else ""
    return Annotated[str | None, typer.Option(flag, metavar="VALUE", help=f"Only with this {name}{known}.")]


def _sort(view: View) -> Any:
    by = f"{view.time}, " if view.time else ""
    help_ = f"By a column: {by}or with at most {MAX_SORTED:,} rows any other; falling with :desc."
    return Annotated[str | None, typer.Option("--sort", metavar="COLUMN[:desc]", help=help_)]


def is_local(out: Out, chosen: bool | None) -> bool:
    """Whether times are shown as this machine has them: as the options choose, else as the settings say."""
    return out.settings.zone == "local" if chosen is None else chosen


def checked_filters(view: View, filters: Mapping[str, str]) -> Mapping[str, str]:
    """The filters. Raises `Invalid` for a value that its column never has."""
    for name, value in filters.items():
        if value not in view.values.get(name, (value,)):
            raise Invalid(f"{name}={value}: {name} is one of {', '.join(view.values[name])}")
    return filters


def begin_at(session: GatewaySession, since: str | None) -> int | None:
    """The time that `--since` names, in microseconds; None without it. Raises `Invalid`."""
    if since is None:
        return None
    from counterfoil.runtime.clock import time_by

    try:
        return parse_since(since, time_by(session.out.settings.clock))
    except ValueError as problem:
        raise Invalid(f"--since {since}: {problem}") from problem


def begin_by(session: GatewaySession, since: str | None, start: str | None) -> tuple[str, int | None]:
    """What `--from` and `--since` name, of which at most one is given. Raises `Invalid`."""
    if since is not None and start is not None:
        raise Invalid("--since and --from exclude each other")
    return start or "", begin_at(session, since)


class _Asked:
    """What a list is asked for: which rows, and in which order."""

    def __init__(
        self,
        session: GatewaySession,
        view: View,
        filters: Mapping[str, str],
        sort: str | None,
        since: str | None,
        wait: list[str] | None,
    ) -> None:
        """Raises `Invalid`."""
        self._session, self._view, self._filters, self._wait = session, view, filters, wait or ()
        column, _, direction = (sort or "").partition(":")
        if (column and column not in view.columns) or direction not in ("", "asc", "desc"):
            raise Invalid(f"--sort {sort}: COLUMN, COLUMN:asc or COLUMN:desc, one of {', '.join(view.columns)}")
        self._falling = direction == "desc"
        self._column: str = "" if column == view.order[0] else column
        self._newest = self._falling if column else session.out.for_people and view.time is not None
        self._since = begin_at(session, since)

    def rows(self, limit: int | None) -> tuple[list[dict[str, Any]], bool]:
        """The rows, and whether there are more than a terminal shows. Raises `Invalid` if they are too many to sort."""
        bound = limit
        if limit is None and self._session.out.for_people and sys.stdout.isatty():
            bound = IN_TERMINAL
        found = self._sorted() if self._column else self._read(
            None if bound is None else bound + (limit is None), newest=self._newest)  # fmt: skip
        return found[:bound], bound is not None and limit is None and len(found) > bound

    def _sorted(self) -> list[dict[str, Any]]:
        found = self._read(MAX_SORTED + 1, newest=False)
        if len(found) > MAX_SORTED:
            more = ", or --since" if self._view.time else ""
            raise Invalid(f"--sort {self._column}: more than {MAX_SORTED:,} rows; ask for fewer by filters{more}")
        return sorted(found, key=lambda row: _place(row[self._column]), reverse=self._falling)

    def _read(self, limit: int | None, *, newest: bool) -> list[dict[str, Any]]:
        rows = self._session.gateway.rows(
            self._view.name, self._filters, limit=limit, wait_for=self._wait, newest=newest, since=self._since
        )
        return list(islice(rows, limit))


def _place(value: Any) -> tuple[bool, int, str]:
    """Where a value comes in its column: numbers by size, nothing at the end."""
    text = str(value)
    number = value if isinstance(value, int) else int(text) if text.lstrip("-").isdecimal() else 0
    return value is None, number, text


def add_show(app: typer.Typer, listing: Listing) -> None:
    """Add the command that shows one row of a view in full."""
    view = VIEWS[listing.view]
    names = [column.removesuffix("_id").upper() for column in view.key]

    def run(session: GatewaySession, key: Key, local: Local = None, wait: Wait = None) -> None:
        if len(key) != len(names):
            raise Invalid(f"{' '.join(key)}: name {' '.join(names)}, as the list shows them")
        row = session.gateway.get(listing.view, *key, wait_for=wait or ())
        local = is_local(session.out, local)
        people = for_people(session.gateway, view, [row], local=local) if session.out.for_people else []
        session.out.show(row, *map(Record, people), columns=tuple(view.columns))

    run.__doc__ = f"Show one of the {listing.what} in full. Its key is {' '.join(names)}."
    remote(app, "show", f"counterfoil {app.info.name} show {listing.key}")(run)
