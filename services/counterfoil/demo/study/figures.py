"""What came of the orders under each rule: fill rate, surplus, waiting, prices, and who sold."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Literal

from counterfoil.demo.accelerators import ACCELERATORS
from counterfoil.demo.study.matched import Fill, auction, continuous
from counterfoil.demo.study.orders import Lot, Order, lots, orders
from counterfoil.demo.trace import Node, Task

Rule = Literal["continuous", "auction"]
RULES: Final[tuple[Rule, ...]] = ("continuous", "auction")
WANTED_PERCENT: Final = (50, 100, 200)
"""Of all node-hours on offer, how many are wanted: slack, just enough, scarce."""
ALL: Final = "all"
Told = Callable[[str, int, int], None]


@dataclass(slots=True)
class Sum:
    """Node-hours and micro-CNY per GPU of a node, summed over orders of one rule."""

    orders: int = 0
    met: int = 0
    wanted: int = 0
    filled: int = 0
    surplus: int = 0
    paid: int = 0
    waited: int = 0
    bound: int = 0
    sold: Counter[str] = field(default_factory=Counter)

    def add(self, asked: Sequence[Order], fills: Sequence[Fill], bound: int) -> None:
        """One more day of a class."""
        self.orders, self.met = self.orders + len(asked), self.met + len(fills)
        self.wanted += sum(each.nodes * each.hours for each in asked)
        self.bound += bound
        for order, lot, start, paid in fills:
            hours = order.nodes * order.hours
            self.filled += hours
            self.surplus += (order.limit - lot.price) * hours
            self.paid += paid * order.nodes
            self.waited += start - order.earliest
            self.sold[lot.provider] += hours

    def row(self) -> dict[str, Any]:
        """The figures: shares in basis points, prices in micro-CNY per GPU-hour, waiting in hundredths of an hour."""
        return {
            "orders": self.orders,
            "met_bps": _bps(self.met, self.orders),
            "filled_bps": _bps(self.filled, self.wanted),
            "surplus_bps": _bps(self.surplus, self.bound),
            "price": self.paid // self.filled if self.filled else None,
            "start_late": self.waited * 100 // self.met if self.met else None,
            "largest_bps": _bps(max(self.sold.values(), default=0), self.filled),
        }


def _bps(part: int, whole: int) -> int:
    return part * 10_000 // whole if whole else 0


@dataclass(frozen=True, slots=True)
class Point:
    """A day of one class: the average price paid, micro-CNY per GPU-hour, and the share of node-hours filled."""

    day: int
    price: int | None
    filled_bps: int


@dataclass(frozen=True, slots=True)
class Study:
    """All figures. `classes`: rows by share wanted, class and rule; `days`: of the largest class, where scarce."""

    nodes: int
    tasks: int
    days_in_all: int
    classes: list[dict[str, Any]]
    shown_class: str
    days: dict[Rule, list[Point]]

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)


def study(nodes: list[Node], tasks: list[Task], seed: int, told: Told | None = None) -> Study:
    """Run both rules on the same orders at each share wanted. `told`: as an audit's progress, in classes of a day."""
    offered = lots(nodes)
    size = Counter[str]()
    for lot in offered:
        size[lot.class_id] += lot.nodes
    largest = max(size, key=lambda each: (size[each], each))
    rows, days, last = [], dict[Rule, list[Point]](), 0
    for percent in WANTED_PERCENT:
        asked = orders(tasks, offered, percent, seed)
        last = max((each.day for each in asked), default=0) + 1
        sums: dict[tuple[str, Rule], Sum] = defaultdict(Sum)
        points: dict[Rule, list[Point]] = {rule: [] for rule in RULES}
        for class_id, day, found in _days(offered, asked, last):
            for rule, sum_ in found.items():
                for key in (class_id, ALL):
                    sums[key, rule].add(*sum_)
                if class_id == largest:
                    points[rule].append(_point(day, *sum_))
            if told is not None:
                told(f"{percent} % wanted", 1, last * len(size))
        rows += [
            {"wanted_percent": percent, "class_id": class_id, "rule": rule, **sums[class_id, rule].row()}
            for class_id in (*sorted(size), ALL)
            for rule in RULES
        ]
        days = points
    return Study(len(nodes), len(tasks), last, rows, largest, days)


_Result = tuple[list[Order], list[Fill], int]


def _days(offered: Sequence[Lot], asked: Sequence[Order], days: int) -> Iterator[tuple[str, int, dict[Rule, _Result]]]:
    """Each class of each day by both rules; the bound on the surplus is the auction's, and holds for any outcome."""
    by_day: dict[tuple[str, int], list[Order]] = defaultdict(list)
    for order in asked:
        by_day[order.class_id, order.day].append(order)
    for class_id in sorted({lot.class_id for lot in offered}):
        mine = [lot for lot in offered if lot.class_id == class_id]
        reference = next(each.low for each in ACCELERATORS if each.class_id == class_id)
        for day in range(days):
            wanted = by_day[class_id, day]
            cleared = auction(mine, wanted, reference)
            reference = cleared.last_price or reference
            by_rule: dict[Rule, _Result] = {
                "continuous": (wanted, continuous(mine, wanted), cleared.bound),
                "auction": (wanted, cleared.fills, cleared.bound),
            }
            yield class_id, day, by_rule


def _point(day: int, asked: Sequence[Order], fills: Sequence[Fill], bound: int) -> Point:
    one = Sum()
    one.add(asked, fills, bound)
    row = one.row()
    return Point(day, row["price"], row["filled_bps"])
