"""The engine: what every command is judged by first, one outcome each, time that only rises, and replay to the byte."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from counterfoil.catalogue import EVERY_LOG, SUBSCRIPTIONS
from counterfoil.contract import limits
from counterfoil.contract.codec import encode_entry, encode_payload
from counterfoil.contract.ensure import InvariantViolation
from counterfoil.contract.entry import CommandCause, Entry, EntryCause, GenesisCause, Outcome, TimerCause
from counterfoil.contract.events import KeyAdded, LogOpened, PartyRegistered, StateRooted
from counterfoil.contract.key_id import key_id_of
from counterfoil.contract.record import Command as Body
from counterfoil.contract.refusals import Code, Refusal
from counterfoil.contract.submission import BATCH, Header, Seen, Submission
from counterfoil.contract.times import HOUR
from counterfoil.core.at import At
from counterfoil.core.engine import STATE_ROOT_TIMER, Engine
from counterfoil.core.rules import LATEST, RULES
from counterfoil.issuance import service as issuance
from counterfoil.issuance.commands import AddKey, IssueVoucher, RegisterParty, RevokeKey
from counterfoil.issuance.events import VoucherIssued
from counterfoil.ledger import service as ledger
from counterfoil.log.merkle import leaf_hash, root_of
from counterfoil.matching.service import SERVICE as MATCHING
from counterfoil.redemption import service as redemption
from counterfoil.vocabulary import CODEC, VOCABULARY
from tests.issuance.world import public_key, register
from tests.possession import HOST, proven
from tests.properties.world import DECIDERS, World, opened
from tests.state_root import state_root

CLOCK_SKEW = RULES[LATEST].clock_skew
MAX_VALIDITY = RULES[LATEST].max_validity

T = 277_778 * HOUR
ORIGIN = f"{HOST}/issuance/main"
GENESIS = GenesisCause("op", "The operator", public_key(0), 1, "0.1.0")
OTHERS = (ledger.DECIDER, MATCHING.decider, redemption.DECIDER)


class Log:
    """An engine of issuance and the log it makes."""

    def __init__(self, decider: Any = issuance.DECIDER) -> None:
        self.leaves: list[bytes] = []
        self.engine = Engine(decider, ORIGIN, lambda size: root_of(self.leaves[:size]))
        self.entries: list[Entry] = []
        self.data: list[bytes] = []

    def keep(self, made: tuple[Entry, bytes]) -> Entry:
        """Append what the engine made."""
        entry, data = made
        self.entries.append(entry)
        self.data.append(data)
        self.leaves.append(leaf_hash(data))
        return entry

    def does(self, *bodies: Body, at: int = T, **header: Any) -> Entry:
        """Decide a command, or a batch if there are several."""
        return self.keep(self.engine.submit(submission(*bodies, at=at, **header), at))

    def root(self) -> tuple[int, bytes]:
        """The state's root."""
        return state_root(self.engine.decider.records(self.engine.state))


def submission(*bodies: Body, at: int = T, signature: bytes = bytes(64), **header: Any) -> Submission:
    """A command of the operator that nothing bars, unless changed."""
    kind, version = (BATCH, 1) if len(bodies) > 1 else (bodies[0].TYPE, bodies[0].V)
    usual: dict[str, Any] = {
        "type": kind, "v": version, "aud": ORIGIN, "actor": "op", "key_id": key_id_of(public_key(0)),
        "command_id": "01890000-0000-7000-8000-000000000000", "issued_at": at, "expires_at": at + HOUR, "seen": None,
    }  # fmt: skip
    return CODEC.decode_payload(encode_payload(Header(**(usual | header)), bodies), signature)


def started() -> Log:
    """A log with the operator, and two parties of which the second has two keys, one of them revoked."""
    log = Log()
    log.keep(log.engine.genesis(GENESIS, T))
    log.does(register("city", 1, "issuer"))
    log.does(register("lab", 2, "beneficiary"))
    log.does(AddKey(key=proven(3, "lab")), actor="lab", key_id=key_id_of(public_key(2)))
    log.does(RevokeKey(party_id="lab", key_id=key_id_of(public_key(2)), reason="lost"))
    return log


NEW = register("new", 9, "auditor")
OLD_KEY = {"actor": "lab", "key_id": key_id_of(public_key(2))}
LABS_KEY = {"actor": "lab", "key_id": key_id_of(public_key(3))}

# genesis ------------------------------------------------------------------------------------------------------------


def test_genesis_registers_the_operator_in_issuance() -> None:
    log = Log()
    entry = log.keep(log.engine.genesis(GENESIS, T))
    assert entry.events == (
        LogOpened(origin=ORIGIN, rules=1, release="0.1.0"),
        PartyRegistered(party_id="op", name="The operator", roles=("operator",), group_id="op"),
        KeyAdded(party_id="op", key_id=key_id_of(public_key(0)), public_key=public_key(0)),
    )
    assert (entry.id, entry.index, entry.time, entry.subject) == ("genesis", 0, T, "genesis")
    assert (entry.cause, entry.batch, entry.outcomes) == (GENESIS, False, ())
    assert log.engine.state.directory.public_key("op", key_id_of(public_key(0))) == public_key(0)


@pytest.mark.parametrize("decider", OTHERS, ids=lambda each: each.service)
def test_genesis_of_another_service_registers_nobody(decider: Any) -> None:
    log = Log(decider)
    entry = log.keep(log.engine.genesis(GENESIS, T))
    assert entry.events == (LogOpened(origin=ORIGIN, rules=1, release="0.1.0"),)
    initial = decider.initial()
    initial.rules = RULES[1]
    assert log.root() == state_root(decider.records(initial))


def test_a_log_is_opened_once() -> None:
    log = started()
    with pytest.raises(InvariantViolation, match="once"):
        log.engine.genesis(GENESIS, T)


# what bars a command ------------------------------------------------------------------------------------------------

WRONG = Seen(size=2, root=bytes(32))
BEYOND = Seen(size=6, root=bytes(32))
EXPIRED = {"issued_at": T - 1, "expires_at": T}
FUTURE = {"issued_at": T + CLOCK_SKEW + 1, "expires_at": T + HOUR}
TOO_LONG = {"issued_at": T - 1, "expires_at": T + MAX_VALIDITY}
BACKWARDS = {"issued_at": T + 2, "expires_at": T + 2}

# Each row: the header's changes, the refusal or None. The log's clock stands at T; `lab` may not register parties.
BARS: list[tuple[dict[str, Any], Code | None]] = [
    ({}, None),
    (OLD_KEY, Code.KEY_REVOKED),
    ({"expires_at": T + 1, "issued_at": T}, None),
    ({"expires_at": T, "issued_at": T - HOUR}, Code.COMMAND_EXPIRED),
    ({"expires_at": T - 1, "issued_at": T - HOUR}, Code.COMMAND_EXPIRED),
    ({"issued_at": T + CLOCK_SKEW}, None),
    ({"issued_at": T + CLOCK_SKEW + 1}, Code.COMMAND_FROM_FUTURE),
    ({"issued_at": T, "expires_at": T + MAX_VALIDITY}, None),
    (TOO_LONG, Code.VALIDITY_TOO_LONG),
    (BACKWARDS, Code.VALIDITY_TOO_LONG),
    ({"issued_at": T + 2, "expires_at": T + 1}, Code.VALIDITY_TOO_LONG),
    ({"seen": WRONG}, Code.SEEN_IS_NOT_OURS),
    ({"seen": BEYOND}, Code.SEEN_IS_NOT_OURS),
    (LABS_KEY, Code.ROLE_NOT_ALLOWED),
    # Two at a time: the first in the order of `Code` counts.
    ({**OLD_KEY, **EXPIRED}, Code.KEY_REVOKED),
    ({**EXPIRED, "issued_at": T + CLOCK_SKEW + 1}, Code.COMMAND_EXPIRED),
    ({**FUTURE, "expires_at": T + CLOCK_SKEW + 2 + MAX_VALIDITY}, Code.COMMAND_FROM_FUTURE),
    ({**TOO_LONG, "seen": WRONG}, Code.VALIDITY_TOO_LONG),
    ({**LABS_KEY, "seen": WRONG}, Code.SEEN_IS_NOT_OURS),
]


@pytest.mark.parametrize(("header", "refused"), BARS)
def test_what_bars_a_command_in_order(header: dict[str, Any], refused: Code | None) -> None:
    log = started()
    log.engine.time = T - 1  # the next entry is made at T
    before = log.root()
    entry = log.does(NEW, at=T, **header)
    (outcome,) = entry.outcomes
    if refused is None:
        assert outcome == Outcome(2, None)
        assert len(entry.events) == 2
    else:
        assert outcome.refusal is not None
        assert (outcome.refusal.code, outcome.events, entry.events) == (refused, 0, ())
        assert log.root() == before
    assert entry.time == T


def test_seen_is_judged_at_every_size_up_to_now() -> None:
    log = started()
    for size in range(len(log.leaves) + 1):
        seen = Seen(size=size, root=root_of(log.leaves[:size]))
        (outcome,) = log.does(register(f"new-{size}", 10 + size, "auditor"), seen=seen).outcomes
        assert outcome.refusal is None, size
    now = len(log.leaves)
    (outcome,) = log.does(NEW, seen=Seen(size=now, root=root_of(log.leaves))).outcomes
    assert outcome.refusal is None
    own = Seen(size=now + 2, root=root_of(log.leaves))  # no author can have seen the entry being decided
    (outcome,) = log.does(register("last", 8, "auditor"), seen=own).outcomes
    assert outcome.refusal == Refusal(Code.SEEN_IS_NOT_OURS, (("size", str(now + 2)),))


def test_a_bar_holds_for_every_command_of_a_batch() -> None:
    log = started()
    entry = log.does(NEW, register("more", 8, "auditor"), seen=WRONG)
    assert [each.refusal and each.refusal.code for each in entry.outcomes] == [Code.SEEN_IS_NOT_OURS] * 2


# order and time -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("clock", [lambda n: T, lambda n: T - n * HOUR, lambda n: T + n, lambda n: T + n % 3])
def test_entries_rise_in_index_and_time_whatever_the_clock_does(clock: Callable[[int], int]) -> None:
    log = started()
    for nth in range(6):
        log.does(register(f"new-{nth}", 20 + nth, "auditor"), at=clock(nth), issued_at=T, expires_at=T + HOUR)
        log.keep(log.engine.fire(STATE_ROOT_TIMER, clock(nth)))
    assert [entry.index for entry in log.entries] == list(range(len(log.entries)))
    times = [entry.time for entry in log.entries]
    assert times == sorted(set(times))
    assert all(entry.time >= T for entry in log.entries)


def test_ids_say_where_an_entry_comes_from() -> None:
    log = started()
    sent = submission(NEW, signature=b"s" * 64, command_id="01890000-0000-7000-8000-00000000beef")
    entry = log.keep(log.engine.submit(sent, T))
    assert (entry.id, entry.subject) == ("op/01890000-0000-7000-8000-00000000beef", "register_party")
    assert entry.cause == CommandCause(sent.payload, b"s" * 64, key_id_of(public_key(0)))
    entry = log.does(register("a", 21, "auditor"), register("b", 22, "auditor"))
    assert (entry.subject, entry.batch) == ("batch", True)
    entry = log.keep(log.engine.fire(STATE_ROOT_TIMER, T))
    assert (entry.id, entry.subject) == (f"timer/{entry.index}", STATE_ROOT_TIMER)
    assert entry.cause == TimerCause(STATE_ROOT_TIMER, entry.time)


def test_a_reaction_names_the_event_it_consumes() -> None:
    world = opened()
    entry = CODEC.decode_entry(world.logs["ledger"][1])
    assert isinstance(entry.cause, EntryCause)
    assert (entry.id, entry.subject) == (f"issuance/{entry.cause.index}/{entry.cause.item}", "issuance")
    assert entry.cause.leaf == leaf_hash(world.logs["issuance"][entry.cause.index])


def test_the_state_root_is_of_all_entries_before_it() -> None:
    log = started()
    records, root = log.root()
    entry = log.keep(log.engine.fire(STATE_ROOT_TIMER, T))
    assert entry.events == (StateRooted(entries=entry.index, records=records, root=root),)
    assert log.root() == (records, root)


# batches ------------------------------------------------------------------------------------------------------------


def test_each_command_of_a_batch_has_its_own_outcome() -> None:
    log = started()
    entry = log.does(
        register("a", 21, "auditor"),
        register("city", 22, "auditor"),
        AddKey(key=proven(23, "op")),
        register("b", 23, "auditor"),
        RevokeKey(party_id="op", key_id=key_id_of(public_key(0)), reason="rotated"),
        RevokeKey(party_id="op", key_id=key_id_of(public_key(23)), reason="too many"),
    )
    codes = [None if each.refusal is None else each.refusal.code for each in entry.outcomes]
    assert codes == [None, Code.ALREADY_EXISTS, None, Code.KEY_NOT_ACCEPTABLE, None, Code.LAST_KEY]
    assert [each.events for each in entry.outcomes] == [2, 0, 1, 0, 1, 0]
    assert [type(event).__name__ for event in entry.events] == [
        "PartyRegistered", "KeyAdded", "KeyAdded", "KeyRevoked",
    ]  # fmt: skip


def test_refused_commands_of_a_batch_leave_no_trace_in_the_state() -> None:
    good: list[Body] = [register("a", 21, "auditor"), AddKey(key=proven(22, "op"))]
    bad: Body = register("city", 23, "auditor")
    without, amid = started(), started()
    without.does(*good)
    amid.does(good[0], bad, good[1])
    assert amid.root() == without.root()


def test_a_batch_of_one_differs_from_the_command_in_its_form_alone() -> None:
    single, batch = started(), started()
    single.does(NEW)
    payload = encode_payload(submission(NEW, type=BATCH, v=1).header, (NEW,))
    entry = batch.keep(batch.engine.submit(CODEC.decode_payload(payload, bytes(64)), T))
    assert entry.batch
    assert entry.events == single.entries[-1].events
    assert batch.root() == single.root()


def test_a_key_added_and_another_revoked_within_a_batch_bar_its_later_commands_from_nothing() -> None:
    """What applies to every command is judged once, before the batch: its signature was valid at that point."""
    log = started()
    entry = log.does(
        AddKey(key=proven(31, "op")),
        RevokeKey(party_id="op", key_id=key_id_of(public_key(0)), reason="rotated"),
        NEW,
    )
    assert all(each.refusal is None for each in entry.outcomes)
    (outcome,) = log.does(register("late", 8, "auditor")).outcomes
    assert outcome.refusal is not None
    assert outcome.refusal.code is Code.KEY_REVOKED


def test_what_a_batch_makes_is_named_after_the_place_of_its_command() -> None:
    world = opened()
    voucher = IssueVoucher(programme_id="p1", beneficiary_id="lab-1", amount=1)
    world.submit("city", voucher, IssueVoucher(programme_id="p1", beneficiary_id="city", amount=1), voucher)
    entry = CODEC.decode_entry(world.logs["issuance"][-1])
    made = [event.voucher_id for event in entry.events if isinstance(event, VoucherIssued)]
    assert made == [f"vch-{entry.index}-0", f"vch-{entry.index}-2"]


def test_new_ids_carry_the_place_in_the_batch() -> None:
    assert At(T, 17, 0).new_id("bid") == "bid-17-0"
    assert At(T, 17, 3).new_id("trd", 2) == "trd-17-3-2"


# replaying ----------------------------------------------------------------------------------------------------------


def busy() -> World:
    """A world in which every service decided, reacted and fired."""
    world = opened()
    world.submit("lab-1", *(AddKey(key=proven(200 + n, "lab-1")) for n in range(3)))
    world.submit(
        "op",
        RegisterParty(
            party_id="x", name="x", roles=(), group_id="x", key=proven(210, "x"), recovery_key=None, looks_like=None
        ),
    )
    world.settle()
    return world


@pytest.mark.parametrize("service", DECIDERS)
def test_replay_gives_the_state_of_deciding_after_every_entry(service: str) -> None:
    world = busy()
    decided = Engine(DECIDERS[service], "x.example/x/x", lambda _size: None)
    for data in world.logs[service]:
        entry = CODEC.decode_entry(data)
        decided.replay(entry)
        assert (decided.size, decided.time) == (entry.index + 1, entry.time)
        assert encode_entry(entry) == data
    assert state_root(DECIDERS[service].records(decided.state)) == world.root(service)


def test_deciding_again_gives_the_same_bytes() -> None:
    first, second = started(), started()
    assert first.data == second.data
    again = Log()
    for entry in first.entries[:-1]:
        again.engine.replay(entry)
    again.leaves = first.leaves[:-1]
    cause = first.entries[-1].cause
    assert isinstance(cause, CommandCause)
    made = again.engine.submit(CODEC.decode_payload(cause.payload, cause.signature), first.entries[-1].time)
    assert made == (first.entries[-1], first.data[-1])


@pytest.mark.parametrize("skipped", [0, 1, 3])
def test_replay_refuses_a_gap_and_a_repetition(skipped: int) -> None:
    log, other = started(), Log()
    for entry in log.entries[:skipped]:
        other.engine.replay(entry)
    for entry in (log.entries[skipped + 1], *log.entries[:skipped][-1:]):
        with pytest.raises(InvariantViolation, match="does not follow"):
            other.engine.replay(entry)


def test_replay_refuses_time_that_does_not_rise() -> None:
    log, other = started(), Log()
    other.engine.replay(log.entries[0])
    other.engine.time = log.entries[1].time
    with pytest.raises(InvariantViolation, match="does not follow"):
        other.engine.replay(log.entries[1])


def test_events_of_a_batch_are_replayed_at_their_commands_place() -> None:
    """An evolve function may keep the place: it is the same at replay, refused commands counted."""
    places: list[int] = []

    def note(state: Any, event: Any, at: At) -> None:
        places.append(at.item)
        state.directory.key_added(event)

    decider = issuance.DECIDER
    table = {**decider.evolve, KeyAdded: note}
    log = started()
    entry = log.does(register("a", 21, "auditor"), register("city", 22, "auditor"), register("b", 23, "auditor"))
    other = Log()
    other.engine._evolve = {**other.engine._evolve, **table}
    for each in log.entries[:-1]:
        other.engine.replay(each)
    places.clear()
    other.engine.replay(entry)
    assert places == [0, 2]


def test_an_entry_too_large_for_the_log_is_a_bug_and_not_a_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    log = started()
    size = log.engine.size
    monkeypatch.setattr(limits, "MAX_ENTRY_BYTES", 600)
    with pytest.raises(InvariantViolation, match="bytes"):
        log.engine.submit(submission(NEW), T)
    assert log.engine.size == size


@pytest.mark.parametrize("service", DECIDERS)
def test_a_service_waits_only_for_what_it_consumes(service: str) -> None:
    consumed = {each for types in SUBSCRIPTIONS[service].values() for each in types}
    assert DECIDERS[service].ready.keys() <= consumed


def test_every_name_on_the_wire_is_one_records() -> None:
    """A command belongs to one service, an event comes from one source, and no two share a name."""
    commands = [command for decider in DECIDERS.values() for command in decider.commands]
    assert len(VOCABULARY.commands) == len(commands)
    decided = {command: name for name, decider in DECIDERS.items() for command in decider.commands}
    assert VOCABULARY.service_of == decided
    events = {event for decider in DECIDERS.values() for event in decider.evolve} | set(EVERY_LOG)
    assert set(VOCABULARY.events.values()) == events
    for sources in SUBSCRIPTIONS.values():
        consumed = [each for types in sources.values() for each in types]
        assert len(consumed) == len(set(consumed))


def registering(octets: int) -> tuple[Log, Entry]:
    """A log in which one command, not a batch, registers 300 parties that have names of so many octets together."""
    log, lengths = started(), [octets // 300 + (n < octets % 300) for n in range(300)]
    events = [
        PartyRegistered(party_id=f"p-{n}", name="x" * length, roles=("auditor",), group_id=f"p-{n}")
        for n, length in enumerate(lengths)
    ]
    commands = {**log.engine.decider.commands, RevokeKey: lambda *_: events}
    log.engine.decider = replace(log.engine.decider, commands=commands)
    return log, log.does(RevokeKey(party_id="lab", key_id=key_id_of(public_key(3)), reason="lost"))


def test_what_one_command_decides_is_refused_when_no_entry_holds_it_and_changes_nothing() -> None:
    small, entry = registering(3_000)
    most = 3_000 + limits.MAX_ENTRY_BYTES - len(small.data[-1])
    assert len(entry.events) == 300
    full, _ = registering(most)
    assert len(full.data[-1]) == limits.MAX_ENTRY_BYTES
    log, entry = registering(most + 1)
    refusal = Refusal(Code.OVER_LIMIT, (("entry_bytes", f"{limits.MAX_ENTRY_BYTES}"),))
    assert (entry.outcomes, entry.events) == ((Outcome(0, refusal),), ())
    assert log.root() == started().root()
    assert log.does(NEW).outcomes[0].refusal is None
