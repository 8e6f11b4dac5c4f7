"""What one party does through a gateway, as steps: signs commands, delivers them, and follows what becomes of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from counterfoil.client.author import Author
from counterfoil.client.delivery import Delivery, Settled
from counterfoil.client.exchanges import Exchanges
from counterfoil.client.ids import command_id_of, new_command_id
from counterfoil.client.outbox import Kept
from counterfoil.client.problems import RefusedByService
from counterfoil.client.published import Met, entry_at
from counterfoil.client.steps import Steps
from counterfoil.client.verify import Proven
from counterfoil.contract.canonical import Refused
from counterfoil.contract.forms import dump
from counterfoil.contract.log_id import MAIN, LogId
from counterfoil.contract.record import Command
from counterfoil.contract.refusal_meanings import MEANINGS
from counterfoil.contract.submission import Seen
from counterfoil.log.keys import VerifyKey
from counterfoil.words import codec_of, service_of

if TYPE_CHECKING:
    from counterfoil.client.states import StateRecord

Commands = Command | Sequence[Command]
"""One command; or several of one service, which are sent together and decided one after the other."""


def now() -> int:
    """This machine's time: UTC microseconds."""
    return time.time_ns() // 1_000


class Party:
    """`author` signs; `directory` and `pinned` as for `Delivery`; `clock` gives the time of signing."""

    def __init__(
        self,
        exchanges: Exchanges,
        author: Author,
        directory: Path,
        pinned: Mapping[str, VerifyKey],
        clock: Callable[[], int] = now,
        sending: Callable[[Kept], None] = lambda _kept: None,
    ) -> None:
        self._exchanges, self._author, self._clock = exchanges, author, clock
        self.delivery = Delivery(exchanges, directory, pinned, sending)

    def send(self, commands: Commands, words: str | None = None, shard: str = MAIN) -> Steps[Settled]:
        """Sign and send, and prove the outcome. `words`: the caller's own name of it, by which it is done once.

        Raises `RefusedByService`, `Unsettled`, `NotProven`, `CannotKeep`, `Unreachable`; with `words` `OtherCommand`,
        `OtherInstance`.
        """
        bodies = (commands,) if isinstance(commands, Command) else tuple(commands)
        for each in bodies:
            check(each)
        log = yield from self.delivery.log_key(LogId(service_of(bodies[0]), shard))
        party = self._author.party_id
        id_ = new_command_id() if words is None else command_id_of(party, words)

        def sign(seen: Seen | None) -> bytes:
            return self._author.sign(commands, log.key.name, id_, self._clock(), seen=seen)

        if words is None:
            return (yield from self.delivery.send(sign, log))
        return (yield from self.delivery.send_once(bodies, party, id_, sign, log))

    def newest(self, log: LogId) -> Steps[Met]:
        """The newest checkpoint of a log, proven and kept. Raises as `Checkpoints.newest`."""
        key, _ = yield from self.delivery.log_key(log)
        return (yield from self.delivery.checkpoints.newest(self._exchanges, key))

    def entry(self, log: LogId, index: int) -> Steps[Proven]:
        """An entry of a log as published. Raises as `published.entry_at`."""
        key, _ = yield from self.delivery.log_key(log)
        return (yield from entry_at(self._exchanges, key, index))[1]

    def record(self, log: LogId, key: str) -> Steps[StateRecord]:
        """A record of a log's state, proven. Raises as `Exchanges.state`, `NotProven`."""
        from counterfoil.client.states import verify_record  # what signs needs no state

        log_key, _ = yield from self.delivery.log_key(log)
        return verify_record((yield from self._exchanges.state(log, key)), log_key, key)


def check(command: Command) -> None:
    """Raises `RefusedByService`, as a gateway would, for a command whose members are not in their form or range."""
    try:
        codec_of(service_of(command)).load_body(command.TYPE, command.V, dump(command))
    except Refused as problem:
        code = problem.refusal.code
        raise RefusedByService(code.value, MEANINGS[code].text, dict(problem.refusal.detail)) from problem
