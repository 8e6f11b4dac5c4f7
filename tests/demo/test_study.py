"""The study compares two rules on the same orders, and each keeps to what is offered and to every limit."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import orjson
import pytest

from counterfoil.demo.study.figures import RULES, WANTED_PERCENT, study
from counterfoil.demo.study.matched import Fill, auction, continuous
from counterfoil.demo.study.orders import HOURS, lots, orders
from counterfoil.demo.trace import load_nodes, load_tasks
from tests.cli.command_line import invoke

SAMPLE = load_nodes(None), load_tasks(None)[0]


@pytest.mark.parametrize("rule", RULES)
def test_no_lot_is_sold_twice_and_nobody_pays_more_than_its_limit(rule: str) -> None:
    offered = lots(SAMPLE[0])
    asked = [each for each in orders(SAMPLE[1], offered, 200, 1) if each.class_id == "a800"]
    mine = [each for each in offered if each.class_id == "a800"]
    fills: list[Fill] = continuous(mine, asked) if rule == "continuous" else auction(mine, asked, 1).fills
    assert 0 < len(fills) < len(asked)
    assert len({each.order.nth for each in fills}) == len(fills)
    used = Counter[tuple[str, int]]()
    for order, lot, start, paid in fills:
        assert order.earliest <= start <= order.latest <= HOURS - order.hours
        assert lot.price * order.hours <= paid <= order.limit * order.hours
        used.update({(lot.lot_id, hour): order.nodes for hour in range(start, start + order.hours)})
    capacity = {each.lot_id: each.nodes for each in mine}
    assert all(nodes <= capacity[lot_id] for (lot_id, _), nodes in used.items())


def test_what_is_printed_and_drawn_is_of_the_same_figures(tmp_path: Path) -> None:
    """Twice the same; no surplus passes its bound; the page stands alone."""
    page = tmp_path / "study.html"
    code, out, _ = invoke("study", "--report", str(page), "--json")
    assert code == 0
    found = orjson.loads(out)
    again = study(*SAMPLE, seed=1)
    assert found["classes"] == again.classes
    assert {(each["wanted_percent"], each["rule"]) for each in again.classes} == {
        (percent, rule) for percent in WANTED_PERCENT for rule in RULES
    }
    assert all(0 < each["surplus_bps"] <= 10_000 for each in again.classes)
    text = page.read_text()
    assert text.count("<svg") == len(WANTED_PERCENT) + 2
    assert not [each for each in ("<script", "http", "url(", "<link", "<img") if each in text]
