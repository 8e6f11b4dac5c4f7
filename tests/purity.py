"""Deciding reads the state and never writes to it: a scenario that compares all of it before and after."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.given import Scenario
from tests.snapshots import snapshot


class PureScenario(Scenario):
    """A scenario that fails if a command, a reaction, a timer or reading the next deadline writes to the state."""

    def _decide(self, decide: Callable[..., Any], *arguments: object) -> Any:
        before = snapshot(self.state)
        decision = super()._decide(decide, *arguments)
        self.decider.due(self.state)
        assert snapshot(self.state) == before, "deciding wrote to the state"
        return decision
