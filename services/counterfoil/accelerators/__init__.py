"""Accelerator classes that come with the release: what public sources say of each, in `classes.toml`.

Nothing here decides: an operator registers a class by a signed command, and only what it signs counts.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any, get_args

from counterfoil.contract.accelerators import Cards, Collective, FloorPrice
from counterfoil.issuance.class_commands import RegisterClass


def bundled_classes() -> tuple[str, ...]:
    """The ids of the classes that come with the release."""
    return tuple(_figures())


def bundled_class(
    name: str, class_id: str, version: int = 1, floor_prices: tuple[FloorPrice, ...] = ()
) -> RegisterClass:
    """The registration of a bundled class under an id. Raises `KeyError` if there is none of that name."""
    known = _figures()[name]
    return RegisterClass(
        class_id=class_id,
        version=version,
        description=known["description"],
        mem_mb=known.get("mem_mb"),
        mem_mbps=known.get("mem_mbps"),
        gpus_per_node=known["gpus_per_node"],
        bf16_mtflops_nominal=known.get("bf16_mtflops_nominal"),
        bf16_mtflops_attested=known.get("bf16_mtflops_attested"),
        figures_withheld=known.get("figures_withheld", False),
        allreduce=_collectives(known.get("allreduce", {})),
        interconnect=known.get("interconnect"),
        interconnect_mbps=known.get("interconnect_mbps"),
        origin=known.get("origin"),
        sources=tuple(known["sources"]),
        confidence=known["confidence"],
        floor_prices=floor_prices,
        inventory_attested=False,
    )


def _collectives(by_cards: Mapping[str, int]) -> tuple[Collective, ...]:
    return tuple(Collective(cards=each, mbps=by_cards[str(each)]) for each in get_args(Cards) if str(each) in by_cards)


@cache
def _figures() -> dict[str, dict[str, Any]]:
    return tomllib.loads((resources.files("counterfoil.accelerators") / "classes.toml").read_text("utf-8"))
