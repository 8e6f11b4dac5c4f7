"""How a signed command is delivered, as steps: kept before it is sent, until its outcome is known and proven."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from counterfoil.client.checkpoints import Checkpoints
from counterfoil.client.exchanges import Exchanges
from counterfoil.client.outbox import Kept, Outbox
from counterfoil.client.problems import (
    CannotKeep,
    NotProven,
    NotThere,
    OtherCommand,
    OtherInstance,
    RefusedByService,
    Unreachable,
    Unsettled,
)
from counterfoil.client.published import Met, met
from counterfoil.client.steps import Steps, work
from counterfoil.client.verify import Proven, verify_answer
from counterfoil.contract.entry import Entry
from counterfoil.contract.log_id import LogId, log_of
from counterfoil.contract.record import Command
from counterfoil.contract.refusal_meanings import MEANINGS, Stage
from counterfoil.contract.refusals import Code
from counterfoil.contract.submission import Seen
from counterfoil.log.errors import LogError
from counterfoil.log.keys import VerifyKey
from counterfoil.log.proofs import parse_receipt

OUTBOX: Final = "outbox"
CHECKPOINTS: Final = "checkpoints"

_OPEN: Final = {code for code, each in MEANINGS.items() if each.stage is Stage.DECISION} - {Code.KEY_REVOKED} | {
    Code.OVERLOADED
}
"""Refusals that settle nothing without a receipt: of an overload, since an earlier attempt may be in an inbox; and
those that are entries of the log, but for the one that a gateway gives itself."""

Sign = Callable[[Seen | None], bytes]
"""Makes the envelope of a command that says which checkpoint of its log its author has seen."""


class LogKey(NamedTuple):
    """The key of a log, and whether it is pinned."""

    key: VerifyKey
    pinned: bool


def log_key(exchanges: Exchanges, pinned: Mapping[str, VerifyKey], log: LogId) -> Steps[LogKey]:
    """The key of a log: pinned (`pinned`: by origin), or shown by the gateway. Raises `NotProven`, `Unreachable`."""
    for origin, key in pinned.items():
        if log_of(origin) == log:
            return LogKey(key, True)
    shown = yield from exchanges.log_file(log, "vkey")
    try:
        return LogKey(VerifyKey.parse(shown.decode("ascii").strip()), False)
    except (LogError, UnicodeDecodeError) as problem:
        raise NotProven(f"the gateway shows no key of {log.name}: {problem}") from problem


class Settled(NamedTuple):
    """An accepted command: the gateway's receipt, what it proves, and whether its log's key is pinned."""

    receipt: Mapping[str, Any]
    proven: Proven
    pinned: bool

    @property
    def position(self) -> str:
        """``service[/shard]:index`` of the entry: what a query may wait for."""
        return f"{log_of(self.proven.entry.origin).name}:{self.proven.entry.index}"


class Delivery:
    """Sends commands through a gateway; what is unsettled and the last checkpoints are kept in `directory`.

    `pinned`: keys of logs, by origin; a log without one has the key that the gateway shows. `sending` is called with
    each command that is kept, before it is sent.
    """

    def __init__(
        self,
        exchanges: Exchanges,
        directory: Path,
        pinned: Mapping[str, VerifyKey],
        sending: Callable[[Kept], None] = lambda _kept: None,
    ) -> None:
        self._exchanges, self._pinned, self._sending = exchanges, pinned, sending
        self.outbox, self.checkpoints = Outbox(directory / OUTBOX), Checkpoints(directory / CHECKPOINTS)

    def send(self, sign: Sign, log: LogKey) -> Steps[Settled]:
        """Sign a command on the last checkpoint met, keep it and send it.

        Raises as `resend`; `CannotKeep`, and then it is not sent.
        """
        last = yield from self.checkpoints.follow(self._exchanges, log.key)
        envelope = sign(None if last is None else Seen(size=last.head.size, root=last.head.root))
        try:
            kept = yield from work(lambda: self.outbox.keep(envelope))
        except OSError as problem:
            text = f"cannot keep the command in {self.outbox.directory}, so it is not sent: {problem.strerror}"
            raise CannotKeep(text) from problem
        return (yield from self._send(kept, log))

    def send_once(
        self, bodies: Sequence[Command], actor: str, command_id: str, sign: Sign, log: LogKey
    ) -> Steps[Settled]:
        """Send what has this id of the caller's own, or return the outcome that it has already.

        Raises as `send`; `OtherCommand` if another one has the id; `OtherInstance` if it waits for another log.
        """
        kept = yield from work(lambda: self.outbox.find(command_id))
        if kept is not None:
            _check_same(bodies, kept.bodies, command_id)
            if kept.header.aud != log.key.name:  # another log would refuse it, and its outcome there be forgotten
                raise OtherInstance(f"this command is not settled yet: {command_id}, for {kept.header.aud}")
            return (yield from self._send(kept, log))
        settled = yield from self.decided(actor, command_id, log)
        if settled is None:
            return (yield from self.send(sign, log))
        _check_same(bodies, settled.proven.commands(), command_id)
        return settled

    def resend(self, kept: Kept) -> Steps[Settled]:
        """Send a command that is kept. Raises `RefusedByService`, `Unsettled`, `NotProven`, `OtherInstance`."""
        aud = kept.header.aud
        log = yield from self.log_key(log_of(aud))
        if log.key.name != aud:
            raise OtherInstance(f"the command is for {aud}, and {self._exchanges.url} serves {log.key.name}")
        return (yield from self._send(kept, log))

    def log_key(self, log: LogId) -> Steps[LogKey]:
        """The key of a log, pinned or shown. Raises `NotProven`, `Unreachable`."""
        return log_key(self._exchanges, self._pinned, log)

    def _send(self, kept: Kept, log: LogKey) -> Steps[Settled]:
        self._sending(kept)
        try:
            settled = yield from self._settling(kept, log)
        except RefusedByService as problem:
            if problem.code == Code.SEEN_IS_NOT_OURS and problem.receipt is not None:
                found = _checkpoint(problem.receipt, log)
                raise (yield from work(lambda: self.checkpoints.went_back(found, log.key))) from problem
            raise
        if kept.header.seen is not None and settled.proven.entry.index < kept.header.seen.size:
            found = _checkpoint(settled.receipt, log)
            raise (yield from work(lambda: self.checkpoints.went_back(found, log.key)))
        return settled

    def decided(self, actor: str, command_id: str, log: LogKey) -> Steps[Settled | None]:
        """A command that was accepted before; None if it is not decided. Raises `RefusedByService`, `NotProven`."""
        try:
            receipt = yield from self._exchanges.receipt(log_of(log.key.name), actor, command_id)
        except NotThere:
            return None
        except RefusedByService as problem:
            if problem.receipt is not None:
                entry = verify_answer(problem.receipt, log.key).entry
                _check_id(entry, actor, command_id)
                _check_outcome(entry, problem.code)
            raise
        settled = yield from self._proven(receipt, log)
        _check_id(settled.proven.entry, actor, command_id)
        return settled

    def _proven(self, receipt: Mapping[str, Any], log: LogKey, envelope: bytes | None = None) -> Steps[Settled]:
        """What a receipt of a batch or an accepted command proves, of `envelope` if given. Raises `NotProven`."""
        proven = verify_answer(receipt, log.key, envelope)
        if not proven.entry.batch:
            _check_outcome(proven.entry, None)
        found = _checkpoint(receipt, log)
        yield from work(lambda: self.checkpoints.keep(found, log.key))
        return Settled(receipt, proven, log.pinned)

    def _settling(self, kept: Kept, log: LogKey) -> Steps[Settled]:
        command_id = kept.header.command_id
        try:
            receipt = yield from self._exchanges.submit(kept.envelope)
            settled = yield from self._proven(receipt, log, kept.envelope)
        except RefusedByService as problem:
            if problem.receipt is not None:
                _check_outcome(verify_answer(problem.receipt, log.key, kept.envelope).entry, problem.code)
            elif problem.code in _OPEN:
                raise Unsettled(command_id, problem) from problem
            yield from work(lambda: self.outbox.settle(command_id))
            raise
        except Unreachable as problem:
            raise Unsettled(command_id, problem) from problem
        yield from work(lambda: self.outbox.settle(command_id))
        return settled


def _check_same(bodies: Sequence[Command], before: Sequence[Command], command_id: str) -> None:
    if tuple(bodies) != tuple(before):
        raise OtherCommand(f"these words were used before, for another command: {command_id}")


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
    try:
        return met(parse_receipt(str(receipt["proof"]).encode()).checkpoint_note, log.key)
    except (KeyError, TypeError, LogError) as problem:
        raise NotProven(f"not a receipt: {problem!r}") from problem
