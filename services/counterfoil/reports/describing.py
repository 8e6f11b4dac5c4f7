"""The page of all reports, as the tables describe them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from counterfoil.reports.alerts import PATTERNS
from counterfoil.reports.catalogue import REPORTS
from counterfoil.reports.pattern import Pattern
from counterfoil.reports.report import FORMAT, KINDS, REPORT_TYPE, Column, Report

_PAGE: Final = f"""# Reports

What `counterfoil report` makes of published logs, for one programme each. Every report has the same header:

| member | what it says |
|---|---|
| `format` | `{FORMAT}` |
| `report`, `title` | which report it is |
| `programme_id`, `programme_version` | the programme, and its newest version |
| `rules_hash` | SHA-256 of the document of that version |
| `unit` | of amounts: a currency, or a unit of compute |
| `as_of` | when the last entry of all logs was made |
| `logs` | per log its origin, the first and the last entry that was read, and the root of its tree behind that |
| `keys` | `pinned`: the keys of the logs were given by the reader; otherwise they are those that the logs publish |
| `not_consumed` | what a log had not taken from another one yet: figures of the two may differ by it |
| `given` | what was given: the seed and size of a sample, SHA-256 of a bank's statement, trees of an earlier report |
| `generator` | the release that made it |
| `signer` | of a signed report: the id of the key, and the public key in base64 |

`counterfoil report verify` makes a report in JSON again, from the entries that its header names, and compares.

`--sign NAME` signs a report in JSON with the key file NAME.pem: the file is a DSSE envelope (secure-systems-lab/dsse)
of payload type `{REPORT_TYPE}`, whose payload is the report, with one Ed25519
signature. `report verify` checks that, and says which party has the key by the entries that the report was made from. A
key that is revoked by then is not accepted. A key that no party has is named: whose it is, the reader has to know.

Every entry that was read hashes to the tree that its log's checkpoint signs. Whether it was decided by the rules is for
`counterfoil audit`, which decides every entry again.

JSON is in RFC 8785 form: `header`, `columns` and `rows`. CSV is one table, with the header before it in lines that
begin with `#` (CSV on the Web's comments), each with a name and a JSON value. HTML (`--output FILE.html`) is
one page with charts, for people and printers; it needs nothing else, and has the JSON in it. The types of columns:

| type | how its values are written |
|---|---|
"""


_PATTERNS: Final = """
# Patterns of fraud

What `counterfoil findings` looks for, and what R9 has of one programme. An alert is a question and no verdict: it names
who and how much is concerned and the entries that show it, each with the hash of its leaf, and moves no value.
`--evidence DIR` keeps these entries with proofs that `counterfoil log verify` checks. A relation counts as it is known
now, and a command that was refused counts as an attempt, with nothing at risk. `--threshold F8.peers=5` judges by
another number.
"""


def reports_page() -> str:
    """The page, in Markdown."""
    kinds = "".join(f"| {name} | {says} |\n" for name, says in KINDS.items())
    reports = "".join(_section(each) for each in REPORTS.values())
    return _PAGE + kinds + reports + _PATTERNS + "".join(_pattern(each) for each in PATTERNS.values())


def _section(report: Report) -> str:
    lacks = f"\nNot in it: {report.lacks}\n" if report.lacks else ""
    head = f"\n## {report.id} {report.title}\n\nFor {report.readers}. {report.says}\n{lacks}\n"
    return head + "".join(_table(report.columns))


def _table(columns: Sequence[Column]) -> Iterator[str]:
    yield "| column | type | what it says |\n|---|---|---|\n"
    for each in columns:
        kind = f"{each.kind}, {each.unit}" if each.unit else each.kind
        yield f"| `{each.name}` | {kind} | {each.says} |\n"


def _pattern(pattern: Pattern) -> str:
    numbers = [f"| `{each.name}` | {each.default:,} | {each.unit} | {each.says} |\n" for each in pattern.thresholds]
    table = ["\n| threshold | default | unit | what it says |\n|---|---|---|---|\n", *numbers] if numbers else []
    said = f"*The logs show*: {pattern.shows}\n\n*They cannot show*: {pattern.hides}\n"
    return f"\n## {pattern.id} {pattern.title}\n\n{said}" + "".join(table)
