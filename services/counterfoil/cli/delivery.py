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
from counterfoil.contract.refusals import MEANINGS, Code, Stage
from counterfoil.log.keys import VerifyKey

if TYPE_CHECKING:
    from counterfoil.client.checkpoints import Met
    from counterfoil.client.outbox import Kept
    from counterfoil.client.verify import Proven
    from counterfoil.contract.entry import Entry

OUTBOX: Final = "outbox"
CHECKPOINTS: Final = "checkpoints"


_OPEN: Final = {code for code, each in MEANINGS.items() if each.stage is Stage.DECISION} - {Code.KEY_REVOKED} | {
    Code.OVERLOADED
}
"""Refusals that settle nothing without a receipt: of an overload, since an earlier attempt may be in an inbox; and
those that are entries of the log, but for the one that a gateway gives itself."""


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
            with self._settling(kept, log):
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
        from counterfoil.client.verify import verify_answer

        try:
            receipt = self._session.gateway.receipt(log_of(log.key.name), actor, command_id)
        except NotThere:
            return None
        except RefusedByService as problem:
            if problem.receipt is not None:
                entry = verify_answer(problem.receipt, log.key).entry
                _check_id(entry, actor, command_id)
                _check_outcome(entry, problem.code)
            raise
        settled = self.proven(receipt, log)
        _check_id(settled.proven.entry, actor, command_id)
        return settled

    def proven(self, receipt: Mapping[str, Any], log: LogKey, envelope: bytes | None = None) -> Settled:
        """What a receipt of a batch or an accepted command proves, of `envelope` if given. Raises `NotProven`."""
        from counterfoil.client.verify import verify_answer

        proven = verify_answer(receipt, log.key, envelope)
        entry = proven.entry
        if not entry.batch:
            _check_outcome(entry, None)
        self.checkpoints.keep(_checkpoint(receipt, log), log.key)
        return Settled(receipt, proven, log.pinned)

    @contextmanager
    def _settling(self, kept: Kept, log: LogKey) -> Iterator[None]:
        from counterfoil.client.verify import verify_answer

        command_id = kept.header.command_id
        try:
            yield
        except RefusedByService as problem:
            if problem.receipt is not None:
                _check_outcome(verify_answer(problem.receipt, log.key, kept.envelope).entry, problem.code)
            elif problem.code in _OPEN:
                raise Unsettled(command_id, problem) from problem
            self.outbox.settle(command_id)
            raise
        except Unreachable as problem:
            raise Unsettled(command_id, problem) from problem
        except KeyboardInterrupt:
            self._session.out.note(f"not settled: `counterfoil resend {command_id}` sends the same command again")
            raise
        self.outbox.settle(command_id)


def _check_outcome(entry: Entry, code: str | None) -> None:
    """Raises `NotProven` unless the entry refuses its command with this code; without one, unless it accepts it."""
    refusal = entry.outcomes[0].refusal if entry.outcomes else None
    found = None if refusal is None else refusal.code
    if found != code:
        where = f"entry {entry.index} of {entry.origin}"
        raise NotProven(f"the gateway says {code or 'accepted'}, and {where} says {found or 'accepted'}")


def _check_id(entry: Entry, actor: str, command_id: str) -> None:
    """Raises `NotProven` unless the entry is that of the command that was asked for."""
    if entry.id != f"{actor}/{command_id}":
        raise NotProven(f"the gateway answered with the entry of {entry.id}")


def _checkpoint(receipt: Mapping[str, Any], log: LogKey) -> Met:
    """The signed checkpoint in a receipt. Raises `NotProven`."""
    from counterfoil.client.checkpoints import met
    from counterfoil.log.errors import LogError
    from counterfoil.log.proofs import parse_receipt

    try:
        return met(parse_receipt(str(receipt["proof"]).encode()).checkpoint_note, log.key)
    except (KeyError, TypeError, LogError) as problem:
        raise NotProven(f"not a receipt: {problem!r}") from problem


def log_key(session: GatewaySession, origin: str) -> LogKey:
    """The key of the log of this origin. Raises `Invalid` if the gateway's is another instance's."""
    log = LogKey(*session.log_key(log_of(origin)))
    if log.key.name != origin:
        text = f"the command is for {origin}, and {session.url} serves {log.key.name}: name its gateway with --url"
        raise Invalid(text)
    return log
