"""The market of the generated world, asked command by command: what was decided, and that everything agrees."""

from __future__ import annotations

from typing import Any

from counterfoil.contract.refusals import Code
from counterfoil.ledger.invariants import check_ledger
from counterfoil.vocabulary import CODEC
from tests.properties.world import SERVICE_OF, Newest, found


class Asking(Newest):
    """The world with its parties; each command is answered once everything that follows from it has happened."""

    def __init__(self) -> None:
        super().__init__()
        found(self)

    def answer(self, actor: str, body: Any) -> Any:
        """The last event of a command, or its refusal; everything that follows has happened."""
        self.submit(actor, body)
        entry = CODEC.decode_entry(self.logs[SERVICE_OF[type(body)]][-1])
        self.settle()
        assert check_ledger(self.state("ledger")) == []
        (outcome,) = entry.outcomes
        return outcome.refusal or entry.events[-1]

    def does(self, actor: str, body: Any) -> Any:
        """The same, of a command that is accepted."""
        answer = self.answer(actor, body)
        assert not isinstance(getattr(answer, "code", None), Code), answer
        return answer
