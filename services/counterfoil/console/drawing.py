"""Charts as SVG, made on the server: readable without a script, in every colour scheme, on paper, and beside its table.

Shapes carry classes and no colours of their own. The picture is named by its caption; its figures are in a table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from markupsafe import Markup, escape

from counterfoil.console.formats import Formats
from counterfoil.console.words import N_
from counterfoil.contract.text import printable

WIDTH: Final = 720
_LEFT, _RIGHT, _TOP, _BOTTOM = 80, 16, 26, 28
Point = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Axis:
    """Maps values to places along one direction."""

    low: int
    high: int
    start: int
    end: int

    def at(self, value: int) -> float:
        """The place of a value."""
        return round(self.start + (value - self.low) * (self.end - self.start) / max(1, self.high - self.low), 1)

    def ticks(self, count: int) -> list[int]:
        """Round values across it."""
        step = _round_step(max(1, self.high - self.low) // count)
        first = -(-self.low // step) * step
        return list(range(first, self.high + 1, step))


def _round_step(least: int) -> int:
    size = 1
    while size * 10 <= least:
        size *= 10
    return next((size * each for each in (1, 2, 5, 10) if size * each >= least), max(1, size * 10))


@dataclass(frozen=True, slots=True)
class Flow:
    """Value that goes from one stage to another; both are numbers of `Drawing.flow`'s stages."""

    source: int
    target: int
    amount: int
    kind: str = "flow"


class Drawing:
    """Draws in one language."""

    def __init__(self, formats: Formats, gettext: Callable[[str], str]) -> None:
        self._formats, self._words = formats, gettext

    def prices(self, caption: str, points: Sequence[Point]) -> Markup:
        """Prices by time, oldest first: a mark for each, and a line from one to the next."""
        if not points:
            return self._nothing(caption)
        x, y = self._axes(points, 240)
        path = " ".join(f"{'L' if at else 'M'}{x.at(time)} {y.at(price)}" for at, (time, price) in enumerate(points))
        marks = "".join(f'<circle class="a" cx="{x.at(time)}" cy="{y.at(price)}" r="2.2"/>' for time, price in points)
        return self._svg(caption, 240, [*self._grid(x, y, 240), f'<path class="line" d="{path}"/>{marks}'])

    def growth(self, caption: str, rows: Sequence[Mapping[str, Any]]) -> Markup:
        """A number by time, in the members ``time`` and ``entries`` of rows, oldest first."""
        points = [(int(row["time"]), int(row["entries"])) for row in rows]
        if not points:
            return self._nothing(caption)
        x, y = self._axes(points, 220, from_zero=True)
        path = " ".join(f"L{x.at(time)} {y.at(count)}" for time, count in points)
        area = f'<path class="area" d="M{x.start} {y.at(0)} {path} L{x.end} {y.at(0)}Z"/>'
        line = f'<path class="line" d="M{path[1:]}"/>'
        return self._svg(caption, 220, [area, *self._grid(x, y, 220, self._formats.number), line])

    def steps(self, caption: str, points: Sequence[Point]) -> Markup:
        """An amount by time that stays until it changes, filled below."""
        if not points:
            return self._nothing(caption)
        x, y = self._axes(points, 220, from_zero=True)
        path, last = [f"M{x.at(points[0][0])} {y.at(0)}"], 0
        for time, amount in points:
            path += [f"L{x.at(time)} {y.at(last)}", f"L{x.at(time)} {y.at(amount)}"]
            last = amount
        path += [f"L{x.end} {y.at(last)}", f"L{x.end} {y.at(0)}Z"]
        return self._svg(caption, 220, [f'<path class="area" d="{" ".join(path)}"/>', *self._grid(x, y, 220)])

    def depth(self, caption: str, offers: Sequence[Point], bids: Sequence[Point]) -> Markup:
        """Node-hours that can be had at each price or less, and that are wanted at each price or more.

        Each (price, node-hours), the best first.
        """
        prices = [price for price, _ in (*offers, *bids)]
        if not prices:
            return self._nothing(caption)
        summed = _summed(offers), _summed(bids)
        most = max(amount for side in summed for _, amount in side or [(0, 1)])
        low, high = min(prices), max(prices)
        margin = max((high - low) // 12, high // 50, 1)
        x, y = Axis(max(0, low - margin), high + margin, _LEFT, WIDTH - _RIGHT), Axis(0, most, 240 - _BOTTOM, _TOP)
        drawn = [
            self._stairs(x, y, summed[0], "area", "line", x.end),
            self._stairs(x, y, summed[1], "area-b", "line-b", x.start),
        ]
        ticks = [_text(x.at(each), 240 - 10, self._formats.compact(each), "middle") for each in x.ticks(6)]
        return self._svg(caption, 240, [*drawn, *self._levels(x, y, self._formats.number), *ticks])

    def _stairs(self, x: Axis, y: Axis, points: Sequence[Point], area: str, line: str, end: int) -> str:
        if not points:
            return ""
        path, last = [f"M{x.at(points[0][0])} {y.at(0)}"], 0
        for price, amount in points:
            path += [f"L{x.at(price)} {y.at(last)}", f"L{x.at(price)} {y.at(amount)}"]
            last = amount
        outline = " ".join([*path, f"L{end} {y.at(last)}"])
        return f'<path class="{area}" d="{outline} L{end} {y.at(0)}Z"/><path class="{line}" d="{outline}"/>'

    def bars(
        self, caption: str, rows: Sequence[tuple[str, Sequence[tuple[str, int]]]], kind: Literal["amount", "number"]
    ) -> Markup:
        """Rows of parts laid end to end, and their sum: (label, [(class, value)]); all rows to one scale."""
        most = max((sum(amount for _, amount in parts) for _, parts in rows), default=0)
        if not most:
            return self._nothing(caption)
        left, drawn = 190, []
        x = Axis(0, most, left, WIDTH - 110)
        named = self._formats.compact if kind == "amount" else self._formats.number
        for nth, (label, parts) in enumerate(rows):
            top, at = 8 + nth * 26, 0
            drawn.append(_text(left - 10, top + 14, label[:28], "end", "strong"))
            for shade, amount in parts:
                width = round(x.at(at + amount) - x.at(at), 1)
                drawn.append(f'<rect class="{shade}" x="{x.at(at)}" y="{top}" width="{width}" height="18"/>')
                at += amount
            drawn.append(_text(x.at(at) + 8, top + 14, named(at), "start"))
        return self._svg(caption, 16 + 26 * len(rows), drawn)

    def shares(self, caption: str, rows: Sequence[Mapping[str, Any]], name: str = "") -> Markup:
        """A bar a row, of 100 per cent: of its member ``share``, by ``day`` or by the member `name`."""
        if not any(row["share"][1] for row in rows):
            return self._nothing(caption)
        x, drawn = Axis(0, 1_000, 190, WIDTH - 110), []
        for nth, row in enumerate(rows):
            (part, whole), top = row["share"], 8 + nth * 26
            label = str(row[name]) if name else self._formats.day(int(row["day"]))
            end = x.at(part * 1_000 // whole if whole else 0)
            drawn.append(_text(x.start - 10, top + 14, label[:28], "end", "strong"))
            drawn.append(f'<rect class="c" x="{x.start}" y="{top}" width="{x.end - x.start}" height="18"/>')
            drawn.append(f'<rect class="a" x="{x.start}" y="{top}" width="{end - x.start:.1f}" height="18"/>')
            drawn.append(_text(x.end + 8, top + 14, self._formats.share(part, whole), "start"))
        return self._svg(caption, 16 + 26 * len(rows), drawn)

    def heat(self, caption: str, days: Sequence[tuple[int, Sequence[int | None]]], most: int) -> Markup:
        """A row a day (its begin), a cell an hour: how much of `most` each hour has; None where that is not known."""
        if not days or not most:
            return self._nothing(caption)
        left, size = 64, (WIDTH - 64 - _RIGHT) / 24
        drawn = [_text(left + size * (hour + 0.5), 14, f"{hour:02d}", "middle") for hour in range(0, 24, 3)]
        for nth, (day, hours) in enumerate(days):
            label = self._formats.day(day)
            top = 22 + nth * 20
            drawn.append(_text(left - 8, top + 13, label, "end"))
            for hour, value in enumerate(hours):
                if value is None:
                    continue
                shade = 0 if not value else min(5, 1 + value * 5 // (most + 1))
                cell = f'x="{left + size * hour:.1f}" y="{top}" width="{size - 1.5:.1f}" height="18"'
                tip = escape(f"{label} {hour:02d}:00 UTC: {self._formats.number(value)}")
                drawn.append(f'<rect class="h{shade}" {cell}><title>{tip}</title></rect>')
        return self._svg(caption, 26 + 20 * len(days), drawn)

    def flow(self, caption: str, stages: Sequence[tuple[str, int]], flows: Iterable[Flow]) -> Markup:
        """Value through stages, a Sankey diagram: (name, column) of each stage; a band's width is its amount."""
        given = [each for each in flows if each.amount > 0]
        if not given:
            return self._nothing(caption)
        sizes = [max(_into(given, nth), _out_of(given, nth)) for nth in range(len(stages))]
        height, gap, columns = 300, 40, max(column for _, column in stages) + 1
        by_column = [
            [nth for nth, (_, column) in enumerate(stages) if column == each and sizes[nth]] for each in range(columns)
        ]
        most = max(sum(sizes[nth] for nth in column) for column in by_column)
        scale = (height - 42 - gap * max(len(column) - 1 for column in by_column)) / most
        tops: dict[int, float] = {}
        for column in by_column:
            at = 36.0
            for nth in column:
                tops[nth], at = at, at + sizes[nth] * scale + gap
        width = (WIDTH - 26) / max(1, columns - 1)
        places = {nth: 8 + stages[nth][1] * width for nth in tops}
        drawn, left, right = [], dict(tops), dict(tops)
        for each in given:
            band = each.amount * scale
            start, end = places[each.source] + 10, places[each.target]
            y0, y1, middle = right[each.source], left[each.target], (start + end) / 2
            there = f"C{middle:.1f} {y0:.1f} {middle:.1f} {y1:.1f} {end:.1f} {y1:.1f}"
            back = f"C{middle:.1f} {y1 + band:.1f} {middle:.1f} {y0 + band:.1f} {start:.1f} {y0 + band:.1f}"
            path = f"M{start:.1f} {y0:.1f} {there} V{y1 + band:.1f} {back}Z"
            drawn.append(f'<path class="{each.kind}" d="{path}"/>')
            right[each.source] += band
            left[each.target] += band
        for nth, top in tops.items():
            tall = max(1.5, sizes[nth] * scale)
            drawn.append(f'<rect class="a" x="{places[nth]:.1f}" y="{top:.1f}" width="10" height="{tall:.1f}"/>')
            amount = self._formats.compact(_whole(sizes[nth]))
            ends = stages[nth][1] == columns - 1 and columns > 1
            x, anchor = places[nth] + 10 * ends, "end" if ends else "start"
            drawn.append(_text(x, top - 19, self._words(stages[nth][0]), anchor))
            drawn.append(_text(x, top - 6, amount, anchor, "strong"))
        return self._svg(caption, height + 24, drawn)

    # parts ------------------------------------------------------------------------------------------------------------

    def _axes(self, points: Sequence[Point], height: int, *, from_zero: bool = False) -> tuple[Axis, Axis]:
        times, values = [time for time, _ in points], [value for _, value in points]
        low, high = (0 if from_zero else min(values)), max(*values, 1)
        margin = 0 if from_zero else max((high - low) // 8, high // 100, 1)
        x = Axis(times[0], max(times[-1], times[0] + 1), _LEFT, WIDTH - _RIGHT)
        return x, Axis(max(0, low - margin), high + margin, height - _BOTTOM, _TOP)

    def _grid(self, x: Axis, y: Axis, height: int, levels: Callable[[int], str] | None = None) -> list[str]:
        """Lines across at round values, and days below."""
        found, span, seen = self._levels(x, y, levels or self._formats.compact), x.high - x.low, ""
        named = self._formats.day if span > 2 * 86_400_000_000 else self._formats.clock
        for part in range(6):
            time = x.low + span * part // 5
            text = named(time)
            if text != seen:
                place = "start" if not part else "end" if part == 5 else "middle"
                found.append(_text(x.at(time), height - 10, text, place))
            seen = text
        return found

    def _levels(self, x: Axis, y: Axis, named: Callable[[int], str]) -> list[str]:
        found = []
        for each in y.ticks(4):
            at = y.at(each)
            found.append(f'<line class="grid" x1="{x.start}" x2="{x.end}" y1="{at}" y2="{at}"/>')
            found.append(_text(x.start - 8, at + 4, named(each), "end"))
        return found

    def _nothing(self, caption: str) -> Markup:
        return Markup('<p class="none">{}: {}</p>').format(self._words(caption), self._words(N_("nothing to draw yet")))

    def _svg(self, caption: str, height: int, parts: Iterable[str]) -> Markup:
        name = escape(self._words(caption))
        inside = "".join(parts)
        return Markup(  # noqa: S704 every text in it is escaped, and all else are numbers
            f'<div class="scroll" tabindex="0" role="group" aria-label="{name}">'
            f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{name}">{inside}</svg></div>'
        )


def _text(x: float, y: float, text: str, anchor: str, kind: str = "") -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(printable(text))}</text>'


def _summed(levels: Sequence[Point]) -> list[Point]:
    total, found = 0, []
    for price, amount in levels:
        total += amount
        found.append((price, total))
    return found


def _whole(micro: int) -> int:
    return micro // 1_000_000 * 1_000_000 if micro >= 1_000_000_000 else micro


def _into(flows: Iterable[Flow], stage: int) -> int:
    return sum(each.amount for each in flows if each.target == stage)


def _out_of(flows: Iterable[Flow], stage: int) -> int:
    return sum(each.amount for each in flows if each.source == stage)
