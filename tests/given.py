"""Given-when-then for deciders: tests read like the domain.

(given(issuance.DECIDER, registered, budget)
    .when(IssueVoucher(...), actor="city-1", at=T)
    .then(VoucherIssued(...)))            # or .refused(Code.CAP_EXCEEDED)
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, Final, Self

from counterfoil.contract.record import Command as Body
from counterfoil.contract.record import Event
from counterfoil.contract.refusals import Code, Refusal
from counterfoil.core import checks
from counterfoil.core.at import At
from counterfoil.core.decider import Decider
from counterfoil.core.engine import may_give
from tests.possession import HOST
from tests.state_data import Mirror

_FOR_EVER: Final = 1 << 62  # steps


def reaction_to(decider: Decider[Any], event: type[Event]) -> Callable[[Any, Any, At], Sequence[Event]]:
    """A decider's reaction to another service's event, from any source."""
    (found,) = (reactions[event] for reactions in decider.reactions.values() if event in reactions)
    return found


def codes_in(*modules: ModuleType) -> set[Code]:
    """The refusal codes that deciding modules name, and those of the checks that they share."""
    sources = [Path(str(module.__file__)).read_text("utf-8") for module in modules]
    if any("unfit_lists(" in source for source in sources):
        sources.append(Path(str(checks.__file__)).read_text("utf-8"))
    return {Code[name] for source in sources for name in re.findall(r"\bCode\.([A-Z_]+)", source)}


class Scenario:
    """A decider with a state that grows by what is given and by what was decided."""

    def __init__(self, decider: Decider[Any], *events: Event, time: int = 1_000_000_000_000_000) -> None:
        self.decider, self.state = decider, decider.initial()
        self.time, self.index = time, 0
        self.last: Sequence[Event] | Refusal = ()
        self._mirror = Mirror()
        self.decided: list[tuple[Event, At]] = []
        self.given(*events)

    def given(self, *events: Event) -> Self:
        """Fold events, each as an entry of its own."""
        for event in events:
            self.decider.evolve[type(event)](self.state, event, self._next(None))
        return self

    def when(self, body: Body, actor: str, at: int | None = None) -> Self:
        """Decide a command (its role is checked as the engine does) and apply what follows."""
        here = self._next(at)
        party = self.state.directory.parties[actor]
        refusal = may_give(party, body, self.state.rules)
        if refusal is not None:
            self.last = refusal
            return self
        return self._apply(self._decide(self.decider.commands[type(body)], body, party, here), here)

    def reacts_to(self, event: Event, at: int | None = None) -> Self:
        """Consume another service's event and apply what follows."""
        here = self._next(at)
        return self._apply(self._decide(reaction_to(self.decider, type(event)), event, here), here)

    def fires(self, kind: str, at: int) -> Self:
        """Let a timer work at a time and apply what follows."""
        here = self._next(at)
        return self._apply(self._decide(self.decider.timers[kind], here.time, here), here)

    def then(self, *events: Event) -> Self:
        """Exactly these events followed."""
        assert isinstance(self.last, Sequence), f"refused: {self.last}"
        assert list(self.last) == list(events)
        return self

    def then_types(self, *types: type[Event]) -> Self:
        """Events of exactly these types followed."""
        assert isinstance(self.last, Sequence), f"refused: {self.last}"
        assert [type(event) for event in self.last] == list(types)
        return self

    def refused(self, code: Code) -> Self:
        """The command was refused with this code, and nothing changed."""
        assert isinstance(self.last, Refusal), f"accepted: {self.last}"
        assert self.last.code is code, self.last
        return self

    def unwatch(self) -> None:
        """Compare no more states after steps: it takes most of the time of a long flow."""
        self._mirror.leave_out(_FOR_EVER)

    def records(self) -> dict[str, object]:
        """The state's canonical records."""
        found = list(self.decider.records(self.state))
        assert len(found) == len(dict(found)), "two records share a key"
        return dict(found)

    def _next(self, at: int | None) -> At:
        self.time = max(self.time + 1, at or 0)
        self.index += 1
        return At(self.time, self.index, 0, host=HOST)

    def _decide(self, decide: Callable[..., Any], *arguments: object) -> Any:
        return decide(self.state, *arguments)

    def _apply(self, decision: Sequence[Event] | Refusal, here: At) -> Self:
        self.last = decision
        if not isinstance(decision, Refusal):
            for event in decision:
                self.decider.evolve[type(event)](self.state, event, here)
                self.decided.append((event, here))
        self._mirror.check(self.decider, self.state)
        return self


def given(decider: Decider[Any], *events: Event) -> Scenario:
    """Start a scenario from events."""
    return Scenario(decider, *events)
