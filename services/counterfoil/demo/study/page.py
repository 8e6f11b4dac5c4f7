"""The study as one page of HTML: its tables, and charts as SVG. It needs no network and no script."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, Final

from counterfoil.demo.study.figures import ALL, RULES, WANTED_PERCENT, Rule, Study
from counterfoil.demo.study.orders import ASSUMED

_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 720, 240, 64, 16, 30, 30
_COLOURS: Final[Mapping[Rule, str]] = {"continuous": "#1f6f8b", "auction": "#c8553d"}
_CENT: Final = 10_000
_BARS: Final = (
    ("met_bps", "orders met"),
    ("filled_bps", "node-hours filled"),
    ("surplus_bps", "surplus of the bound"),
    ("largest_bps", "sold by the largest supplier"),
)
_STYLE: Final = (
    "body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem}"
    "table{border-collapse:collapse;font-variant-numeric:tabular-nums}th,td{padding:.2rem .7rem;text-align:right}"
    "th:nth-child(-n+3),td:nth-child(-n+3){text-align:left}tr{border-bottom:1px solid #ccc}"
    "svg{width:100%;height:auto}svg text{font-size:12px;fill:#333}.grid{stroke:#ddd}"
)
COLUMNS: Final = {
    "wanted_percent": "wanted %",
    "class_id": "class",
    "rule": "rule",
    "orders": "orders",
    "met_bps": "met %",
    "filled_bps": "filled %",
    "surplus_bps": "surplus %",
    "price": "price",
    "start_late": "late h",
    "largest_bps": "largest %",
}
"""Members of a row and their headings; surplus is of what any outcome could come to at most."""


def shown(row: Mapping[str, Any]) -> dict[str, str]:
    """A row of the figures as texts, by heading: percent with one decimal, CNY per GPU-hour and hours with two."""
    return {heading: _text(name, row[name]) for name, heading in COLUMNS.items()}


def _text(name: str, value: Any) -> str:
    if value is None:
        return "-"
    if name.endswith("_bps"):
        return f"{value // 100}.{value % 100 // 10}"
    if name == "price":
        return f"{value // 1_000_000}.{value % 1_000_000 // _CENT:02d}"
    return f"{value // 100}.{value % 100:02d}" if name == "start_late" else str(value)


def page(found: Study, source: str) -> str:
    """The page; `source`: which trace it is of."""
    scarce = WANTED_PERCENT[-1]
    charts = [
        _bars(f"All classes, {percent} % of the node-hours wanted", _of_all(found, percent))
        for percent in WANTED_PERCENT
    ]
    for title, name in (("Average price, CNY per GPU-hour", "price"), ("Node-hours filled, %", "filled_bps")):
        lines = {rule: [(each.day, getattr(each, name)) for each in found.days[rule]] for rule in RULES}
        scale = _CENT if name == "price" else 1
        charts.append(_lines(f"{title}: {found.shown_class} by day, {scarce} % wanted", lines, scale))
    head = "".join(f"<th>{escape(each)}</th>" for each in COLUMNS.values())
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(each)}</td>" for each in shown(row).values()) + "</tr>" for row in found.classes
    )
    assumed = "".join(f"<li>{escape(each)}</li>" for each in ASSUMED)
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Continuous or auction</title>'
        f"<style>{_STYLE}</style><h1>Continuous matching and a batch auction on the same orders</h1>"
        f"<p>{escape(source)}: {found.tasks} tasks, {found.nodes} machines, {found.days_in_all} delivery days.</p>"
        f"{''.join(charts)}<table><tr>{head}</tr>{body}</table><h2>What is modelled</h2><ul>{assumed}</ul></html>\n"
    )


def _of_all(found: Study, percent: int) -> dict[str, Mapping[str, Any]]:
    rows = [each for each in found.classes if each["class_id"] == ALL and each["wanted_percent"] == percent]
    return {each["rule"]: each for each in rows}


def _bars(caption: str, rows: Mapping[str, Mapping[str, Any]]) -> str:
    step, drawn = (_WIDTH - _LEFT - _RIGHT) // len(_BARS), []
    for nth, (name, label) in enumerate(_BARS):
        left = _LEFT + nth * step
        for at, rule in enumerate(RULES):
            value, x = int(rows[rule][name]), left + 12 + at * 56
            height = value * (_HEIGHT - _TOP - _BOTTOM) // 10_000
            y = _HEIGHT - _BOTTOM - height
            drawn.append(f'<rect x="{x}" y="{y}" width="48" height="{height}" fill="{_COLOURS[rule]}"/>')
            drawn.append(f'<text x="{x + 24}" y="{y - 4}" text-anchor="middle">{_text(name, value)}</text>')
        drawn.append(f'<text x="{left + 64}" y="{_HEIGHT - 10}" text-anchor="middle">{escape(label)}</text>')
    return _svg(caption, drawn)


def _lines(caption: str, lines: Mapping[Rule, Sequence[tuple[int, int | None]]], scale: int) -> str:
    points = [value // scale for line in lines.values() for _, value in line if value is not None]
    days = max((day for line in lines.values() for day, _ in line), default=0)
    low, high = (min(points), max(points)) if points else (0, 1)
    low, high = max(low - (high - low) // 5 - 1, 0), high + (high - low) // 5 + 1
    drawn = []
    for tick in range(5):
        value = low + (high - low) * tick // 4
        y = _place(value, low, high, _HEIGHT - _BOTTOM, _TOP)
        drawn.append(f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y}" y2="{y}"/>')
        drawn.append(f'<text x="{_LEFT - 8}" y="{y + 4}" text-anchor="end">{value // 100}.{value % 100:02d}</text>')
    for rule, line in lines.items():
        places = [
            f"{_place(day, 0, max(days, 1), _LEFT, _WIDTH - _RIGHT)},"
            f"{_place(value // scale, low, high, _HEIGHT - _BOTTOM, _TOP)}"
            for day, value in line
            if value is not None
        ]
        path = " ".join(places)
        drawn.append(f'<polyline points="{path}" fill="none" stroke="{_COLOURS[rule]}" stroke-width="2"/>')
    drawn.append(f'<text x="{_WIDTH - _RIGHT}" y="{_HEIGHT - 10}" text-anchor="end">day {days + 1}</text>')
    return _svg(caption, drawn)


def _place(value: int, low: int, high: int, start: int, end: int) -> int:
    return start + (end - start) * (value - low) // max(high - low, 1)


def _svg(caption: str, drawn: Sequence[str]) -> str:
    legend = "".join(
        f'<rect x="{_LEFT + nth * 110}" y="6" width="12" height="12" fill="{_COLOURS[rule]}"/>'
        f'<text x="{_LEFT + 18 + nth * 110}" y="17">{rule}</text>'
        for nth, rule in enumerate(RULES)
    )
    return (
        f'<figure><svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(caption)}">{legend}'
        f"{''.join(drawn)}</svg><figcaption>{escape(caption)}</figcaption></figure>"
    )
