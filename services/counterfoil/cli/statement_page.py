"""A statement as one page of HTML: without script or anything from elsewhere, readable on paper and aloud."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Sequence
from hashlib import sha256
from html import escape
from typing import Final

from counterfoil.cli.movements import Section, Total
from counterfoil.cli.values import format_amount
from counterfoil.contract.text import printable
from counterfoil.programme.wording import message

_STYLE: Final = """
body { font: 11pt/1.4 system-ui, sans-serif; color: #000; background: #fff; margin: 2em auto; max-width: 75em; }
h1 { font-size: 1.5em; } h2 { font-size: 1.15em; margin-top: 2em; break-after: avoid; }
table { border-collapse: collapse; width: 100%; } caption { text-align: left; padding-bottom: .3em; }
th, td { border-bottom: 1px solid #999; padding: .2em .6em .2em 0; text-align: left; vertical-align: top; }
.amount { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.balance td, .balance th { font-weight: bold; }
thead { display: table-header-group; } tr { break-inside: avoid; }
@page { size: A4 landscape; margin: 15mm; }
@media print { body { margin: 0; max-width: none; font-size: 9pt; } }
"""
_POLICY: Final = f"default-src 'none'; style-src 'sha256-{b64encode(sha256(_STYLE.encode()).digest()).decode()}'"
_TOTALS: Final = (
    message("Account"), message("Programme"), message("Currency"), message("Opening"), message("Increases"),
    message("Decreases"), message("Closing"), message("Of it held"),
)  # fmt: skip
_MOVES: Final = (
    message("Time (UTC)"), message("What"), message("For"), message("Reference"), message("Entry"), message("Amount"),
    message("Change of held"), message("Balance"), message("Held"),
)  # fmt: skip
KINDS: Final = (
    message("cash"), message("vouchers"), message("claims"), message("receivables"), message("budget"),
    message("appropriation"), message("funding"), message("obligated"),
)  # fmt: skip
Say = Callable[[str], str]
"""A message -> the same in the page's language."""


def in_english(text: str) -> str:
    """A message as it stands."""
    return text


def page(
    title: str,
    remarks: Sequence[str],
    totals: Sequence[Total],
    sections: Sequence[Section],
    language: str = "en",
    say: Say = in_english,
) -> str:
    """The page. Every text in it is escaped."""
    parts = [
        "<!DOCTYPE html>",
        f'<html lang="{language}"><head><meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
        '<meta name="viewport" content="width=device-width">',
        f"<title>{_text(title)}</title>",
        f"<style>{_STYLE}</style></head><body><main>",
        f"<h1>{_text(title)}</h1>",
        *(f"<p>{_text(each)}</p>" for each in remarks),
        *_table(say(message("All accounts")), map(say, _TOTALS), 3, (_total(each, say) for each in totals)),
    ]
    for each in sections:
        table = _table(say(message("Movements")), map(say, _MOVES), 5, _rows(each, say))
        parts += [f"<h2>{_text(heading(each, say))}</h2>", *table]
    return "\n".join([*parts, "</main></body></html>\n"])


def heading(section: Section, say: Say = in_english) -> str:
    """What an account is called, with its programme and currency."""
    name = say(section.name) if section.kind == "budget" else section.name
    named = {say(section.kind): None, name: None, section.programme_id or "": None, section.currency: None}
    return " ".join(filter(None, named))


def _text(text: str) -> str:
    return escape(printable(text))


def _table(caption: str, columns: Iterable[str], texts: int, rows: Iterable[str]) -> Iterator[str]:
    """A table whose first `texts` columns are text, and the others amounts."""
    yield f"<table><caption>{_text(caption)}</caption><thead><tr>"
    for at, name in enumerate(columns):
        yield f'<th scope="col"{_class(at >= texts)}>{_text(name)}</th>'
    yield "</tr></thead><tbody>"
    yield from rows
    yield "</tbody></table>"


def _class(is_amount: bool) -> str:
    return ' class="amount"' if is_amount else ""


def _row(first: str, texts: Sequence[str], amounts: Sequence[int | None], *, balance: bool = False) -> str:
    cells = [f"<td>{_text(each)}</td>" for each in texts]
    cells += [f'<td class="amount">{"" if each is None else format_amount(each)}</td>' for each in amounts]
    kind = ' class="balance"' if balance else ""
    return f'<tr{kind}><th scope="row">{_text(first)}</th>{"".join(cells)}</tr>'


def _total(total: Total, say: Say) -> str:
    amounts = (total.opening, total.increases, -total.decreases, total.closing, total.held)
    kind, between, name = total.kind.partition(": ")
    return _row(f"{say(kind)}{between}{say(name)}", (total.programme_id or "", total.currency), amounts)


def _rows(section: Section, say: Say) -> Iterator[str]:
    for word, balance, moves in (
        (say(message("Opening balance")), section.opening, section.movements),
        (say(message("Closing balance")), section.closing, ()),
    ):
        yield _row(word, ("",) * 4, (None, None, *balance[1:]), balance=True)
        for each in moves:
            texts = (say(each.what), each.object_id, each.reference, f"ledger:{each.entry}")
            yield _row(each.time, texts, (each.posted_change, each.held_change, each.posted, each.held))
