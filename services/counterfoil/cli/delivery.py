"""How the command line delivers: beside the keys is kept what is unsettled, and an interrupt says how to go on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from counterfoil.cli.command import Invalid
from counterfoil.cli.gateway_session import GatewaySession

if TYPE_CHECKING:
    from counterfoil.client.delivery import Delivery
    from counterfoil.client.outbox import Kept
    from counterfoil.client.steps import Steps

T = TypeVar("T")


class Sending:
    """Carries out deliveries of one CLI command."""

    def __init__(self, session: GatewaySession) -> None:
        self._session = session
        self._under_way: str | None = None

    def begin(self, kept: Kept) -> None:
        """A command is about to be sent."""
        self._under_way = kept.header.command_id

    def run(self, steps: Steps[T]) -> T:
        """Carry out a delivery. Raises what it raises, and `Invalid` for words that were used before."""
        from counterfoil.client.problems import OtherCommand

        try:
            settled = self._session.gateway.run(steps)
        except OtherCommand as problem:
            raise Invalid(f"--idempotency-key: {problem}") from problem
        except KeyboardInterrupt:
            if self._under_way is not None:
                text = f"not settled: `counterfoil resend {self._under_way}` sends the same command again"
                self._session.out.note(text)
            raise
        self._under_way = None
        return settled


def delivery_in(session: GatewaySession, directory: Path, sending: Sending) -> Delivery:
    """The delivery of commands that are kept in a directory of keys."""
    from counterfoil.client.delivery import Delivery

    return Delivery(session.gateway.exchanges, directory, session.pinned, sending.begin)
