"""Errors between a client and a gateway.

CounterfoilError
├── RefusedByService   refused, with a stable code
│   └── NotThere       there is nothing under this key
│       └── BeyondEnd  a log has fewer entries
├── Unreachable        no usable answer, so the outcome is unknown
│   ├── NotReady       the gateway answers, but cannot do this at the moment
│   ├── Uncertain      of a request that is not repeated: it may have been done
│   └── Unsettled      of a command; it is kept
├── CannotKeep         a command that cannot be kept, and so is not sent
├── OtherCommand       the caller's name of a command was used before, for another one
├── OtherInstance      a command for another instance than the one that is served here
├── CannotMirror       the directory cannot hold this mirror
├── NotVerified        a message to a webhook that is not the gateway's, or too old
├── NotUnderstood      an entry that is proven, in words that this release does not know
└── NotProven          an answer whose proof does not verify
    ├── Misserved      a published file that is not the log's, or that no honest server sends so
    └── Forked         two checkpoints of one log that cannot both be of one history
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from counterfoil.errors import CounterfoilError


class RefusedByService(CounterfoilError):
    """Refused. `fields`: the values that caused it; `receipt`: the refusal's own entry and proof, if recorded."""

    def __init__(
        self, code: str, title: str, fields: Mapping[str, str], receipt: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(f"{code}: {title}")
        self.code, self.title, self.fields, self.receipt = code, title, dict(fields), receipt


class NotThere(RefusedByService):
    """There is nothing under this key (yet)."""


class BeyondEnd(NotThere):
    """A log has fewer entries than the one that was asked for; the `title` says how many."""

    def __init__(self, title: str) -> None:
        super().__init__("beyond_end", title, {})


class Unreachable(CounterfoilError):
    """No usable answer; the outcome is unknown, and the same request may be repeated.

    `advice`: what to do, where it is known better than by the kind of error.
    """

    advice = ""


class Answered(dict[str, Any]):
    """An object that a gateway answered. Raises `Unreachable` where a member is asked for that it lacks."""

    def __missing__(self, name: str) -> Any:
        raise Unreachable(f"the gateway's answer is malformed: an object in it has no member {name}")


@contextmanager
def as_answered() -> Iterator[None]:
    """What is computed inside from a gateway's rows fails by their form alone. Raises `Unreachable` where it does."""
    try:
        yield
    except (ValueError, KeyError, TypeError) as problem:
        raise Unreachable(f"the gateway's answer is malformed: {problem}") from problem


class NotReady(Unreachable):
    """The gateway answers every time that it cannot do this at the moment; `code` says why, the message in words."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Uncertain(Unreachable):
    """No usable answer to a request that does something each time: it may have been done, and is not repeated."""


class Unsettled(Unreachable):
    """The outcome of the command `command_id` is not known; it is kept, to be sent again as it is."""

    def __init__(self, command_id: str, problem: Exception) -> None:
        super().__init__(str(problem))
        self.command_id = command_id


class NotProven(CounterfoilError):
    """A receipt, checkpoint or entry does not verify: keep it, it is evidence."""


class NotVerified(CounterfoilError):
    """A message to a webhook that does not verify; `code` says why: answer it with 401, and do nothing with it."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class NotUnderstood(CounterfoilError):
    """An entry is proven to be in its log, and this release cannot read it: no fault of the log."""


class Misserved(NotProven):
    """A published file is not what the log's signed checkpoint says, or comes as no honest server would send it."""

    def __init__(self, log: str, path: str, text: str, advice: str) -> None:
        """`log`: its short name; `path`: the file's, below the log; `text`: what is wrong; `advice`: what to do."""
        super().__init__(f"{log}, {path}: {text}")
        self.log, self.path, self.advice = log, path, advice


class Forked(NotProven):
    """The log signed a checkpoint that does not extend one that it signed before; both are in the file `evidence`."""

    def __init__(self, log: str, text: str, evidence: Path) -> None:
        super().__init__(f"{log}: {text}")
        self.log, self.evidence = log, evidence


class CannotKeep(CounterfoilError):
    """A command cannot be kept until its outcome is known, so it is not sent; the message says why."""


class OtherCommand(CounterfoilError):
    """The caller's own name of a command was used before, for another command."""


class OtherInstance(CounterfoilError):
    """A command is for another instance than the one that this gateway serves; it is not sent."""


class CannotMirror(CounterfoilError):
    """The directory cannot hold this mirror; the message says why."""
