"""The ports of the shell: what it needs from the outside, each with the guarantees it relies on.

The conformance suites in ``tests/conformance`` hold every adapter to these docstrings.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

import msgspec

from counterfoil.errors import Fault
from counterfoil.readership import NOBODY, Copy, Part, Readers, Scope

if TYPE_CHECKING:
    from concurrent.futures import Future

    from counterfoil.contract.log_id import LogId
    from counterfoil.contract.refusals import Refusal

Synchronous = Literal["FULL", "NORMAL", "OFF"]
"""SQLite's setting for when a commit returns: once it is on the disk (FULL), or earlier."""

# the log store ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Head:
    """The committed end of a log: `size` entries, their RFC 6962 `root`, and the signed checkpoint `note` over them."""

    size: int
    root: bytes
    note: bytes


class NewEntry(msgspec.Struct, frozen=True, gc=False):
    """One entry to append. `content` is the SHA-256 of a command's payload and None for every other cause."""

    id: str
    data: bytes
    leaf: bytes
    content: bytes | None


@dataclass(frozen=True, slots=True)
class Presence:
    """The writer's sign of life and what it waits for. No part of the log; times are microseconds of its own clock.

    `alive`: when it last decided, or could have. `code`, `text`: why it stands still, empty if it does not. `asked`:
    the clock's time that a person must accept before it goes on; `accepted`: the one that a person has accepted last.
    """

    alive: int
    code: str = ""
    text: str = ""
    asked: int | None = None
    accepted: int | None = None


class Unavailable(Exception):
    """The infrastructure behind a port failed, perhaps temporarily: recover and retry.

    A permanent failure (a missing file, no permission) is `counterfoil.errors.Unusable`: the service stops.
    """

    def __init__(self, text: str = "", fault: Fault = "unavailable") -> None:
        super().__init__(text)
        self.fault: Fault = fault


class TookTooLong(Unavailable):
    """A read was ended: it would have taken longer than its reader permits."""


class StoreConflict(Exception):
    """Another writer moved the head: reload before writing again."""


class LogStore(Protocol):
    """The durable log of one service and shard.

    One writer. `append` is one transaction: all of it is durable when it returns, none of it if it raises, except that
    after a lost connection the caller cannot know and must reload. Entries are never changed or removed. Reads may
    come from other threads at any time and see committed data only.
    """

    def head(self) -> Head | None:
        """The committed end; None for a log without entries."""

    def append(self, expected_size: int, entries: Sequence[NewEntry], cursors: Mapping[str, int], head: Head) -> None:
        """Append entries at indexes expected_size..., move the source cursors and replace the head, atomically.

        Raises `StoreConflict` if the stored size is not `expected_size`, or an id or index exists already.
        `head.size` must be `expected_size + len(entries)`.
        """

    def cursors(self) -> dict[str, int]:
        """Per source (a log's origin, or one of the transport's own), the next position to consume."""

    def entries(self, start: int, stop: int) -> list[bytes]:
        """The bytes of entries start..stop-1, fewer where the log ends."""

    def leaves(self, start: int, stop: int) -> list[bytes]:
        """Their leaf hashes."""

    def find(self, ids: Sequence[str]) -> dict[str, tuple[int, bytes | None]]:
        """For the ids that exist: (index, content)."""

    def presence(self) -> Presence | None:
        """What the writer last said of itself; None before it has."""

    def put_presence(self, presence: Presence) -> None:
        """Replace it; for the writer."""

    def accept_clock(self, asked: int) -> bool:
        """Note that a person accepts the clock's time `asked`; False, and no change, if another or none is asked for.

        Any process may call it, beside the writer, again and again.
        """

    def close(self) -> None:
        """Release the connection; idempotent."""


class SnapshotReader(Protocol):
    """Reads the records of one log's state, as they were behind one of its entries: a cache beside the log.

    Nobody believes it before the state root of its records is that of the log's own `state.rooted` entry there. No use
    of it delays an append to the log.
    """

    def size(self) -> int:
        """How many entries the stored state follows; 0 for none, and then there are no records."""

    def records(self, size: int) -> Iterator[tuple[str, bytes]]:
        """Every record: key and canonical bytes, in any order.

        Raises `StoreConflict`, with the first one, unless the stored state follows `size` entries.
        """

    def find(self, size: int, key: str) -> bytes | None:
        """The canonical bytes of the record under `key`, None if there is none. Raises `StoreConflict` as `records`."""


class SnapshotStore(SnapshotReader, Protocol):
    """The same for the log's writer. Used from several threads in turn."""

    def advance(self, since: int, size: int, changes: Iterable[tuple[str, bytes | None]]) -> None:
        """Make the stored state the one that follows `size` entries, all of it or nothing.

        `changes`: every record that was written since the state which followed `since` entries, once, as it is now;
        None for one that is gone. Raises `StoreConflict` unless the stored state follows at least `since` entries and
        at most `size`. (One between them is of another writer of the same log: these changes hold there too.)
        """

    def reset(self) -> None:
        """Remove what is stored, whatever it is."""

    def close(self) -> None:
        """Release the connection; idempotent."""


# views --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class View:
    """A read model: a table of rows. `columns` maps names to kinds; `filters` are the columns a query may name.

    Kinds: ``text``, ``int`` (63 bits), ``amount`` (63 bits, a decimal string in JSON), ``time`` (microseconds),
    ``hour``, ``bool``, ``json``. A kind ending in ``?`` may be null. `key` names the key columns; together unique.
    `time`: the column by which pages are ordered, and from which on they may be asked for; the key where there is none.
    `values`: by column, all values that it may have, where these are known.
    `readers`: who may read a row, beside those who may read everything. `part_of`: whose rows it shows, if not its own.
    """

    name: str
    key: tuple[str, ...]
    columns: Mapping[str, str]
    filters: tuple[str, ...] = ()
    time: str | None = None
    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    readers: Readers = NOBODY
    part_of: Part | None = None

    @property
    def order(self) -> tuple[str, ...]:
        """The columns that pages are ordered by; together unique."""
        return self.key if self.time is None else (self.time, *(name for name in self.key if name != self.time))

    def place_of(self, row: Mapping[str, object]) -> tuple[object, ...]:
        """Where a row stands in the order."""
        return tuple(row[name] for name in self.order)


Row = dict[str, object]
RowKey = tuple[object, ...]


class Put(msgspec.Struct, frozen=True, gc=False):
    """Insert the row, or replace the one with its key."""

    view: str
    row: Mapping[str, object]


class Set(msgspec.Struct, frozen=True, gc=False):
    """Set columns of the row with this key; nothing happens if there is none."""

    view: str
    key: RowKey
    values: Mapping[str, object]


class Add(msgspec.Struct, frozen=True, gc=False):
    """Add to integer columns of the row with this key; nothing happens if there is none."""

    view: str
    key: RowKey
    amounts: Mapping[str, int]


Change = Put | Set | Add | Copy


class UnknownFilter(Exception):
    """A query names a column that cannot be filtered on: an error, never an empty answer."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the views are in one log: `position`, the index of the next entry to project, and `target`.

    The target is the size that the log had when the projector last began. Until the position reaches it, the views are
    catching up and show a past that may be long ago: nothing at all, if they are built anew.
    """

    position: int
    target: int


class ViewReader(Protocol):
    """Reads the views. `scope`: who reads; other rows than its own do not exist. None reads everything."""

    def get(self, view: str, key: RowKey, scope: Scope | None = None) -> Row | None:
        """The row with this key."""

    def page(
        self,
        view: str,
        filters: Mapping[str, object],
        after: RowKey | None,
        limit: int,
        scope: Scope | None = None,
        *,
        newest: bool = False,
        since: int | None = None,
    ) -> list[Row]:
        """Rows in the view's order behind the place `after`; with `newest` in the opposite one. Raises `UnknownFilter`.

        `since`: microseconds; only rows of a view with a `time` that is no earlier. A row whose time changes between
        two pages moves: a walk may then meet it twice, or not at all.
        """

    def progress(self) -> dict[str, Progress]:
        """Per origin, how far the views are; without the logs whose projection has not begun."""


class ViewStore(ViewReader, Protocol):
    """Read models in a database of their own; may be dropped and rebuilt from the logs at any time.

    `apply` is one transaction: changes and position together. Reads may come from other threads and see whole applies.
    """

    def consistent_read(self, within: float | None = None) -> AbstractContextManager[ViewReader]:
        """Reads that all see the same applies: rows, and the positions that they are at. For a short time only.

        `within`: seconds, after which a read raises `TookTooLong`.
        """

    def positions(self) -> dict[str, int]:
        """Per origin, the index of the next entry to project."""

    def begin(self, targets: Mapping[str, int]) -> None:
        """A projector begins: set the target of each of these logs, and its position to 0 if it has none.

        Raises `StoreConflict` as `apply` does.
        """

    def apply(self, changes: Iterable[Change], positions: Mapping[str, int]) -> None:
        """Make the changes in order and move the positions.

        Raises `StoreConflict` if another writer moved the positions, or recreated the views, since this store last read
        or moved them: read `positions` and resume from there.
        """

    def reset(self) -> None:
        """Drop every row and position."""

    def close(self) -> None:
        """Release the connections; idempotent."""


# transport ----------------------------------------------------------------------------------------------------------

COMMANDS_SOURCE: Final = "commands"


class Delivery(msgspec.Struct, frozen=True, gc=False):
    """One message: a command's envelope (source ``commands``) or a log's entry (source = origin, position = index)."""

    source: str
    position: int
    data: bytes
    resume: tuple[tuple[str, int], ...] = ()
    """The transport's own cursors, to be stored with what is consumed; the first is where to resume."""
    note: bytes = b""
    """The note of a signed checkpoint over `position` + 1 entries, if the transport has one."""
    trace: str = ""
    """W3C `traceparent` of what made the message, for telemetry alone."""
    accepted: int | None = None
    """When the transport accepted a command, by its own clock; None if it does not know."""


@dataclass(frozen=True, slots=True)
class Announcement:
    """Committed entries `first`... of a log, with what a reader needs to verify them.

    `note` is a signed checkpoint over `size` entries, `size` at least `first + len(entries)`. `frontier`: the hashes of
    the perfect subtrees of the first `first` leaves, largest first. `proof`: consistency from `first + len(entries)` to
    `size`, empty where they are equal. `traces`: a `traceparent` per entry, or nothing. `types`: the events' names,
    or None where nobody has looked.
    """

    origin: str
    first: int
    entries: Sequence[bytes]
    size: int
    note: bytes
    frontier: Sequence[bytes] = ()
    proof: Sequence[bytes] = ()
    traces: Sequence[str] = ()
    types: AbstractSet[str] | None = None

    @property
    def end(self) -> int:
        """The index after the last entry."""
        return self.first + len(self.entries)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The signed note over a log's first `size` entries, announced after they were."""

    origin: str
    size: int
    note: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """A runner's reply to a command that makes no entry: refused at intake, or recorded before at `index`.

    It is for the sender of exactly these bytes: `content` is the SHA-256 of the payload (of the whole envelope if no
    payload could be parsed), `signature` the signature over it (empty in that case).
    """

    log: LogId
    content: bytes
    refused: Refusal | None
    index: int | None
    signature: bytes = b""


class Overloaded(Exception):
    """The log's inbox is full: the command was not accepted; retry it later."""


class Inbox(Protocol):
    """What one consumer reads: at least once, in order within a source, from the positions it was opened at.

    After `rewind`, everything that was delivered but not acknowledged is delivered again (commands may be lost by an
    embedded transport when the process ends: their senders repeat them). A gap within a log is never skipped.
    """

    def poll(self, limit: int, timeout: float) -> list[Delivery]:
        """At most `limit` messages, waiting up to `timeout` seconds for the first; fair between sources.

        Logs come before commands. With `timeout` 0 it never waits, and the result depends only on what was published.
        """

    def acknowledge(self, positions: Mapping[str, int]) -> None:
        """Everything before these positions is durably consumed."""

    def rewind(self) -> None:
        """Deliver again from the last acknowledged positions."""

    def wake(self) -> None:
        """Make a waiting `poll` return now."""


class LogReader(Protocol):
    """Committed entries of a log, by index."""

    def __call__(self, start: int, stop: int) -> list[bytes]:
        """The bytes of entries start..stop-1, fewer where the log ends."""


class Inboxes(Protocol):
    """Where a consumer of logs, a writer among them, takes what it consumes."""

    def open_inbox(
        self,
        consumer: str,
        commands: LogId | None,
        logs: Mapping[str, int],
        resume: Mapping[str, int] | None = None,
        wanted: Mapping[str, AbstractSet[str]] | None = None,
    ) -> Inbox:
        """An inbox for the commands to the log `commands` (if any) and for each log's entries from the index given.

        `resume`: the cursors that the consumer stored from `Delivery.resume`. `wanted`: by log, the names of the events
        that the consumer acts on; entries without any are delivered too, but need not end the wait of a `poll`. Raises
        `ValueError` for a position beyond a log's announced end where that is known, `Unavailable`.
        """


class ServiceTransport(Inboxes, Protocol):
    """The transport as seen by the writer of a log. It decides nothing."""

    def silent(self) -> float:
        """For how many seconds no command could come to the log, since whatever carries them did not answer."""

    def announced(self, origin: str) -> int:
        """How many entries of a log were announced: where its writer resumes. Raises `Unavailable`."""

    def publish(self, announcement: Announcement) -> None:
        """Announce committed entries, then the checkpoint once they reach its size.

        Repeats are dropped, a gap raises `ValueError`. Raises `Unavailable` if an earlier announcement, or this one,
        may be lost: then resume from what is `announced`.
        """

    def reply(self, reply: Reply) -> None:
        """Send a reply to a command that makes no entry; may be lost with the process."""

    def set_aside(self, delivery: Delivery, reason: str) -> None:
        """Dead-letter a command that no decider may see, with a stable code for the reason; the embedded form drops it.

        Raises `Unavailable` if it could not be kept.
        """


class Transport(Inboxes, Protocol):
    """The transport as seen by a gateway: sends commands, follows logs, takes replies."""

    def send_command(self, log: LogId, envelope: bytes, trace: str = "") -> Future[Any]:
        """Send a command to a log; the future is done when the command is as durable as this transport makes it.

        Its result says nothing; if it fails, the outcome is unknown. Raises `Overloaded` if it was not accepted. Does
        not block.
        """

    def checkpoints(self, origin: str) -> Checkpoint | None:
        """The last checkpoint announced for a log."""

    def take_replies(self) -> list[Reply]:
        """Replies since the last call, for the one gateway of this transport."""


# clock --------------------------------------------------------------------------------------------------------------


class Clock(Protocol):
    """Reads time for the runner, and for nothing else."""

    def now(self) -> int:
        """UTC microseconds since the epoch; may repeat or step back, ledger time does not."""

    def offset(self) -> int:
        """Microseconds by which `now` is ahead of a clock that nobody sets: it changes when this one is set."""
