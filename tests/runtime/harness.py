"""A runner with its ports in memory, and a minimal decider."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from counterfoil.client.author import Author
from counterfoil.contract.entry import Entry, EntryCause, GenesisCause
from counterfoil.contract.events import KeyAdded, KeyRevoked, PartyRegistered
from counterfoil.contract.log_id import LogId
from counterfoil.contract.record import Command as Body
from counterfoil.contract.record import Event
from counterfoil.contract.refusals import Code
from counterfoil.contract.times import HOUR
from counterfoil.core.at import At
from counterfoil.core.decider import Decider, Decision, ServiceState, mirror, refuse
from counterfoil.core.directory import Party
from counterfoil.core.engine import Engine
from counterfoil.core.form import COUNT, TEXT, Form
from counterfoil.core.table import Table
from counterfoil.errors import Unusable
from counterfoil.ledger.commands import Deposit, Withdraw
from counterfoil.ledger.events import CashDeposited, VoucherFrozen
from counterfoil.log.keys import SigningKey
from counterfoil.log.signer import Signer
from counterfoil.matching.events import TradeMatched
from counterfoil.ports import Announcement, Head, LogStore, NewEntry, Presence, Reply, StoreConflict
from counterfoil.published_log import PublishedDiffers
from counterfoil.redemption.events import ContractCompleted, UsageAccepted
from counterfoil.runtime.clock import VirtualClock
from counterfoil.runtime.runner import Log, Runner
from counterfoil.runtime.signatures import Signatures
from counterfoil.transport.embedded import EmbeddedTransport
from counterfoil.vocabulary import CODEC

T = 277_778 * HOUR
HOST = "runtime.example"
SOURCES = {name: f"{HOST}/{name}/main" for name in ("issuance", "matching", "redemption")}
ORIGIN = f"{HOST}/ledger/main"
KEY = SigningKey(ORIGIN, b"k" * 32)
TREASURER = Author("treasurer", b"t" * 32)
STRANGER = Author("stranger", b"s" * 32)
GENESIS = GenesisCause("op", "Operator", TREASURER.public_key, 1, "0.1.0")


class MemoryStore:
    """`LogStore` as a list; `appended` says how many entries each transaction had."""

    def __init__(self) -> None:
        self.kept: list[NewEntry] = []
        self._cursors: dict[str, int] = {}
        self._head: Head | None = None
        self._presence: Presence | None = None
        self.appended: list[int] = []

    def head(self) -> Head | None:
        """As the port says."""
        return self._head

    def append(self, expected_size: int, entries: Sequence[NewEntry], cursors: Mapping[str, int], head: Head) -> None:
        """As the port says."""
        ids = [entry.id for entry in self.kept] + [entry.id for entry in entries]
        if expected_size != len(self.kept) or len(set(ids)) < len(ids):
            raise StoreConflict
        self.kept += entries
        self.appended.append(len(entries))
        self._cursors.update(cursors)
        self._head = head

    def cursors(self) -> dict[str, int]:
        """As the port says."""
        return dict(self._cursors)

    def entries(self, start: int, stop: int) -> list[bytes]:
        """As the port says."""
        return [entry.data for entry in self.kept[start:stop]]

    def leaves(self, start: int, stop: int) -> list[bytes]:
        """As the port says."""
        return [entry.leaf for entry in self.kept[start:stop]]

    def find(self, ids: Sequence[str]) -> dict[str, tuple[int, bytes | None]]:
        """As the port says."""
        return {entry.id: (index, entry.content) for index, entry in enumerate(self.kept) if entry.id in ids}

    def presence(self) -> Presence | None:
        """As the port says."""
        return self._presence

    def put_presence(self, presence: Presence) -> None:
        """As the port says."""
        self._presence = presence

    def accept_clock(self, asked: int) -> bool:
        """As the port says."""
        known = self._presence
        if known is None or known.asked != asked:
            return False
        self._presence = replace(known, accepted=asked)
        return True

    def close(self) -> None:
        """Nothing to release."""


class MemorySnapshots:
    """`SnapshotStore` as a dictionary."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}
        self._size = 0

    def size(self) -> int:
        """As the port says."""
        return self._size

    def records(self, size: int) -> Iterator[tuple[str, bytes]]:
        """As the port says."""
        if size != self._size:
            raise StoreConflict
        yield from self.kept.items()

    def find(self, size: int, key: str) -> bytes | None:
        """As the port says."""
        return dict(self.records(size)).get(key)

    def advance(self, since: int, size: int, changes: Iterable[tuple[str, bytes | None]]) -> None:
        """As the port says."""
        new = dict(changes)
        if not since <= self._size <= size:
            raise StoreConflict
        self.kept = {key: value for key, value in {**self.kept, **new}.items() if value is not None}
        self._size = size

    def reset(self) -> None:
        """As the port says."""
        self.kept, self._size = {}, 0

    def close(self) -> None:
        """Nothing to release."""


class MemoryFiles:
    """`PublishedLog` as a dictionary; `order` lists what was written in which order."""

    place = "memory"

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.order: list[str] = []
        self.memory: bytes | None = None

    def put(self, path: str, data: bytes) -> None:
        """As the port says."""
        if self.files.setdefault(path, data) != data:
            raise PublishedDiffers(path)
        self.order.append(path)

    def put_again(self, path: str, data: bytes) -> None:
        """As the port says."""
        self.files[path] = data
        self.order.append(path)

    def get(self, path: str) -> bytes:
        """As the port says."""
        if path not in self.files:
            raise Unusable(f"{path}: missing")
        return self.files[path]

    def drop_partials(self, path: str) -> None:
        """As the port says."""
        for each in [name for name in self.files if name.startswith(f"{path}.p/")]:
            del self.files[each]

    def checkpoint(self) -> bytes | None:
        """As the port says."""
        return self.files.get("checkpoint")

    def replace_checkpoint(self, note: bytes) -> None:
        """As the port says."""
        self.files["checkpoint"] = note
        self.order.append("checkpoint")

    def signer_memory(self) -> bytes | None:
        """As the port says."""
        return self.memory

    def remember(self, memory: bytes) -> None:
        """As the port says."""
        self.memory = memory
        self.order.append("memory")


# a minimal decider --------------------------------------------------------------------------------------------------


class HarnessState(ServiceState):
    """The parties, the trades seen, how many ticks are due, and the events consumed, in order."""

    __slots__ = ("_due", "told", "trades")

    def __init__(self) -> None:
        super().__init__()
        self.trades: Table[str, int] = self.keep(Table(Form("trade", ("trade_id",), COUNT, "a trade")))
        self.told: Table[int, str] = self.keep(Table(Form("told", ("n",), TEXT, "an event", numbers=("n",))))
        self._due: Table[tuple[()], int] = self.keep(Table(Form("ticks", (), COUNT, "ticks that are due")))
        self._due[()] = 0

    @property
    def ticks(self) -> int:
        """How many ticks are due."""
        return self._due[()]

    @ticks.setter
    def ticks(self, ticks: int) -> None:
        self._due[()] = ticks

    @property
    def heard(self) -> list[str]:
        """The events consumed, in order."""
        return [self.told[n] for n in range(len(self.told))]

    def hear(self, what: str) -> None:
        """Remember an event."""
        self.told[len(self.told)] = what


def _deposit(_state: HarnessState, body: Deposit, _actor: Party, _at: At) -> Decision:
    if body.amount % 2:
        return refuse(Code.AMOUNT_TOO_LARGE, amount=body.amount)
    return [
        CashDeposited(
            party_id=body.party_id, currency=body.currency, amount=body.amount,
            payment_reference=body.payment_reference, treasurer_id="bank", legs=(),
        )
    ]  # fmt: skip


def _deposited(state: HarnessState, event: CashDeposited, _at: At) -> None:
    state.hear(event.payment_reference)
    if event.party_id == "ticks":
        state.ticks += event.amount


def _traded(state: HarnessState, event: TradeMatched, _at: At) -> None:
    state.trades[event.trade_id] = event.nodes
    state.hear(event.trade_id)
    if event.trade_id.startswith("ticks"):
        state.ticks += event.nodes


def _accepted(state: HarnessState, event: UsageAccepted, _at: At) -> None:
    state.hear(event.report_id)


def _completed(state: HarnessState, event: ContractCompleted, _at: At) -> None:
    state.hear(f"end of {event.contract_id}")


def _ticked(state: HarnessState, _event: VoucherFrozen, _at: At) -> None:
    state.ticks -= 1


def _known(state: HarnessState, event: UsageAccepted | ContractCompleted) -> bool:
    return event.contract_id in state.trades


DECIDER: Decider[HarnessState] = Decider(
    service="ledger",
    initial=HarnessState,
    commands={Deposit: _deposit, Withdraw: _deposit},
    reactions={
        "issuance": dict.fromkeys((PartyRegistered, KeyAdded, KeyRevoked), mirror),
        "matching": {TradeMatched: mirror},
        "redemption": dict.fromkeys((UsageAccepted, ContractCompleted), mirror),
    },
    ready={UsageAccepted: _known, ContractCompleted: _known},
    timers={"tick": lambda _state, _cutoff, _at: [VoucherFrozen(voucher_id="tick")]},
    due=lambda state: (T, "tick") if state.ticks else None,
    evolve={
        PartyRegistered: lambda state, event, _at: state.directory.registered(event),
        KeyAdded: lambda state, event, _at: state.directory.key_added(event),
        KeyRevoked: lambda state, event, _at: state.directory.key_revoked(event),
        CashDeposited: _deposited,
        TradeMatched: _traded,
        UsageAccepted: _accepted,
        ContractCompleted: _completed,
        VoucherFrozen: _ticked,
    },
)


# the runner's ports -------------------------------------------------------------------------------------------------


def log_with(origin: str, *entries: Sequence[Event]) -> list[bytes]:
    """The entries of another service's log, each with the given events."""
    everything = {type(event): lambda _state, _event, _at: None for each in entries for event in each}
    engine: Engine[Any] = Engine(DECIDER, origin, lambda _size: None)
    engine._evolve.update(everything)
    log = []
    for events in entries:
        id_, at = f"ledger/{engine.size}/0", At(T + engine.size, engine.size, 0)
        log.append(engine._close(id_, "ledger", EntryCause(ORIGIN, 0, bytes(32), 0), at, events)[1])
    return log


def registered(author: Author, role: Any) -> tuple[PartyRegistered, KeyAdded]:
    """A party with its author's key."""
    party = PartyRegistered(party_id=author.party_id, name=author.party_id, roles=(role,), group_id=author.party_id)
    return party, KeyAdded(party_id=author.party_id, key_id=author.key_id, public_key=author.public_key)


class RunnerHarness:
    """A transport with three source logs, and a runner of `DECIDER` over a store and files in memory."""

    store: Any
    files: Any
    transport: Any

    def __init__(self, *, kept: LogStore | None = None, **sources: list[bytes]) -> None:
        """`kept`: the log's store, if it is not in memory."""
        self.transport, self.clock = EmbeddedTransport(), VirtualClock(T)
        self.store, self.files = kept if kept is not None else MemoryStore(), MemoryFiles()
        self.snapshots = MemorySnapshots()
        first = log_with(SOURCES["issuance"], registered(TREASURER, "treasurer"))
        self.logs = {SOURCES[name]: list(sources.get(name, ())) for name in SOURCES}
        self.logs[SOURCES["issuance"]] = first + self.logs[SOURCES["issuance"]]
        for origin, log in self.logs.items():
            self.transport.register_log(origin, lambda start, stop, log=log: log[start:stop], 0)
        self.transport.register_log(ORIGIN, self.store.entries, 0)
        self.arrived = dict.fromkeys(self.logs, 0)
        self.arrive("issuance")
        self.runner = self.start()

    def start(self) -> Runner:
        """Create a runner over the store and recover it."""
        log = Log(
            DECIDER,
            ORIGIN,
            {name: (origin,) for name, origin in SOURCES.items()},
            self.store,
            self.snapshots,
            self.files,
            Signer(KEY, self.files.memory),
        )
        self.runner = Runner(log, self.transport, self.clock, GENESIS, Signatures())
        self.runner.recover()
        return self.runner

    def arrive(self, service: str, count: int = 1_000) -> None:
        """Announce the next entries of a source."""
        origin = SOURCES[service]
        first = self.arrived[origin]
        entries = self.logs[origin][first : first + count]
        self.transport.publish(Announcement(origin, first, entries, first + len(entries), b"note"))
        self.arrived[origin] = first + len(entries)

    def send(self, *envelopes: bytes) -> list[Reply]:
        """Send commands and do one step; returns the replies."""
        for envelope in envelopes:
            self.transport.send_command(LogId("ledger"), envelope)
        self.runner.step()
        replies: list[Reply] = self.transport.take_replies()
        return replies

    @property
    def entries(self) -> list[Entry]:
        """The log."""
        head = self.store.head()
        return [CODEC.decode_entry(data) for data in self.store.entries(0, head.size if head is not None else 0)]


def command_id(number: int) -> str:
    """A command id."""
    return f"01890000-0000-7000-8000-{number:012x}"


def deposit(number: int, amount: int = 2, *, author: Author = TREASURER, **header: Any) -> bytes:
    """An envelope whose payment reference is its number."""
    body: Body = Deposit(party_id="lab", currency="CNY", amount=amount, payment_reference=f"p{number}")
    return author.sign(body, header.pop("aud", ORIGIN), command_id(number), T, **header)
