"""A service that freezes at one instruction: ``python -m tests.faults.freezing STEP NTH serve SERVICE``.

The service itself is unchanged: when it is about to execute the instruction for the NTH time, the process stops
(SIGSTOP), as a paused virtual machine does, with everything that it holds. SIGCONT wakes it. Its lease ends sooner than
usual, so that drills are quick.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Generator
from functools import wraps
from pathlib import Path
from typing import Any, Final

import psycopg

import counterfoil.bootstrap.lease_keeper
from counterfoil.bootstrap.writer import Writer
from counterfoil.cli.main import app
from counterfoil.storage.dialect.postgresql import Postgresql
from counterfoil.storage.lease import Lease
from counterfoil.storage.log_store import SqlLogStore
from counterfoil.transport.kafka import KafkaTransport

LEASE_SECONDS: Final = 2
_HEARTBEAT_SECONDS: Final = 0.5


def _renames(name: str) -> Callable[..., bool]:
    """Whether a call of `Path.replace` publishes a file of this name, or below a folder of this name."""
    return lambda _new, target: name in Path(target).parts


def _always(*_args: Any, **_named: Any) -> bool:
    return True


_CALLS: Final[dict[str, tuple[type, str, Callable[..., bool]]]] = {
    "lease-won": (Writer, "_activate", _always),
    "tile-written": (Path, "replace", _renames("tile")),
    "checkpoint-written": (Path, "replace", _renames("checkpoint")),
    "memory-written": (Path, "replace", _renames("signer")),
    "lease-checked": (SqlLogStore, "append", _always),
    "committed": (KafkaTransport, "publish", _always),
    "rows-changed": (Postgresql, "change", _always),
}
"""The call before which it freezes. The last but one is the announcement of what is committed."""
LOG_STEPS: Final = (*(step for step in _CALLS if step != "rows-changed"), "commit-sent")


class _Counter:
    """Stops the process the nth time."""

    def __init__(self, nth: int) -> None:
        self._left = nth

    def count(self) -> None:
        self._left -= 1
        if not self._left:
            signal.pthread_kill(threading.get_ident(), signal.SIGSTOP)  # to this thread: it goes no further


def freeze(step: str, nth: int) -> None:
    """Make the process freeze the nth time it comes to the step."""
    counter = _Counter(nth)
    if step == "commit-sent":
        _freeze_after_sending(counter)
        return
    owner, name, counts = _CALLS[step]
    original: Callable[..., Any] = getattr(owner, name)

    @wraps(original)
    def armed(*args: Any, **named: Any) -> Any:
        if counts(*args, **named):
            counter.count()
        return original(*args, **named)

    setattr(owner, name, armed)


def _freeze_after_sending(counter: _Counter) -> None:
    """Freeze when the statement of a commit is on its way, and its answer is not read."""
    execute, wait, committing = psycopg.Cursor.execute, psycopg.Connection.wait, [False]

    def sent(talk: Any) -> Generator[Any, Any, Any]:
        needs = next(talk)
        counter.count()
        while True:
            try:
                needs = talk.send((yield needs))
            except StopIteration as end:
                return end.value

    def armed_execute(self: Any, query: Any, *args: Any, **named: Any) -> Any:
        committing[0] = "UPDATE head" in str(query)
        return execute(self, query, *args, **named)

    def armed_wait(self: Any, talk: Any, *args: Any, **named: Any) -> Any:
        if committing[0]:
            committing[0], talk = False, sent(talk)
        return wait(self, talk, *args, **named)

    psycopg.Cursor.execute = armed_execute  # type: ignore[method-assign]
    psycopg.Connection.wait = armed_wait  # type: ignore[assignment,method-assign]


if __name__ == "__main__":
    _, wanted, count, *rest = sys.argv
    sys.argv = ["counterfoil", *rest]
    Lease.__init__.__defaults__ = (LEASE_SECONDS,)
    vars(counterfoil.bootstrap.lease_keeper)["HEARTBEAT_SECONDS"] = _HEARTBEAT_SECONDS
    if wanted != "-":
        freeze(wanted, int(count))
    app()
