"""Versions of accelerator classes: what is known of one, and what the release brings."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from counterfoil.accelerators import bundled_class, bundled_classes
from counterfoil.contract.accelerators import Collective, FloorPrice
from counterfoil.contract.refusals import Code
from counterfoil.core.decider import refuse
from counterfoil.core.rules import LATEST, RULES
from counterfoil.issuance.class_commands import RegisterClass
from counterfoil.issuance.class_events import ClassRegistered
from tests.issuance.world import CLASS, people

YUAN = 1_000_000
MOST = RULES[LATEST].max_floor_prices
CURRENCIES = sorted(RULES[LATEST].currencies or ())


def floors(count: int) -> tuple[FloorPrice, ...]:
    return tuple(FloorPrice(currency=each, price=1_000 * YUAN) for each in CURRENCIES[:count])


ASCEND = bundled_class("ascend-910b", "910b", floor_prices=(FloorPrice(currency="CNY", price=4 * YUAN),))


def test_a_version_says_what_is_known_and_no_shorter_one_takes_its_place() -> None:
    told = people().when(ASCEND, actor="op")
    (event,) = told.last  # type: ignore[misc]
    assert isinstance(event, ClassRegistered)
    assert [(each.cards, each.mbps) for each in event.allreduce] == [(2, 18_000), (4, 30_000), (8, 72_000)]
    assert (event.bf16_mtflops_attested, event.origin, event.floor_prices) == (304_277, "cn", ASCEND.floor_prices)
    told.when(replace(CLASS, class_id="910b", version=2), actor="op").refused(Code.CLASS_DESCRIBED)
    told.when(replace(ASCEND, version=2), actor="op")
    told.when(replace(ASCEND, class_id="a100", version=2), actor="op").then_types(ClassRegistered)
    assert (told.state.classes["910b"], told.state.classes["a100"]) == (2, 2)


@pytest.mark.parametrize(
    ("changes", "code", "data"),
    [
        ({"version": 2}, Code.VERSION_NOT_NEXT, {"next": 1}),
        ({"sources": ("a",) * 2}, Code.DUPLICATE_ITEM, {"field": "sources"}),
        ({"sources": tuple("abcdefghi")}, Code.OVER_LIMIT, {"field": "sources", "limit": 8}),
        ({"allreduce": (Collective(cards=2, mbps=1), Collective(cards=2, mbps=2))}, Code.DUPLICATE_ITEM,
         {"field": "allreduce"}),
        ({"floor_prices": floors(1) * 2}, Code.DUPLICATE_ITEM, {"field": "floor_prices"}),
        ({"floor_prices": floors(MOST + 1)}, Code.OVER_LIMIT, {"field": "floor_prices", "limit": MOST}),
        ({"floor_prices": (FloorPrice(currency="XQQ", price=YUAN),)}, Code.UNKNOWN_CURRENCY, {"currency": "XQQ"}),
        ({"floor_prices": (FloorPrice(currency="CNY", price=YUAN + 1),)}, Code.PRICE_OFF_TICK, {"tick": 10_000}),
    ],
)  # fmt: skip
def test_what_no_class_can_be(changes: dict[str, Any], code: Code, data: dict[str, Any]) -> None:
    told = people().when(replace(ASCEND, **changes), actor="op").refused(code)
    assert told.last == refuse(code, **data)


def test_the_most_floor_prices_are_accepted() -> None:
    people().when(replace(ASCEND, floor_prices=floors(MOST)), actor="op").then_types(ClassRegistered)


def test_every_bundled_class_can_be_registered_and_is_unknown_where_nobody_measured() -> None:
    told = people()
    made = {name: bundled_class(name, name) for name in bundled_classes()}
    for body in made.values():
        told.when(body, actor="op").then_types(ClassRegistered)
        assert body.sources
        assert body.gpus_per_node == (1 if "pcie" in body.class_id else body.gpus_per_node)
    withheld = {name for name, body in made.items() if body.figures_withheld}
    assert withheld == {"cambricon-mlu590", "cambricon-mlu370-x8", "metax-c550", "moore-threads-s4000"}
    assert {name for name, body in made.items() if body.bf16_mtflops_nominal is None} == {
        "kunlun-p800", "hygon-k100", "metax-c550",
    }  # fmt: skip
    assert figures(made["h20-96-sxm"]) == (98_304, 148_000, None)
    assert figures(made["a100-80-sxm"]) == (81_920, 312_000, 271_200)


def figures(body: RegisterClass) -> tuple[int | None, int | None, int | None]:
    return body.mem_mb, body.bf16_mtflops_nominal, body.bf16_mtflops_attested
