"""Deciding reads the state and never writes to it: a scenario that compares all of it before and after."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.given import Scenario
from tests.snapshots import snapshot
from tests.state_data import unwatched


class PureScenario(Scenario):
    """A scenario that fails if a command, a reaction, a timer or reading the next deadline writes to the state."""

    _left = 0

    def _decide(self, decide: Callable[..., Any], *arguments: object) -> Any:
        self._left -= 1
        if self._left >= 0:
            return super()._decide(decide, *arguments)
        self._left = unwatched(0, self.state)
        before = snapshot(self.state)
        decision = super()._decide(decide, *arguments)
        self.decider.due(self.state)
        assert snapshot(self.state) == before, "deciding wrote to the state"
        return decision
