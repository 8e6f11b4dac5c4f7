"""Reports as one file of HTML each: charts, tables and evidence, readable without a network or script, and on paper.

A file has a policy of its own: its one style by its hash, and nothing else. The report's JSON is in it as data, which
no browser runs, so that whoever has the page has the figures.
"""

from __future__ import annotations

from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from typing import Any, Final

import orjson
from markupsafe import Markup

from counterfoil.audit.evidence import Evidence
from counterfoil.audit.meanings import MEANINGS
from counterfoil.console.assets import ROOT
from counterfoil.console.rendering import environment
from counterfoil.console.tables import NUMERIC, Column, Kind, Table
from counterfoil.console.words import DEFAULT, N_, translator
from counterfoil.contract.canonical import canonical
from counterfoil.programme.wording import plainly
from counterfoil.reports.report import BPS

ROWS: Final = 1_000
"""Rows of a table that are shown; the JSON in the file has all."""
_BARS: Final = 24
_ACROSS, _FEW = 8, 4
"""Of more columns and no more rows, a table is turned, so that it fits on paper."""
_KINDS: Final[Mapping[str, Kind]] = {
    "text": "text", "said": "said", "quote": "quote",
    "amount": "amount", "int": "number", "bps": "share", "time": "text", "day": "text", "json": "text",
}  # fmt: skip
_LOGS: Final = (
    Column("origin", N_("Log")),
    Column("versions", N_("Rules")),
    Column("size", N_("Entries"), "number"),
    Column("commands", N_("Commands"), "number"),
    Column("refused", N_("Refused"), "number"),
    Column("signatures", N_("Signatures"), "number"),
    Column("events", N_("Events"), "number"),
    Column("trades", N_("Trades"), "number"),
    Column("root", N_("Root"), "code"),
)
_OF_FINDINGS: Final = (
    Column("log", N_("Log")), Column("place", N_("Place")), Column("code", N_("Code"), "code"),
    Column("means", N_("What it means"), "said"),
    Column("text", N_("What was found, as the auditor writes it"), "quote"),
)  # fmt: skip
SAID: Final = frozenset({"status", "kind", "check", "left_is", "right_is", "chosen", "title"})
"""Columns of reports whose texts are of a few; all other text is what parties wrote, or ids."""
_WORDS: Final = (
    N_("programme"), N_("payer"), N_("envelope"), N_("window"), N_("contracts"), N_("invoice"), N_("clawback"),
    N_("debt"), N_("listing"), N_("voucher"), N_("party"), N_("transfer"), N_("pledge"), N_("grant"), N_("all"),
    N_("random"), N_("by risk"), N_("owed"), N_("over"), N_("obligated"),
    N_("living vouchers, and unsettled"), N_("approvals"), N_("accounts"), N_("payees"), N_("payments"), N_("total"),
    N_("what came in"), N_("where it is"), N_("approved"), N_("issued for them"), N_("issued"),
    N_("credited by the ledger"), N_("in - out"), N_("stated"), N_("captured, ledger"), N_("captured, redemption"),
    N_("captured"), N_("claimed, paid, payable, ended"), N_("paid, ledger"), N_("paid, redemption"),
    N_("denied or returned, ledger"), N_("denied or returned, redemption"), N_("paid"), N_("bank statement"),
    N_("first vouchers of their holders"), N_("expired unused"), N_("subsidy per GPU-hour, of contracts"),
    N_("from application to decision"), N_("from claim to payment"), N_("applications rejected"),
    N_("applications rejected: decided so"), N_("claims rejected"), N_("in force"), N_("pinned"), N_("as published"),
)  # fmt: skip
"""Values that reports have beside the states of views, for the catalogues."""
_QUOTED: Final = frozenset({"says"})
PARTED: Final[Mapping[str, str]] = {"scope": " ", "group": ": "}
"""Columns whose texts begin with one of a few words, and what stands between that and a name."""
_WHERE: Final = Column("origin", N_("Log"))
_ENTRY, _WHEN = Column("index", N_("Entry"), "number"), Column("time", N_("Time"))
_WHOSE: Final = Column("party_id", N_("Party"))
LISTS: Final[tuple[tuple[str, str, tuple[Column, ...]], ...]] = (
    ("acts", N_("Acts of authority on others, with their public reasons"), (
        _WHERE, _ENTRY, _WHEN, Column("event", N_("What"), "code"), Column("by", N_("Done by")), _WHOSE,
        Column("programme_id", N_("Programme")), Column("order_id", N_("Order")), Column("reason", N_("Reason")))),
    ("recoveries", N_("Recoveries of keys"), (
        _WHERE, _ENTRY, _WHEN, _WHOSE, Column("proposed_by", N_("Proposed by")), Column("reason", N_("Reason")),
        Column("key_id", N_("Key"), "code"))),
    ("outages", N_("Outages"), (
        _WHERE, _ENTRY, Column("away_since", N_("Away since")), Column("seconds", N_("Seconds"), "number"))),
    ("relations", N_("Attested groups of related parties"), (
        _WHOSE, Column("group_id", N_("Group")), Column("since", N_("Since")),
        Column("attested_by", N_("Attested by")))),
    ("together", N_("Duties that related parties hold together"), (
        Column("where", N_("Where")), Column("duties", N_("Duties")), _WHOSE,
        Column("related_to", N_("Related to")))),
    ("alike", N_("Names that may be taken for one another"), (
        _WHOSE, Column("name", N_("Name")), Column("like", N_("Like")),
        Column("name_of_like", N_("Name of that")))),
)  # fmt: skip
"""The lists that the audit of each log has, besides its findings."""


@dataclass(frozen=True, slots=True)
class Made:
    """Who made a report, and when, as it says of itself."""

    generator: str
    time: str


def audit_paper(report: Mapping[str, Any], evidence: Evidence, made: Made, language: str = DEFAULT) -> str:
    """An audit's report, in its JSON form, as a file of HTML."""
    logs = report["logs"]
    say = translator(language)
    rows = [{**each, "versions": versions(each["rules"], say)} for each in logs]
    findings = [{**each, "means": MEANINGS.get(each["code"])} for each in report["findings"]]
    lists = [
        _table(name, caption, columns, [{"origin": log["origin"], **each} for log in logs for each in log[name]])
        for name, caption, columns in LISTS
    ]
    tails = [{"origin": log["origin"], **log["tail"]} for log in logs if log["tail"]]
    sums = {name: sum(log[name] for log in logs) for name in ("size", "commands", "refused", "signatures", "trades")}
    names = [(each["origin"].partition("/")[2], each["signatures"], each["entries_replayed"]) for each in logs]
    bars = [(name, (("a", signed), ("c", replayed - signed))) for name, signed, replayed in names]
    codes = Counter(each["code"] for each in report["findings"]).most_common(_BARS)
    values = {
        "report": report,
        "logs": _table("logs", N_("Logs"), _LOGS, rows),
        "findings": _table("findings", N_("Findings"), _OF_FINDINGS, findings),
        "lists": [each for each in lists if each.rows],
        "tails": tails,
        "sums": sums,
        "bars": bars,
        "codes": [(code, (("b", times),)) for code, times in codes],
        "checkpoints": {name: note.decode() for name, note in sorted(evidence.checkpoints.items())},
        "entries": [
            {"log": each.log, "index": each.index, "text": _indented(each.entry), "proof": each.proof.decode()}
            for each in evidence.entries
        ],
    }
    return _file("paper_audit.html", values, report, made, language)


def versions(rules: Sequence[Mapping[str, int]], say: Callable[[str], str]) -> str:
    """``1``, or ``1, 2 from 57`` if version 2 decided entry 57 and those after it."""
    since = say(N_("{version} from {entry}"))
    return ", ".join(
        str(each["version"]) if each["from"] <= 1 else plainly(since, version=each["version"], entry=each["from"])
        for each in rules
    )


def report_paper(report: Mapping[str, Any], made: Made, language: str = DEFAULT) -> str:
    """A report on a programme, as `reports.report.made` has it, as a file of HTML."""
    unit, described = report["header"]["unit"], report["columns"]
    columns = tuple(_column(each) for each in described)
    types = {each["name"]: each["type"] for each in described}
    say = translator(language)
    rows = [
        {"unit": unit, **{name: _shown(types[name], _said(name, value, say)) for name, value in row.items()}}
        for row in report["rows"]
    ]
    values = {
        "header": report["header"],
        "columns": described,
        "rows": _table("rows", N_("Rows"), columns, rows),
        "turned": len(columns) > _ACROSS and len(rows) <= _FEW,
        "charts": _charts(described, rows, say),
    }
    return _file("paper_report.html", values, report, made, language)


def _column(described: Mapping[str, Any]) -> Column:
    name, kind = described["name"], described["type"]
    kind = "said" if name in SAID else "quote" if name in _QUOTED else kind
    return Column(name, name.replace("_", " "), _KINDS[kind], "unit" if kind == "amount" else None)


def _said(name: str, value: Any, say: Callable[[str], str]) -> Any:
    """A text that is ours, or begins with a word of ours, in the language: ``payer city``, ``region: north``."""
    if name not in PARTED or not isinstance(value, str):
        return value
    if (whole := say(value)) != value:
        return whole
    first, between, rest = value.partition(PARTED[name])
    return f"{say(first.replace('_', ' '))}{between}{rest}"


def _shown(kind: str, value: Any) -> Any:
    if value is None:
        return (0, 0) if kind == "bps" else None
    if kind == "amount":
        return int(value)
    if kind == "bps":
        return value, BPS
    return canonical(value).decode() if kind == "json" else value


def _charts(
    columns: Sequence[Mapping[str, Any]], rows: Sequence[Mapping[str, Any]], say: Callable[[str], str]
) -> list[tuple[str, Any]]:
    """Bars: of few rows, the amounts of the first; of many, each column's largest, by the row's first text."""
    amounts = [each["name"] for each in columns if each["type"] == "amount"]
    if len(rows) <= _FEW:
        first = [(say(name.replace("_", " ")), rows[0][name]) for name in amounts if rows[0][name]] if rows else []
        bars = [(name, (("a", amount),)) for name, amount in first if amount > 0]
        return [(_label(rows[0], columns), bars)] if len(bars) > 1 else []
    found = []
    for name in amounts:
        known = [(_label(row, columns), row[name]) for row in rows if (row[name] or 0) > 0]
        largest = sorted(known, key=lambda each: -each[1])[:_BARS]
        if len(largest) > 1:
            title = say(name.replace("_", " "))
            found.append((f"{title[0].upper()}{title[1:]}", [(label, (("a", amount),)) for label, amount in largest]))
    return found


def _label(row: Mapping[str, Any], columns: Iterable[Mapping[str, Any]]) -> str:
    texts = (row[each["name"]] for each in columns if each["type"] in ("text", "day"))
    return next((text for text in texts if text), "–")


def _table(name: str, caption: str, columns: tuple[Column, ...], rows: Sequence[Mapping[str, Any]]) -> Table:
    return Table(name, caption, columns, rows[:ROWS], limited=len(rows) if len(rows) > ROWS else 0)


def _indented(data: bytes) -> str:
    return orjson.dumps(orjson.loads(data), option=orjson.OPT_INDENT_2).decode()


def _file(template: str, values: Mapping[str, Any], report: Any, made: Made, language: str) -> str:
    style, digest = _style()
    data = Markup(orjson.dumps(report).decode().replace("<", "\\u003c"))  # noqa: S704 nothing in it ends the element
    around = {"style": style, "policy": f"default-src 'none'; style-src 'sha256-{digest}'", "data": data, "made": made}
    return environment(language).get_template(template).render(values, **around, language=language, NUMERIC=NUMERIC)


@cache
def _style() -> tuple[Markup, str]:
    """The console's style as a file has it, and its hash for the policy."""
    text = (ROOT / "app.css").read_text()
    return Markup(text), b64encode(sha256(text.encode()).digest()).decode()  # noqa: S704 a file of ours
