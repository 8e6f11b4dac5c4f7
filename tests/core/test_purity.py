"""Comparing a state before and after a decision finds everything that the decision wrote."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from counterfoil.core.at import At
from counterfoil.core.decider import Decision
from counterfoil.issuance.service import DECIDER
from tests.issuance.world import BUDGET, market
from tests.purity import PureScenario

WRITES: list[tuple[str, Any]] = [
    ("a default left in a dictionary", lambda state: state.open_vouchers.setdefault("lab-9", 0)),
    ("a counter", lambda state: setattr(state.programmes["p1"], "issued", 1)),
    ("a set", lambda state: state.key_ids.add("x")),
    ("the rules", lambda state: setattr(state, "rules", replace(state.rules, max_regions=1))),
]


@pytest.mark.parametrize(("what", "write"), WRITES)
def test_a_decision_that_writes_is_found(what: str, write: Any) -> None:
    def decide(state: Any, *_arguments: object) -> Decision:
        write(state)
        return []

    def deaf(_state: Any, _body: Any, _actor: Any, _at: At) -> Decision:
        return []

    pure, impure = (
        PureScenario(replace(DECIDER, commands={**DECIDER.commands, type(BUDGET): each})) for each in (deaf, decide)
    )
    market(pure)
    with pytest.raises(AssertionError, match="wrote to the state"):
        market(impure)
