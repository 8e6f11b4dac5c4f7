"""How the command line sends a signed command: kept before it is sent, until its outcome is known and proven."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from counterfoil.cli.command import Invalid
from counterfoil.cli.gateway_session import GatewaySession
from counterfoil.client.problems import NotProven, RefusedByService, Unreachable, Unsettled
from counterfoil.contract.log_id import log_of
from counterfoil.contract.refusals import Code
from counterfoil.log.keys import VerifyKey

if TYPE_CHECKING:
    from counterfoil.client.checkpoints import Met
    from counterfoil.client.outbox import Kept
    from counterfoil.client.verify import Proven

OUTBOX: Final = "outbox"
CHECKPOINTS: Final = "checkpoints"


class LogKey(NamedTuple):
    """The key of a log, and whether it is pinned."""

    key: VerifyKey
    pinned: bool


@dataclass(frozen=True, slots=True)
class Settled:
    """An accepted command: the gateway's receipt, what it proves, and whether its log's key is pinned."""

    receipt: Mapping[str, Any]
    proven: Proven
    pinned: bool


class Delivery:
    """Sends what is signed with the keys in `directory`, where what is unsettled and the last checkpoints are kept."""

    def __init__(self, session: GatewaySession, directory: Path) -> None:
        from counterfoil.client.checkpoints import Checkpoints
        from counterfoil.client.outbox import Outbox

        self._session = session
        self.outbox, self.checkpoints = Outbox(directory / OUTBOX), Checkpoints(directory / CHECKPOINTS)

    def send(self, envelope: bytes, log: LogKey) -> Settled:
        """Keep a command, and send it. Raises as `resend`; `Invalid` if it cannot be kept, and then it is not sent."""
        try:
            kept = self.outbox.keep(envelope)
        except OSError as problem:
            text = f"cannot keep the command in {self.outbox.directory}, so it is not sent: {problem.strerror}"
            raise Invalid(text) from problem
        return self.resend(kept, log)

    def resend(self, kept: Kept, log: LogKey) -> Settled:
        """Send a command that is kept. Raises `RefusedByService`, `Unsettled`, `NotProven`."""
        try:
            with self._settling(kept.header.command_id):
                settled = self.proven(self._session.gateway.submit(kept.envelope), log, kept.envelope)
        except RefusedByService as problem:
            if problem.code == Code.SEEN_IS_NOT_OURS and problem.receipt is not None:
                raise self.checkpoints.went_back(_checkpoint(problem.receipt, log), log.key) from problem
            raise
        if kept.header.seen is not None and settled.proven.entry.index < kept.header.seen.size:
            raise self.checkpoints.went_back(_checkpoint(settled.receipt, log), log.key)
        return settled

    def decided(self, actor: str, command_id: str, log: LogKey) -> Settled | None:
        """A command that was accepted before; None if it is not decided. Raises `RefusedByService`, `NotProven`."""
        from counterfoil.client.problems import NotThere

        try:
            receipt = self._session.gateway.receipt(log_of(log.key.name), actor, command_id)
        except NotThere:
            return None
        return self.proven(receipt, log)

    def proven(self, receipt: Mapping[str, Any], log: LogKey, envelope: bytes | None = None) -> Settled:
        """What a receipt proves, of the command `envelope` if one is given. Raises `NotProven`."""
        from counterfoil.client.verify import verify_answer

        proven = verify_answer(receipt, log.key, envelope)
        self.checkpoints.keep(_checkpoint(receipt, log), log.key)
        return Settled(receipt, proven, log.pinned)

    @contextmanager
    def _settling(self, command_id: str) -> Iterator[None]:
        try:
            yield
        except RefusedByService as problem:
            if problem.receipt is None and problem.code == Code.OVERLOADED:  # an earlier attempt may be in an inbox
                raise Unsettled(command_id, problem) from problem
            self.outbox.settle(command_id)
            raise
        except Unreachable as problem:
            raise Unsettled(command_id, problem) from problem
        except KeyboardInterrupt:
            self._session.out.note(f"not settled: `counterfoil resend {command_id}` sends the same command again")
            raise
        self.outbox.settle(command_id)


def _checkpoint(receipt: Mapping[str, Any], log: LogKey) -> Met:
    """The signed checkpoint in a receipt. Raises `NotProven`."""
    from counterfoil.client.checkpoints import met
    from counterfoil.log.errors import LogError
    from counterfoil.log.proofs import parse_receipt

    try:
        return met(parse_receipt(str(receipt["proof"]).encode()).checkpoint_note, log.key)
    except (KeyError, LogError) as problem:
        raise NotProven(f"not a receipt: {problem!r}") from problem


def log_key(session: GatewaySession, origin: str) -> LogKey:
    """The key of the log of this origin. Raises `Invalid` if the gateway's is another instance's."""
    log = LogKey(*session.log_key(log_of(origin)))
    if log.key.name != origin:
        text = f"the command is for {origin}, and {session.url} serves {log.key.name}: name its gateway with --url"
        raise Invalid(text)
    return log
