"""Drives a market behind a gateway, wherever its services run: over HTTP, and the time over a clock file."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, Self

from counterfoil.client.http import Gateway
from counterfoil.client.problems import NotThere, RefusedByService
from counterfoil.client.verify import verify_answer
from counterfoil.contract.canonical import Refused
from counterfoil.contract.log_id import LogId, log_of
from counterfoil.contract.refusals import Code, Refusal
from counterfoil.contract.times import parse_derived_time, parse_hour
from counterfoil.log.keys import VerifyKey
from counterfoil.ports import Row
from counterfoil.runtime.clock import ClockDriver
from counterfoil.testbed.follower import Command, LogFollower, Stalled
from counterfoil.testbed.system import VIEW_BY_NAME, Answer
from counterfoil.vocabulary import CODEC

PATIENCE: Final = 5.0
"""Seconds without any entry after which commands without an entry are sent again."""
ROUNDS: Final = 12
"""How many times in a row they are sent again before `Stalled` is raised."""
_RECEIPT_WITHIN: Final = 10.0  # seconds; a gateway's receipts may lag a little behind its stream of entries
_POLL_SECONDS: Final = 0.02
_VALUES: Final[dict[str, Callable[[str], object]]] = {"amount": int, "time": parse_derived_time, "hour": parse_hour}


class HttpSystem:
    """`System` over HTTP. Commands go out in order on one connection, without waiting for their decisions."""

    def __init__(self, url: str, clock: ClockDriver, keys: Mapping[LogId, VerifyKey]) -> None:
        """`clock`: the clock file that the services read. `keys`: the pinned key of every log."""
        self.clock, self._keys = clock, dict(keys)
        self.gateway = Gateway(url)
        self._follower = LogFollower(url, [key.name for key in keys.values()])
        self._sent: set[Command] = set()
        self._refused: dict[Command, Refusal] = {}
        self._latest: dict[LogId, bytes] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections. Idempotent."""
        self._follower.close()
        self.gateway.close()

    def origin(self, service: str) -> str:
        """As in `System`."""
        return self._keys[LogId(service)].name

    def opened(self) -> int:
        """Wait until every log has its first entry; returns the latest time. Raises `Stalled`, `Unreachable`."""
        latest = self._follower.wait_until_opened(PATIENCE * ROUNDS)
        if latest is None:
            raise Stalled(f"{self.gateway.url}: some logs have no entry yet: {self.sizes()}")
        return latest

    # commands -------------------------------------------------------------------------------------------------------

    def submit(self, envelope: bytes) -> Callable[[], Answer]:
        """As in `System`. A repeated command gets no new entry to wait for, so this waits for its answer."""
        command = _command(envelope)
        if command is None or command in self._sent:
            answer = self._answered(lambda: self.gateway.submit(envelope), envelope)
            return lambda: answer
        self._follower.expect(command, envelope)
        try:
            self.gateway.submit_async(envelope)
        except RefusedByService as problem:
            self._follower.forget(command)
            raise _refused(problem) from None
        self._sent.add(command)
        self._latest[command[0]] = envelope
        return lambda: self._receipt(command, envelope)

    def _receipt(self, command: Command, envelope: bytes) -> Answer:
        if command in self._refused:
            return self._refused.pop(command)
        log, id_ = command
        actor, _, command_id = id_.partition("/")
        ends = time.monotonic() + _RECEIPT_WITHIN
        while True:
            try:
                return self._answered(lambda: self.gateway.receipt(log, actor, command_id), envelope)
            except NotThere:
                if time.monotonic() > ends:
                    raise
                time.sleep(_POLL_SECONDS)

    def _answered(self, ask: Callable[[], dict[str, Any]], envelope: bytes) -> Answer:
        """The entry of this very command, accepted or refused, proven by its receipt. Raises `Refused`."""
        try:
            receipt: Mapping[str, Any] = ask()
        except NotThere:
            raise
        except RefusedByService as problem:
            if problem.receipt is None:
                raise _refused(problem) from None
            receipt = problem.receipt
        key = self._keys[log_of(CODEC.decode_envelope(envelope).header.aud)]
        return verify_answer(receipt, key, envelope).entry

    # working --------------------------------------------------------------------------------------------------------

    def settle(self) -> None:
        """As in `System`. Raises `Stalled`, `Unreachable`."""
        now = self.clock.now()
        self._wake_overdue(now)
        for _ in range(ROUNDS):
            if self._follower.wait_until_quiet(now, PATIENCE):
                return
            self._send_again()
        raise Stalled(f"{self.gateway.url}: no progress; still waiting for {self._follower.unfinished(now)}")

    def _wake_overdue(self, now: int) -> None:
        """Wake services with a due timer by repeating a command that they have decided; a repeat adds no entry."""
        for log in self._follower.overdue(now):
            if log in self._latest:
                self.gateway.submit_async(self._latest[log])

    def _send_again(self) -> None:
        """Repeat the commands without an entry, and wait for each answer: it may be a refusal."""
        for command, envelope in self._follower.awaited():
            try:
                self._answered(lambda envelope=envelope: self.gateway.submit(envelope), envelope)  # type: ignore[misc]
            except Refused as problem:
                self._refused[command] = problem.refusal
                self._follower.forget(command)

    def next_due(self) -> int | None:
        """As in `System`."""
        return self._follower.next_due()

    def sizes(self) -> dict[LogId, int]:
        """Entries followed so far, by log."""
        return self._follower.sizes()

    # views ----------------------------------------------------------------------------------------------------------

    def rows(self, view: str, **filters: str) -> Iterator[Row]:
        """As in `System`."""
        for row in self.gateway.rows(view, filters, wait_for=self._seen()):
            yield row_of(view, row)

    def row(self, view: str, *key: str) -> Row:
        """As in `System`."""
        try:
            return row_of(view, self.gateway.get(view, *key, wait_for=self._seen()))
        except NotThere:
            raise KeyError(key) from None

    def _seen(self) -> list[str]:
        return [f"{log}:{size - 1}" for log, size in self._follower.sizes().items() if size]


def _command(envelope: bytes) -> Command | None:
    """The log and id of the entry that this command will get; None for bytes that are no envelope."""
    try:
        header = CODEC.decode_envelope(envelope).header
    except Refused:
        return None
    return log_of(header.aud), f"{header.actor}/{header.command_id}"


def _refused(problem: RefusedByService) -> Exception:
    """The refusal as the embedded form raises it; a problem of the gateway's own is returned unchanged."""
    if problem.code not in set(Code):
        return problem
    return Refused(Code(problem.code), **problem.fields)


def row_of(view: str, row: Mapping[str, Any]) -> Row:
    """A row as the view store holds it, from the gateway's JSON form."""
    kinds = VIEW_BY_NAME[view].columns
    return {name: _value(kinds[name].removesuffix("?"), value) for name, value in row.items()}


def _value(kind: str, value: Any) -> object:
    parse = _VALUES.get(kind)
    return value if parse is None or value is None else parse(value)
