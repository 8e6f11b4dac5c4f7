"""What a client does, as steps that somebody else carries out: one protocol for blocking and for asyncio programs.

A function of the protocol is a generator: it yields steps, is sent what came of each, and returns its result. It opens
no connection and never sleeps, and what reads or writes files is `Work`. `counterfoil.client.driver` carries the steps
out.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple, TypeAlias, TypeVar

T = TypeVar("T")

ANSWER_BYTES_MAX: Final = 8 * 1024 * 1024
"""The longest answer that is read, but for files, of which the longest is known."""
ANSWER_SECONDS_MAX: Final = 60.0
"""How long an answer may take from its request to its last byte."""
_IDENTITY: Final = "identity"


class Request(NamedTuple):
    """What is asked over HTTP. `path`: escaped, below the gateway's URL. `silence`: seconds without a byte."""

    method: str
    path: str
    params: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = MappingProxyType({})
    content: bytes | None = None
    bytes_max: int = ANSWER_BYTES_MAX
    silence: float = 40.0  # a gateway answers a command within 30 s


class Answer(NamedTuple):
    """The status, headers (names in lower case) and content of an answer."""

    status: int
    headers: Mapping[str, str]
    content: bytes = b""


class NoAnswer(NamedTuple):
    """No usable answer came, and why. What was asked may have been done, or not."""

    why: str


class Open(NamedTuple):
    """Send a request, after closing the answer before. Sent in: the head of the `Answer`, or `NoAnswer`."""

    request: Request


class Read:
    """Sent in: the next bytes of the answer that is open, ``b""`` at its end, or `NoAnswer`."""

    __slots__ = ()


class Pause(NamedTuple):
    """Wait for so many seconds. Sent in: None."""

    seconds: float


class Clock:
    """Sent in: the seconds of a clock that only goes forward."""

    __slots__ = ()


class Work(NamedTuple):
    """Call a function that may block. Sent in: its result; what it raises is thrown in."""

    function: Callable[[], Any]


class Item(NamedTuple):
    """One result of several, for the caller. Sent in: None."""

    value: Any


Step: TypeAlias = Open | Read | Pause | Clock | Work | Item
Steps: TypeAlias = Generator[Step, Any, T]
"""A protocol that returns a T."""


def work(function: Callable[[], T]) -> Steps[T]:
    """Call a function that may block."""
    result: T = yield Work(function)
    return result


def collected(steps: Steps[None]) -> Steps[list[Any]]:
    """All items of a protocol, as its result."""
    found, done = list[Any](), None
    while True:
        try:
            step = steps.send(done)
        except StopIteration:
            return found
        if isinstance(step, Item):
            found.append(step.value)
            done = None
        else:
            done = yield step


def exchange(request: Request) -> Steps[Answer | NoAnswer]:
    """One request and all of its answer."""
    answer = yield Open(request)
    return answer if isinstance(answer, NoAnswer) else (yield from rest(request, answer))


def rest(request: Request, answer: Answer) -> Steps[Answer | NoAnswer]:
    """The answer that was opened, with its content: `bytes_max` at most, not compressed, in `ANSWER_SECONDS_MAX`."""
    if (packed := compressed(answer)) is not None:
        return packed
    begun, content = (yield Clock()), bytearray()
    while piece := (yield Read()):
        if isinstance(piece, NoAnswer):
            return piece
        content += piece
        if len(content) > request.bytes_max:
            return NoAnswer(f"its answer has more than {request.bytes_max} bytes, the most possible")
        if (yield Clock()) - begun > ANSWER_SECONDS_MAX:
            return NoAnswer(f"its answer takes longer than {ANSWER_SECONDS_MAX:.0f} s")
    return answer._replace(content=bytes(content))


def compressed(answer: Answer) -> NoAnswer | None:
    """What to say of an answer that is compressed, since what it unpacks to has no bound; None if it is not."""
    encoding = answer.headers.get("content-encoding", _IDENTITY)
    return None if encoding == _IDENTITY else NoAnswer(f"it answered compressed ({encoding[:40]!r}), which is not read")
