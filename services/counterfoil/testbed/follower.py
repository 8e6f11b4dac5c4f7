"""Follows the logs behind a gateway on its own thread, to know when the services are idle."""

from __future__ import annotations

from collections.abc import Iterable
from threading import Condition, Event, Thread
from typing import Final

from counterfoil.client.exchanges import PAUSES
from counterfoil.client.http import Gateway
from counterfoil.contract.canonical import Refused, canonical
from counterfoil.contract.ensure import InvariantViolation
from counterfoil.contract.entry import CommandCause, Entry
from counterfoil.contract.log_id import LogId, log_of
from counterfoil.errors import CounterfoilError
from counterfoil.testbed.replicas import Replicas
from counterfoil.vocabulary import CODEC

Command = tuple[LogId, str]
"""(log, id of the command's entry: ``ACTOR/COMMAND_ID``)"""
_SHOWN: Final = 5  # unfinished things in a message


class Stalled(CounterfoilError):
    """The services make no progress; the message names what they have not done."""


class NotALog(CounterfoilError):
    """The entries that a gateway streams are not a log of the services."""


class LogFollower:
    """Replicas at the end of the logs, and the commands whose entries have not come yet. Thread-safe."""

    def __init__(self, url: str, origins: Iterable[str]) -> None:
        """Follow each log from its first entry. `origins`: the name of every log."""
        self._gateway = Gateway(url)
        self._replicas = Replicas(origins)
        self._awaited: dict[Command, bytes] = {}
        self._changed = Condition()  # guards all of the above but the gateway, which only the thread uses
        self._failure: CounterfoilError | None = None
        self._stopping = Event()
        self._thread = Thread(target=self._run, name="log-follower", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop following; the thread ends with the stream's next entry or heartbeat."""
        self._stopping.set()

    # commands -------------------------------------------------------------------------------------------------------

    def expect(self, command: Command, envelope: bytes) -> None:
        """Count a command that is about to be sent: until it has its entry, the services are not quiet."""
        with self._changed:
            self._awaited[command] = envelope

    def forget(self, command: Command) -> None:
        """Stop waiting for a command that will have no entry."""
        with self._changed:
            self._awaited.pop(command, None)

    def awaited(self) -> list[tuple[Command, bytes]]:
        """Commands without an entry so far, with their envelopes, in the order sent."""
        with self._changed:
            return list(self._awaited.items())

    # the services ---------------------------------------------------------------------------------------------------

    def wait_until_quiet(self, now: int, patience: float) -> bool:
        """Wait until every command is decided, every reaction is recorded, and no timer is due at `now`.

        Returns False if no entry came for `patience` seconds. Raises `NotALog`, and `Unreachable` if the logs cannot be
        followed.
        """
        with self._changed:
            while not self._quiet(now):
                if self._failure is not None:
                    raise self._failure
                if not self._changed.wait(patience):
                    return self._quiet(now)
            return True

    def wait_until_opened(self, patience: float) -> int | None:
        """Wait until every log has its first entry. Returns the latest time; None after `patience` seconds."""
        with self._changed:
            opened = self._changed.wait_for(lambda: self._failure or all(self._replicas.sizes.values()), patience)
            if self._failure is not None:
                raise self._failure
            return self._replicas.time if opened else None

    def overdue(self, now: int) -> list[LogId]:
        """Logs with a timer that is due at `now`."""
        with self._changed:
            return self._replicas.overdue(now)

    def next_due(self) -> int | None:
        """When the next timer is due; None if there is none."""
        with self._changed:
            return self._replicas.next_due()

    def sizes(self) -> dict[LogId, int]:
        """Entries followed so far, by log."""
        with self._changed:
            return self._replicas.sizes

    def unfinished(self, now: int) -> str:
        """What keeps the services from being quiet, as text."""
        with self._changed:
            waiting = [f"{log.name} to decide {id_}" for log, id_ in self._awaited]
            for consumer, source, index, _ in self._replicas.open:
                waiting.append(f"{consumer.name} to react to entry {index} of {source.name}")
            waiting += [f"{log.name} to act on a timer that is due" for log in self._replicas.overdue(now)]
        return "; ".join([*waiting[:_SHOWN], *([f"{len(waiting) - _SHOWN} more"] if len(waiting) > _SHOWN else [])])

    def _quiet(self, now: int) -> bool:
        return not self._awaited and not self._replicas.open and not self._replicas.overdue(now)

    # on the thread --------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            with self._gateway:
                self._follow()
        except CounterfoilError as problem:
            self._fail(problem)
        except (Refused, InvariantViolation, LookupError, ValueError) as problem:
            self._fail(NotALog(f"{self._gateway.url} streams entries that are not a log: {problem}"))

    def _follow(self) -> None:
        """Fold entries as they come; resume a broken stream, until that has failed several times in a row."""
        pauses = iter(PAUSES)
        while not self._stopping.is_set():
            before = self.sizes()
            try:
                ends = [f"{log}:{size}" for log, size in before.items()]
                for _, value in self._gateway.tail([*map(str, before)], ends):
                    if self._stopping.is_set():
                        return
                    self._fold(CODEC.decode_entry(canonical(value)))
            except CounterfoilError:
                if self.sizes() != before:
                    pauses = iter(PAUSES)
                pause = next(pauses, None)
                if pause is None:
                    raise
                self._stopping.wait(pause)

    def _fold(self, entry: Entry) -> None:
        with self._changed:
            self._replicas.fold(entry)
            if isinstance(entry.cause, CommandCause):
                self._awaited.pop((log_of(entry.origin), entry.id), None)
            self._changed.notify_all()

    def _fail(self, failure: CounterfoilError) -> None:
        with self._changed:
            self._failure = failure
            self._changed.notify_all()
