"""`counterfoil statement`: everything that moved in the accounts of a party in a month, with its balances."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import typer

from counterfoil.cli.command import Invalid
from counterfoil.cli.export import cell_of
from counterfoil.cli.files import replacing
from counterfoil.cli.gateway_session import GatewaySession, remote
from counterfoil.cli.languages import ENGLISH, LanguageOption, checked_language
from counterfoil.cli.movements import Section, Total, sections_of, totals
from counterfoil.cli.options import PartyId, Wait, argument, option
from counterfoil.cli.render import Record, Rows, plain
from counterfoil.cli.statement_page import Say, heading, in_english, page
from counterfoil.cli.values import format_amount, in_units
from counterfoil.client.problems import as_answered
from counterfoil.contract.times import format_time, parse_month
from counterfoil.programme.wording import message, plainly

_ACCOUNT: Final = ("kind", "name", "programme_id", "currency")
_MOVED: Final = ("time", "what", "object_id", "reference", "entry", "posted_change", "held_change", "posted", "held")
_AMOUNTS: Final = ("posted_change", "held_change", "posted", "held")
_TOTALS: Final = ("kind", "programme_id", "currency", "opening", "increases", "decreases", "closing", "held")

Format = Literal["csv", "html"]


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""

    @remote(app, "statement", "counterfoil statement acme 2026-11 --output statement.html", tabular=False)
    def statement(
        session: GatewaySession,
        party: PartyId,
        month: Annotated[str, argument("MONTH", "A month in UTC, such as 2026-11.")],
        format_: Annotated[
            Format | None, option("--format", "What to write. Default: by the name of the file.", metavar="csv|html")
        ] = None,
        output: Annotated[
            Path | None,
            typer.Option("--output", "-o", metavar="FILE", help="Write it there; takes the place of a file."),
        ] = None,
        programme: Annotated[
            str | None, option("--programme", "Only what belongs to this programme.", metavar="PROGRAMME")
        ] = None,
        wait: Wait = None,
        language: LanguageOption = ENGLISH,
    ) -> None:
        """A party's statement for a month: cash, each voucher, claims, receivables; of an issuer, its budgets.

        Each account has its opening balance, every movement with what it was for, and its closing balance. What is
        held is a part of the balance. They are checked before anything is shown: exit code 1 if they do not add up.
        """
        form = format_ or _by_name(output)
        say = _translator(checked_language(language, is_page=form == "html"))
        remarks = _remarks(session, month, say)
        with as_answered():
            sections = sections_of(session.gateway, party, month, wait or ())
        chosen = [each for each in sections if programme in (None, each.programme_id)]
        if not chosen:
            remarks.append(say(message("There is no account that this reader may see: --as PARTY says who reads.")))
        title = plainly(say(message("Statement of {party} for {month}")), party=party, month=month)
        sums = totals(chosen)
        if form is None:
            value = {"party_id": party, "month": month, "remarks": remarks, "totals": list(map(asdict, sums))}
            found = {**value, "accounts": [asdict(each) for each in chosen]}
            session.out.show(found, *_shown(title, remarks, sums, chosen))
            return
        text = page(title, remarks, sums, chosen, language, say) if form == "html" else _csv(chosen)
        if output is None:
            sys.stdout.write(text)
            return
        with replacing(output) as target:
            target.write(text)
        moved = sum(len(each.movements) for each in chosen)
        done = {"file": str(output), "accounts": len(chosen), "movements": moved}
        session.out.show(done, Record(done))


def _translator(language: str) -> Say:
    if language == ENGLISH:
        return in_english
    from counterfoil.console.words import translator

    return translator(language)


def _remarks(session: GatewaySession, month: str, say: Say) -> list[str]:
    """What a reader has to know. Raises `Invalid` for what is no month, or is to come."""
    from counterfoil.runtime.clock import time_by

    try:
        begins, ends = parse_month(month)
    except ValueError as problem:
        raise Invalid(f"{month}: {problem}") from problem
    now = time_by(session.out.settings.clock)
    if now < begins:
        raise Invalid(f"{month} has not begun")
    made = [
        say(message("Held amounts are part of the balance. Times are UTC; an entry is the index in the ledger's log."))
    ]
    unfinished = plainly(say(message("The month is not over: as of {time}.")), time=format_time(now))
    return made if now >= ends else [*made, unfinished]


def _by_name(output: Path | None) -> Format | None:
    if output is None:
        return None
    if output.suffix not in (".csv", ".html"):
        raise Invalid(f"{output}: the name ends in .csv or .html, or --format says which")
    return "csv" if output.suffix == ".csv" else "html"


def _csv(sections: Sequence[Section]) -> str:
    """A line per balance and movement; amounts in units of the currency."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow((*_ACCOUNT, *_MOVED))
    for each in sections:
        account = [cell_of(getattr(each, name)) for name in _ACCOUNT]
        for row in _lines(each):
            cells = [
                format_amount(row[name]) if name in _AMOUNTS and row[name] != "" else cell_of(row[name])
                for name in _MOVED
            ]
            writer.writerow([*account, *cells])
    return text.getvalue()


def _lines(section: Section) -> Iterator[dict[str, Any]]:
    """The movements between the two balances."""
    blank: dict[str, Any] = dict.fromkeys(_MOVED, "")
    yield {**blank, "what": "opening balance", "posted": section.opening[1], "held": section.opening[2]}
    yield from map(asdict, section.movements)
    yield {**blank, "what": "closing balance", "posted": section.closing[1], "held": section.closing[2]}


def _shown(title: str, remarks: Sequence[str], sums: Sequence[Total], sections: Sequence[Section]) -> Iterator[Any]:
    yield from (plain(each) for each in remarks)
    yield Rows(title, [in_units(asdict(each), _TOTALS[3:]) for each in sums], _TOTALS, _TOTALS[3:])
    for each in sections:
        rows = [in_units({name: value for name, value in row.items() if value != ""}, _AMOUNTS) for row in _lines(each)]
        yield Rows(heading(each), rows, _MOVED, _AMOUNTS)
