"""The report as one page of HTML: its tables, and charts as SVG. It needs no network and no script."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, Final, NamedTuple

from counterfoil.demo.telling import MICRO, Told, told

_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 720, 220, 64, 16, 14, 30
_STYLE: Final = (
    "body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:62rem;padding:0 1rem}"
    "table{border-collapse:collapse;font-variant-numeric:tabular-nums;display:block;overflow-x:auto}"
    "th,td{padding:.2rem .6rem;text-align:right;white-space:nowrap}th{vertical-align:bottom}.l{text-align:left}"
    "tr{border-bottom:1px solid #ccc}figure{margin:1rem 0}svg{width:100%;height:auto}"
    "svg text{font-size:12px;fill:#333}.grid{stroke:#ddd}figcaption,.note{color:#555;font-size:.9rem}"
)
_BAR, _DIM = "#1f6f8b", "#c8553d"


class Chart(NamedTuple):
    """Bars of equal width from 0. `marks`: the text below the bar with that number; `dim`: bars in another colour."""

    caption: str
    values: Sequence[float]
    marks: Mapping[int, str]
    dim: frozenset[int] = frozenset()


def page(report: Mapping[str, Any]) -> str:
    """The page of a report of the demo."""
    parts = "".join(_part(each, _charts(each.name, report[each.name])) for each in told(report))
    found = "nothing was found" if report["audit"]["clean"] else "something was found: see the audit"
    assumed = "".join(f"<li>{escape(each)}</li>" for each in report["assumed"])
    counts = ", ".join(f"{count:,} {name}" for name, count in report["contracts"].items())
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>The demo\'s market</title>'
        f"<style>{_STYLE}</style><h1>A quarter of a market for compute vouchers</h1>"
        f"<p>{len(report['cities'])} fictional cities, {report['demand']['start_ups']} start-ups, "
        f"{report['demand']['jobs']} jobs of a cluster trace; contracts: {escape(counts)}. "
        f"The audit made every decision again from the logs: {found}. Seed {report['seed']}.</p>"
        f"{parts}<h2>What is assumed</h2><ul>{assumed}</ul></html>\n"
    )


def _part(part: Told, charts: Sequence[Chart]) -> str:
    heads = "".join(_cell("th", name, name.replace("_", " "), part) for name in part.columns)
    rows = "".join(
        "<tr>" + "".join(_cell("td", name, row[name], part) for name in part.columns) + "</tr>" for row in part.rows
    )
    first, *notes = part.says
    said = "".join(f'<p class="note">{escape(each)}</p>' for each in notes)
    return (
        f'<h2 id="{part.name}">{escape(part.title)}</h2><p>{escape(first)}</p>{"".join(map(_svg, charts))}'
        f"<table><tr>{heads}</tr>{rows}</table>{said}"
    )


def _cell(tag: str, name: str, text: str, part: Told) -> str:
    side = ' class="l"' if name in part.left else ""
    return f"<{tag}{side}>{escape(text)}</{tag}>"


def _charts(name: str, found: Mapping[str, Any]) -> list[Chart]:
    if name == "scarce":
        prices = [int(each["price"]) / MICRO for each in found["hours"]]
        marks = {nth * 24: each["day"] for nth, each in enumerate(found["days"])}
        over = int(found["highest_list_price"]) / MICRO
        dim = frozenset(nth for nth, price in enumerate(prices) if price > over)
        return [Chart("Price of each hour, CNY per card-hour; red above the highest list price", prices, marks, dim)]
    if name == "withdrawal":
        weeks = found["weeks"]
        after = frozenset(nth for nth, each in enumerate(weeks) if each["week"] > found["week"])
        caption = (
            f"Average price of {found['class_id']} by week of the trade, CNY per card-hour; red after the withdrawal"
        )
        return [Chart(caption, [each["value"] / MICRO for each in weeks], _week_marks(weeks), after)]
    if name == "substitutes":
        weeks = found["weeks"]
        caption = "Domestic share of the card-hours bought by performance, percent, by week of the trade"
        return [Chart(caption, [each["value"] / 100 for each in weeks], _week_marks(weeks))]
    spent = [100 * int(each["spent"]) / int(each["granted"]) for each in found["spent"]]
    marks = {nth: each["city"] for nth, each in enumerate(found["spent"])}
    return [Chart("Credit spent by the end, percent of what was granted", spent, marks)]


def _week_marks(weeks: Sequence[Mapping[str, int]]) -> dict[int, str]:
    return {nth: f"week {each['week'] + 1}" for nth, each in enumerate(weeks)}


def _svg(chart: Chart) -> str:
    most = max(chart.values, default=0.0) or 1.0
    step = (_WIDTH - _LEFT - _RIGHT) / max(len(chart.values), 1)
    room, drawn = _HEIGHT - _TOP - _BOTTOM, list[str]()
    for tick in range(5):
        y = _HEIGHT - _BOTTOM - room * tick / 4
        drawn.append(f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        drawn.append(f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{most * tick / 4:.2f}</text>')
    for nth, value in enumerate(chart.values):
        x, height = _LEFT + nth * step, room * value / most
        colour = _DIM if nth in chart.dim else _BAR
        drawn.append(
            f'<rect x="{x + step * 0.08:.1f}" y="{_HEIGHT - _BOTTOM - height:.1f}" width="{step * 0.84:.1f}" '
            f'height="{height:.1f}" fill="{colour}"/>'
        )
        if nth in chart.marks:
            drawn.append(f'<text x="{x:.1f}" y="{_HEIGHT - 10}">{escape(chart.marks[nth])}</text>')
    caption = escape(chart.caption)
    return (
        f'<figure><svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{caption}">{"".join(drawn)}</svg>'
        f"<figcaption>{caption}</figcaption></figure>"
    )
