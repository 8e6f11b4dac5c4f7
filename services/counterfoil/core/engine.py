"""Runs a decider over causes: the pure part of the path of a command, shared by the runner and the auditor.

Given the same state and the same cause at the same time, it makes the same entry, to the byte: that is what an audit
by re-decision checks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final, Generic

from counterfoil.contract import limits
from counterfoil.contract.canonical import canonical, loads
from counterfoil.contract.codec import dump_event, encode_entry
from counterfoil.contract.ensure import ensure
from counterfoil.contract.entry import (
    Cause,
    CommandCause,
    Entry,
    EntryCause,
    GenesisCause,
    Outcome,
    ResumedCause,
)
from counterfoil.contract.events import (
    KeyAdded,
    LogOpened,
    PartyRegistered,
    RecoveryKeySet,
    RulesAdopted,
    StateRooted,
    WriterResumed,
)
from counterfoil.contract.forms import free_texts
from counterfoil.contract.key_id import key_id_of
from counterfoil.contract.log_id import host_of, log_of
from counterfoil.contract.record import Command, Event
from counterfoil.contract.refusals import Code, Refusal
from counterfoil.contract.submission import Header, Submission
from counterfoil.contract.text import unfit
from counterfoil.core.at import At
from counterfoil.core.decider import Decider, S, refuse
from counterfoil.core.directory import Party
from counterfoil.core.rule_fields import Rules
from counterfoil.core.rules import UnknownRules, rules_of
from counterfoil.core.standing import not_taking_part
from counterfoil.core.state_tree import StateTree
from counterfoil.core.table import count_touched, dump, forget_touched, take_touched
from counterfoil.core.timer_entry import of_timer

STATE_ROOT_TIMER = "state_root"
_BUILT_AT_ONCE: Final = 4_096  # records, when a whole tree is built
_TOUCHED_MAX: Final = 262_144  # records, when a log is folded: behind that, the next root is built from all of them


class Engine(Generic[S]):
    """One log's decider with its state. `size` is the next entry's index, `time` the last entry's time.

    `root_at(n)` must return the log's root at any size up to the present one: authors' `seen` is judged by it.
    `rooted`: what the last state root committed to anew: the records that changed since the one before, as key ->
    canonical bytes, None for those that are gone. None itself means that all records may have changed.
    """

    def __init__(self, decider: Decider[S], origin: str, root_at: Callable[[int], bytes | None]) -> None:
        self.decider, self.origin, self._root_at = decider, origin, root_at
        self._shard, self._host = log_of(origin).shard, host_of(origin)
        self.state = decider.initial()
        self.size = 0
        self.time = 0
        self._tree: StateTree | None = StateTree()
        """Of the records as they were last taken; None if nobody knows any more what changed since."""
        self.rooted: Mapping[str, bytes | None] | None = None
        self._reactions = {kind: react for each in decider.reactions.values() for kind, react in each.items()}
        self._evolve: dict[type[Event], Callable[[S, Any, At], None]] = {
            LogOpened: self._rules_named,
            RulesAdopted: self._rules_named,
            StateRooted: _nothing,
            WriterResumed: _nothing,
            **decider.evolve,
        }
        self._named: LogOpened | RulesAdopted | None = None

    @classmethod
    def restore(
        cls, decider: Decider[S], origin: str, root_at: Callable[[int], bytes | None],
        records: Iterable[tuple[str, bytes]], size: int, time: int,
    ) -> Engine[S]:  # fmt: skip
        """The engine as it was behind a `state.rooted` entry, from the records (canonical bytes by key) of that root.

        `size`, `time`: the index behind that entry, and its time. The caller compares `root` with the entry's before it
        believes the state. Raises `UnknownRules`, and any other error for records that no engine made.
        """
        engine = cls(decider, origin, root_at)
        engine.size, engine.time = size, time
        tree = StateTree()
        engine._tree = tree

        def parsed() -> Iterator[tuple[str, Any]]:
            remaining = iter(records)
            while some := dict(islice(remaining, _BUILT_AT_ONCE)):
                tree.update(some)
                yield from ((key, loads(value)) for key, value in some.items())

        engine.state = decider.load(parsed())
        return engine

    # deciding -------------------------------------------------------------------------------------------------------

    def genesis(self, cause: GenesisCause, clock: int) -> tuple[Entry, bytes]:
        """Open the log. In issuance's log this also registers the operator, the root of all authority."""
        ensure(self.size == 0, "a log is opened once")
        events: list[Event] = [LogOpened(origin=self.origin, rules=cause.rules, release=cause.release)]
        if self.decider.service == "issuance":
            operator, key = cause.operator_id, cause.operator_key
            roles = ("operator",)
            events += [
                PartyRegistered(party_id=operator, name=cause.operator_name, roles=roles, group_id=operator),  # type: ignore[arg-type]
                KeyAdded(party_id=operator, key_id=key_id_of(key), public_key=key),
            ]
            recovery = cause.operator_recovery_key
            if recovery is not None:
                events.append(
                    RecoveryKeySet(party_id=operator, key_id=key_id_of(recovery), public_key=recovery, replaces=None)
                )
        return self._close("genesis", "genesis", cause, self._at(clock), events)

    def submit(self, submission: Submission, clock: int) -> tuple[Entry, bytes]:
        """Decide a verified submission: each command in turn, each with its own outcome."""
        at = self._at(clock)
        header = submission.header
        barred = self._barred(header, at)
        outcomes, events, encoded = [], list[Event](), list[bytes]()
        room = _room_for_events(submission)
        for item, body in enumerate(submission.bodies):
            here = At(at.time, at.index, item, self._shard, self._host)
            decision = barred or self._decide(header, body, here)
            if not isinstance(decision, Refusal):
                drafts = [canonical(dump_event(event)) for event in decision]
                size = sum(map(len, drafts)) + len(drafts)
                if size > room and (submission.batch or self._too_large(submission, at, decision, drafts)):
                    decision = refuse(Code.OVER_LIMIT, entry_bytes=limits.MAX_ENTRY_BYTES)
                else:
                    room, encoded = room - size, encoded + drafts
            if isinstance(decision, Refusal):
                outcomes.append(Outcome(0, decision))
                continue
            for event in decision:
                self._evolve[type(event)](self.state, event, here)
            outcomes.append(Outcome(len(decision), None))
            events += decision
        return self._seal(self._of_commands(submission, at, outcomes, events), encoded)

    def react(self, cause: EntryCause, event: Event, clock: int) -> tuple[Entry, bytes]:
        """Consume another service's event; `cause` names it."""
        at = self._at(clock)
        subject = log_of(cause.origin).name
        events = self._reactions[type(event)](self.state, event, at)
        return self._close(f"{subject}/{cause.index}/{cause.item}", subject, cause, at, events)

    def fire(self, kind: str, clock: int) -> tuple[Entry, bytes]:
        """Let a timer do what is due by now; `state_root` commits to the state as it is."""
        at = self._at(clock)
        if kind == STATE_ROOT_TIMER:
            records, root = self.root()
            events: Any = (StateRooted(entries=self.size, records=records, root=root),)
        else:
            events = self.decider.timers[kind](self.state, at.time, at)
        for event in events:
            self._evolve[type(event)](self.state, event, at)
        return self._seal(of_timer(self.origin, kind, at, events))

    def resume(self, cause: ResumedCause, clock: int) -> tuple[Entry, bytes]:
        """Record that nothing was decided since `cause.away_since`. It comes before any timer.

        Ensures that the rules in force know outages, and that this one is long enough and began after the last entry.
        """
        at, rules = self._at(clock), self.state.rules
        shortest = rules.shortest_outage
        ensure(
            shortest is not None and self.time <= cause.away_since <= at.time - shortest,
            f"no outage from {cause.away_since} to {at.time} is possible here",
        )
        resumed = WriterResumed(away_since=cause.away_since, earliest=at.time + rules.resumption_grace)
        return self._close(f"resumed/{at.index}", "resumed", cause, at, [resumed])

    def due(self) -> tuple[int, str] | None:
        """The earliest (time, kind) at which `fire` has something to do."""
        return self.decider.due(self.state)

    def root(self) -> tuple[int, bytes]:
        """(number of records, state root) of the state as it is; sets `rooted`. The cost grows with what changed."""
        tables, tree = self.state.tables, self._tree
        if tree is None:
            tree = self._tree = StateTree()
            forget_touched(tables)
            every = dump(tables)
            while some := {key: canonical(value) for key, value in islice(every, _BUILT_AT_ONCE)}:
                tree.update(some)
            self.rooted = None
        else:
            changed = {key: None if value is None else canonical(value) for key, value in take_touched(tables)}
            tree.update(changed)
            self.rooted = changed
        return len(tree), tree.root()

    def changed(self) -> int:
        """How many records changed since the last state root, or the last call of `root`."""
        return count_touched(self.state.tables)

    # replaying ------------------------------------------------------------------------------------------------------

    def replay(self, entry: Entry) -> None:
        """Fold an entry that was decided before. Raises `InvariantViolation` if it does not follow the last one."""
        ensure(entry.index == self.size and entry.time > self.time, f"entry {entry.index} does not follow {self.size}")
        items = [item for item, outcome in enumerate(entry.outcomes) for _ in range(outcome.events)]
        for nth, event in enumerate(entry.events):
            item = items[nth] if items else 0
            self._evolve[type(event)](self.state, event, At(entry.time, entry.index, item, self._shard, self._host))
        if entry.subject == STATE_ROOT_TIMER and self.changed() > _TOUCHED_MAX:
            self._tree = None
            forget_touched(self.state.tables)
        self._advance(entry)

    # inside ---------------------------------------------------------------------------------------------------------

    def _at(self, clock: int) -> At:
        return At(max(clock, self.time + 1), self.size, 0, self._shard, self._host)

    def _barred(self, header: Header, at: At) -> Refusal | None:
        """The first refusal that applies to any command, whatever its type, or None."""
        party = self.state.directory.parties[header.actor]
        key = party.keys.get(header.key_id) or party.recovery_keys[header.key_id]
        if not key.in_force:
            return refuse(Code.KEY_REVOKED, key_id=header.key_id)
        if at.time >= header.expires_at:
            return refuse(Code.COMMAND_EXPIRED)
        if header.issued_at > at.time + self.state.rules.clock_skew:
            return refuse(Code.COMMAND_FROM_FUTURE)
        if not header.issued_at < header.expires_at <= header.issued_at + self.state.rules.max_validity:
            return refuse(Code.VALIDITY_TOO_LONG)
        seen = header.seen
        if seen is not None and (seen.size > self.size or self._root_at(seen.size) != seen.root):
            return refuse(Code.SEEN_IS_NOT_OURS, size=seen.size)
        return None

    def _decide(self, header: Header, body: Any, at: At) -> Any:
        party = self.state.directory.parties[header.actor]
        if body.RECOVERY is not (header.key_id in party.recovery_keys):
            return refuse(Code.KEY_FOR_OTHER_USE, key_id=header.key_id)
        refusal = may_give(party, body, self.state.rules)
        if refusal is None and self.state.rules.judges_text:
            refusal = _unfit_text(body)
        if refusal is not None:
            return refusal
        return self.decider.commands[type(body)](self.state, body, party, at)

    def _of_commands(
        self, submission: Submission, at: At, outcomes: Sequence[Outcome], events: Sequence[Event]
    ) -> Entry:
        header = submission.header
        cause = CommandCause(submission.payload, submission.signature, header.key_id)
        return Entry(
            self.origin, at.index, f"{header.actor}/{header.command_id}", at.time, header.type, cause,
            submission.batch, tuple(outcomes), tuple(events),
        )  # fmt: skip

    def _too_large(self, submission: Submission, at: At, events: Sequence[Event], encoded: Sequence[bytes]) -> bool:
        """Whether what a single command decides does not go into one entry, to the byte."""
        entry = self._of_commands(submission, at, [Outcome(len(events), None)], events)
        return len(encode_entry(entry, encoded)) > limits.MAX_ENTRY_BYTES

    def _close(self, id_: str, subject: str, cause: Cause, at: At, events: Any) -> tuple[Entry, bytes]:
        for event in events:
            self._evolve[type(event)](self.state, event, at)
        return self._seal(Entry(self.origin, at.index, id_, at.time, subject, cause, False, (), tuple(events)))

    def _seal(self, entry: Entry, events: Sequence[bytes] | None = None) -> tuple[Entry, bytes]:
        data = encode_entry(entry, events)
        ensure(len(data) <= limits.MAX_ENTRY_BYTES, f"entry {entry.index} has {len(data)} bytes")
        try:
            self._advance(entry)
        except UnknownRules as problem:
            problem.decided = data  # for an auditor, who does not believe that an entry names them until it fits
            raise
        return entry, data

    def _rules_named(self, state: S, event: LogOpened | RulesAdopted, _at: At) -> None:
        self._named, state.next_rules = event, event.rules  # in force from the next entry on

    def _advance(self, entry: Entry) -> None:
        self.size, self.time = entry.index + 1, entry.time
        if self._named is not None:
            rules, self._named = rules_of(self._named.rules, self._named.release), None
            self.state.next_rules = None
            self.state.adopt(rules)


def _room_for_events(submission: Submission) -> int:
    """Bytes that the events of a submission may take in its entry: those of a batch that do not fit are refused.

    What a single command decides is encoded to see whether it fits, since the frame is taken for larger than it is.
    """
    payload = -(-len(submission.payload) * 4 // 3) + 4
    frame = limits.ENTRY_FRAME_BYTES + payload + limits.OUTCOME_BYTES * len(submission.bodies)
    return limits.MAX_ENTRY_BYTES - frame


def may_give(party: Party, body: Command, rules: Rules) -> Refusal | None:
    """Refuse a command that no party of this kind may give, whatever it asks for."""
    if body.ROLES and not any(role in party.roles for role in body.ROLES):
        return refuse(Code.ROLE_NOT_ALLOWED, needs=" or ".join(body.ROLES))
    exits = body.EXIT or (body.TYPE, body.V) in rules.exits
    return None if exits else not_taking_part(party)


def _unfit_text(body: Command) -> Refusal | None:
    for field, text in free_texts(body):
        if (why := unfit(text)) is not None:
            return refuse(Code.TEXT_NOT_ACCEPTABLE, field=field, why=why)
    return None


def _nothing(_state: object, _event: object, _at: At) -> None:
    """For events about the log itself, which leave the state unchanged."""
