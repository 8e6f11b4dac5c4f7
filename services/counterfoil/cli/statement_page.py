"""A statement as one page of HTML: without script or anything from elsewhere, readable on paper and aloud."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Sequence
from hashlib import sha256
from html import escape
from typing import Final

from counterfoil.cli.movements import Section, Total
from counterfoil.cli.values import format_amount
from counterfoil.contract.text import printable

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
_TOTALS: Final = ("Account", "Programme", "Currency", "Opening", "Increases", "Decreases", "Closing", "Of it held")
_MOVES: Final = ("Time (UTC)", "What", "For", "Reference", "Entry", "Amount", "Change of held", "Balance", "Held")


def page(title: str, remarks: Sequence[str], totals: Sequence[Total], sections: Sequence[Section]) -> str:
    """The page. Every text in it is escaped."""
    parts = [
        "<!DOCTYPE html>",
        '<html lang="en"><head><meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
        '<meta name="viewport" content="width=device-width">',
        f"<title>{_text(title)}</title>",
        f"<style>{_STYLE}</style></head><body><main>",
        f"<h1>{_text(title)}</h1>",
        *(f"<p>{_text(each)}</p>" for each in remarks),
        *_table("All accounts", _TOTALS, 3, map(_total, totals)),
    ]
    for each in sections:
        parts += [f"<h2>{_text(heading(each))}</h2>", *_table("Movements", _MOVES, 5, _rows(each))]
    return "\n".join([*parts, "</main></body></html>\n"])


def heading(section: Section) -> str:
    """What an account is called, with its programme and currency."""
    named = {section.kind: None, section.name: None, section.programme_id or "": None, section.currency: None}
    return " ".join(filter(None, named))


def _text(text: str) -> str:
    return escape(printable(text))


def _table(caption: str, columns: Sequence[str], texts: int, rows: Iterator[str]) -> Iterator[str]:
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


def _total(total: Total) -> str:
    amounts = (total.opening, total.increases, -total.decreases, total.closing, total.held)
    return _row(total.kind, (total.programme_id or "", total.currency), amounts)


def _rows(section: Section) -> Iterator[str]:
    for word, balance, moves in (
        ("Opening balance", section.opening, section.movements),
        ("Closing balance", section.closing, ()),
    ):
        yield _row(word, ("",) * 4, (None, None, *balance[1:]), balance=True)
        for each in moves:
            texts = (each.what, each.object_id, each.reference, f"ledger:{each.entry}")
            yield _row(each.time, texts, (each.posted_change, each.held_change, each.posted, each.held))
