"""What a log publishes, proven, as steps: its newest checkpoint, and what follows from it and its tiles.

A log grows while it is read: a partial tile goes when the full one and a newer checkpoint are published. Then the
question is put to the newer checkpoint.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final, NamedTuple, TypeVar

from counterfoil.client.exchanges import Exchanges
from counterfoil.client.problems import BeyondEnd, NotProven, NotThere
from counterfoil.client.steps import Pause, Steps
from counterfoil.client.verify import Proven, read_entry
from counterfoil.contract.canonical import Refused
from counterfoil.contract.log_id import LogId, log_of
from counterfoil.log.checkpoint import Checkpoint
from counterfoil.log.errors import LogError
from counterfoil.log.keys import VerifyKey
from counterfoil.log.tiles import ENTRIES, TILE_WIDTH, TileRef
from counterfoil.log.verify import TileTree, open_checkpoint

T = TypeVar("T")

ATTEMPTS: Final = 20
PAUSE: Final = 0.1
"""Seconds between two attempts: what is decided is published within two seconds."""


class Met(NamedTuple):
    """A checkpoint and the signed note that it was read from."""

    note: bytes
    head: Checkpoint


Read = Callable[[TileRef], bytes]
"""Gives the bytes of a tile or bundle as they are published, not proven."""


class _Needed(Exception):
    """A file that is not read yet."""

    def __init__(self, ref: TileRef) -> None:
        super().__init__(ref.path())
        self.ref = ref


def met(note: bytes, key: VerifyKey) -> Met:
    """A signed checkpoint. Raises `NotProven`."""
    try:
        return Met(note, open_checkpoint(note, [key]))
    except LogError as problem:
        raise NotProven(f"the checkpoint of {key.name} does not verify: {problem}") from problem


def tree_of(head: Checkpoint, read: Read) -> TileTree:
    """The tree under a checkpoint. Raises `LogError`."""
    return TileTree(head, lambda level, index, width: read(TileRef(level, index, width)))


def on_newest(exchanges: Exchanges, key: VerifyKey, ask: Callable[[Met, Read], T]) -> Steps[T]:
    """What `ask` answers from the newest checkpoint and its files; from a newer one if it raises `NotThere`.

    A log that publishes nothing yet, as a moment after it was restored, is waited for as well.

    `ask` is called again with each file that it has read, so it does little beside. Raises `NotProven`, `NotThere`,
    `Unreachable`, `RefusedByService`, and what `ask` raises.
    """
    log = log_of(key.name)
    for left in range(ATTEMPTS, 0, -1):
        try:
            published = met((yield from exchanges.log_file(log, "checkpoint")), key)
            return (yield from _with_files(exchanges, log, partial(ask, published)))
        except NotThere:
            if left == 1:
                raise
        except LogError as problem:
            raise NotProven(f"what {key.name} publishes is not of its checkpoint: {problem}") from problem
        yield Pause(PAUSE)
    raise AssertionError


def entry_at(exchanges: Exchanges, key: VerifyKey, index: int) -> Steps[tuple[bytes, Proven]]:
    """An entry and its bytes as published. Raises as `on_newest`: `BeyondEnd` if the log does not get that far."""

    def ask(published: Met, read: Read) -> tuple[bytes, Checkpoint]:
        head = published.head
        if index >= head.size:
            raise BeyondEnd(f"{head.origin} has {head.size} entries; the last is {head.size - 1}")
        number, place = divmod(index, TILE_WIDTH)
        bundle = read(TileRef(ENTRIES, number, min(TILE_WIDTH, head.size - number * TILE_WIDTH)))
        return tree_of(head, read).entries(number, bundle)[place], head

    try:
        data, head = yield from on_newest(exchanges, key, ask)
        return data, Proven(read_entry(head.origin, data), head)
    except Refused as problem:
        raise NotProven(f"entry {index} of {key.name}: {problem}") from problem


def _with_files(exchanges: Exchanges, log: LogId, ask: Callable[[Read], T]) -> Steps[T]:
    """What `ask` answers, which is called again with every file that it turned out to need."""
    files: dict[TileRef, bytes] = {}

    def read(ref: TileRef) -> bytes:
        if ref not in files:
            raise _Needed(ref)
        return files[ref]

    while True:
        try:
            return ask(read)
        except _Needed as needed:
            ref = needed.ref
        files[ref] = yield from exchanges.log_file(log, ref.path())
