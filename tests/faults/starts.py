"""Starts of a market, with what they folded and warned of."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from counterfoil.bootstrap.embedded import Embedded
from counterfoil.contract.entry import Entry
from counterfoil.contract.log_id import LogId
from counterfoil.core.engine import Engine
from tests.market import Market
from tests.state_root import state_root

EVERY = 8
LEDGER = LogId("ledger")


@dataclass
class Start:
    """What a start of all logs did."""

    folded: Counter[str]
    """Entries, by service."""
    warnings: list[str]
    roots: dict[str, tuple[int, bytes]]


def start(
    home: Path, then: Callable[[Market], object] = lambda _market: None, system: type[Embedded] = Embedded
) -> Start:
    """Start, look, and do what else is asked for."""
    folded, warnings, replay = Counter[str](), list[str](), Engine.replay

    def counted(engine: Engine[Any], entry: Entry) -> None:
        folded[engine.decider.service] += 1
        replay(engine, entry)

    handler = logging.Handler()
    handler.emit = lambda record: warnings.append(record.getMessage())  # type: ignore[method-assign]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Engine, "replay", counted)
        logger = logging.getLogger("counterfoil.snapshots")
        logger.addHandler(handler)
        try:
            with Market(home, system) as market:
                patch.undo()
                roots = {log.service: root_of(each.engine) for log, each in market.system.runners.items()}
                then(market)
        finally:
            logger.removeHandler(handler)
    return Start(folded, warnings, roots)


def root_of(engine: Engine[Any]) -> tuple[int, bytes]:
    """The state root, from every record."""
    return state_root(engine.decider.records(engine.state))


def sizes(market: Market) -> dict[str, int]:
    """How many entries each log has."""
    return {log.service: each.tree.size for log, each in market.system.runners.items()}
