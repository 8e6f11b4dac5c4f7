"""A party's client of a gateway, for blocking programs: signs, delivers, waits for outcomes, proves what it reads."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from counterfoil.client.author import Author
from counterfoil.client.bearer import Bearer
from counterfoil.client.delivery import Settled
from counterfoil.client.exchanges import PAUSES
from counterfoil.client.http import Gateway
from counterfoil.client.orders import OrderOutcome, follow_order
from counterfoil.client.outbox import Kept
from counterfoil.client.party import Commands, Party, now
from counterfoil.client.published import Met
from counterfoil.client.sessions import open_session
from counterfoil.client.transport import Transport
from counterfoil.client.verify import Proven
from counterfoil.contract.log_id import MAIN, LogId, host_of
from counterfoil.log.keys import VerifyKey

if TYPE_CHECKING:
    from counterfoil.client.states import StateRecord

WAIT: Final = 10.0
"""Seconds for which an outcome is waited for."""


class Client(Gateway):
    """A party's client. Not for several threads at once."""

    def __init__(
        self,
        url: str,
        author: Author,
        directory: Path,
        *,
        pinned: Mapping[str, VerifyKey],
        clock: Callable[[], int] = now,
        sending: Callable[[Kept], None] = lambda _kept: None,
        pauses: Sequence[float] = PAUSES,
        sleep: Callable[[float], None] = time.sleep,
        transport: Transport | None = None,
        bearer: Bearer | None = None,
        ca: Path | None = None,
    ) -> None:
        """`url`: base URL of the gateway. `author` signs.

        `directory`: where commands are kept until their outcome is known, and the last checkpoint of each log; made at
        first use, for one instance and party. `pinned`: the logs' keys by origin, from `verify.parse_vkeys`; a log
        without one is believed by the key that the gateway shows, and without any the client reads as anybody.
        `clock`: UTC microseconds. `sending` is called with each command before it is sent: keep its id. `bearer`: gives
        the token to read by; by default a session is opened when something is first read. `pauses`: seconds before each
        repetition. `transport`: by default connections of its own. `ca`: as in `route_to`.
        """
        own = session_of(url, author, pinned, ca) if bearer is None else bearer
        super().__init__(url, pauses=pauses, sleep=sleep, transport=transport, bearer=own, ca=ca)
        self._party = Party(self.exchanges, author, directory, pinned, clock, sending)

    def send(self, commands: Commands, *, words: str | None = None, shard: str = MAIN) -> Settled:
        """Sign one command, or several of one service as a batch, send it, and prove that the log has accepted it.

        It takes effect once, however often it is sent. `words`: your own name of it, such as an order's number: by it
        the same command is done once, also from other machines and after `directory` was lost; what it was decided to
        is returned. `shard`: of the service that decides it.

        Raises `RefusedByService` (nothing was done; of a batch, read the outcomes of its entry); `Unsettled` (it is
        kept, and its outcome open: `resend`); `NotProven` (evidence of a fault); `CannotKeep` and `Unreachable` (it was
        not sent); with `words` `OtherCommand` and `OtherInstance`.
        """
        return self.run(self._party.send(commands, words, shard))

    def outcome(self, settled: Settled, *, wait: float = WAIT) -> OrderOutcome | None:
        """What became within `wait` seconds of the bid or offer that a command made: None if it made none.

        Raises `RefusedByService`, `Unreachable`.
        """
        return self.run(follow_order(self.exchanges, settled, wait))

    def unsettled(self) -> list[Kept]:
        """The commands whose outcome is not known, oldest first. Raises `Damaged`, OSError."""
        return list(self._party.delivery.outbox.all())

    def resend(self, kept: Kept) -> Settled:
        """Send the very same command again, which is always safe. Raises as `send`, `OtherInstance`."""
        return self.run(self._party.delivery.resend(kept))

    def checkpoint(self, log: LogId) -> Met:
        """The newest checkpoint of a log, proven from its tiles to go on from the last one met, and kept.

        Raises `NotProven`, after both were saved as evidence; `NotReady` if what is published is behind; `Unreachable`.
        """
        return self.run(self._party.newest(log))

    def entry(self, log: LogId, index: int) -> Proven:
        """An entry, proven to be in the log's tree under its newest checkpoint; for who may read entries.

        Raises `BeyondEnd`, `NotProven`, `RefusedByService`, `Unreachable`.
        """
        return self.run(self._party.entry(log, index))

    def record(self, log: LogId, key: str) -> StateRecord:
        """What a log's state has under `key` (`schemas/state.md`), proven; for who may read everything.

        Raises `NotThere` where no state is kept yet, `NotProven`, `RefusedByService`, `Unreachable`.
        """
        return self.run(self._party.record(log, key))


def session_of(url: str, author: Author, pinned: Mapping[str, VerifyKey], ca: Path | None = None) -> Bearer:
    """Opens a session of the author with the instance of the pinned keys, once something is read, and when it is over.

    Without pinned keys of one instance nothing is signed: a gateway could name a third instance, and read there.
    """
    hosts = {host_of(origin) for origin in pinned}

    def renew(_refused: str | None) -> str | None:
        if len(hosts) != 1:
            return None
        with Gateway(url, ca=ca) as gateway:
            return open_session(gateway, author, next(iter(hosts))).token

    return Bearer(renew=renew)
