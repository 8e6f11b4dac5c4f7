"""Decides everything again: each log's entries, in order, from nothing but the published bytes.

For every entry: (1) it is the canonical form of itself, its index and origin are right, its time and id are new;
(2) its cause exists: the signature is by a key known at that index, or the event of the other log is the next one to be
consumed, or a timer was due; (3) the decision, made again, gives the same bytes; (4) no event of another log was left
aside for long. State roots are entries like any other, so (3) compares the whole state as well. After the last entry
the ledger must add up.

Nothing in a log is trusted: any error that a decider raises on it is a finding, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any, Final, NamedTuple, NoReturn

from counterfoil.audit.acts import act_of
from counterfoil.audit.auctions import broken
from counterfoil.audit.books import Programmes
from counterfoil.audit.credit import mispriced, resting
from counterfoil.audit.differences import SHOWN, compared
from counterfoil.audit.duties import Duties, held_together, relations
from counterfoil.audit.files import CannotAudit
from counterfoil.audit.ids import UsedIds
from counterfoil.audit.kept import Kept, KeptLog, KeptSource
from counterfoil.audit.meetings import crossed
from counterfoil.audit.names import alike
from counterfoil.audit.reading import Heading, Reading
from counterfoil.audit.report import Finding, LogSummary, Outage, Recovery, Tail
from counterfoil.audit.signatures import Claim, Signatures
from counterfoil.audit.sources import CONSUME_WITHIN, LEFT_ASIDE, PUBLISHED_WITHIN, Source, SourceEvent
from counterfoil.audit.structure import OpenLog
from counterfoil.catalogue import SUBSCRIPTIONS
from counterfoil.contract.canonical import Refused, canonical
from counterfoil.contract.ensure import ensure
from counterfoil.contract.entry import Cause, CommandCause, Entry, EntryCause, GenesisCause, ResumedCause, TimerCause
from counterfoil.contract.envelope import signed_bytes
from counterfoil.contract.events import LogOpened, PartyRecovered, RulesAdopted, StateRooted
from counterfoil.contract.log_id import log_of
from counterfoil.contract.record import Event
from counterfoil.contract.submission import Submission
from counterfoil.contract.times import HOUR, SECOND, format_time, parse_time
from counterfoil.core.decider import Decider
from counterfoil.core.engine import STATE_ROOT_TIMER, Engine
from counterfoil.core.rules import UnknownRules, absent_of
from counterfoil.ledger.invariants import check_ledger
from counterfoil.log.errors import LogError
from counterfoil.matching.auction_events import AuctionCleared, Trade, TradeCleared
from counterfoil.matching.events import TradeMatched
from counterfoil.matching.passes import CONTINUATION
from counterfoil.runtime.verifier import Signed
from counterfoil.vocabulary import CODEC

TIMER_SLACK: Final = SECOND
"""How late a timer may be while anything else is decided: one batch."""
_CROSSED_SHOWN: Final = 20  # pairs
_UNREADABLE: Final = (LogError, OSError)


class ReplayStopped(Exception):
    """The replay of this log cannot continue; the finding is already recorded."""


class TailReached(Exception):
    """From this entry on the log waits for what another log has not published yet."""


_ENDS: Final = (ReplayStopped, TailReached, UnknownRules, *_UNREADABLE)
"""What ends the replay of one log, and of it alone."""


Watch = Callable[[Entry, Event | None], None]
"""Told of an entry that was decided again and is as published, and the event of another log that it is about."""


class Replayed(NamedTuple):
    """What the replay of one log has found. `place`: the log's name in findings."""

    place: str
    summary: LogSummary
    findings: list[Finding]
    genesis: GenesisCause | None
    unknown_rules: str
    """Which rules this release lacks, if that is why the replay ended."""


class Replay:
    """The replay of one log against the other logs of the same audit."""

    def __init__(
        self,
        log: OpenLog,
        decider: Decider[Any],
        readings: Mapping[str, Reading],
        signatures: Signatures,
        before: tuple[Kept, KeptLog] | None,
        now: int,
        watch: Watch | None = None,
    ) -> None:
        """`readings`: this log and all it may consume, by origin; nothing may have been read yet.

        `now`: when the last entry of all logs was made, microseconds.
        `before`: what an earlier audit kept of this log. Raises `CannotAudit` if that is damaged.
        """
        origin = log.checkpoint.origin
        self._signatures, self._log, self._now = signatures, log, now
        self._watch = watch
        self._event: Event | None = None  # of another log, that the entry is about
        self._bad: list[int] = []  # entries whose signature is not right
        self.place, self._vkey = log.files.name, log.key.vkey()
        self.findings: list[Finding] = []
        self.summary = LogSummary(origin, log.checkpoint.size, log.checkpoint.root.hex())
        self.genesis: GenesisCause | None = None
        self._unknown_rules = ""
        self._engine = Engine(decider, origin, log.tree.root_at)
        wanted = SUBSCRIPTIONS[decider.service]
        consumers = SUBSCRIPTIONS.values()
        self._consumed = frozenset(kind for each in consumers for kind in each.get(decider.service, ()))
        self._sources: dict[str, Source] = {}
        for source, reading in readings.items():
            types = wanted.get(log_of(source).service)
            if types is not None:
                begin = KeptSource() if before is None else before[1].sources.get(source, KeptSource())
                self._sources[source] = Source(reading, types, begin)
        self._ids = UsedIds()
        self._duties = Duties(decider.service)
        self._programmes = Programmes() if decider.service == "ledger" else None
        self._withheld: tuple[int, str] | None = None
        self._reading = readings[origin]
        self._entries = self._reading.entries()
        self._next: Heading | None = None
        self._stopped = False
        self.kept: KeptLog | None = None
        """What the next audit needs to know of this log, once this one has ended."""
        if before is not None:
            self._resume(log, *before)

    def _resume(self, log: OpenLog, kept: Kept, before: KeptLog) -> None:
        """Go on behind the last entry of an earlier audit."""
        decider, origin, records = self._engine.decider, before.origin, kept.records(before)
        try:
            engine = Engine.restore(decider, origin, log.tree.root_at, records, before.size, before.time)
            self._ids = kept.ids(before)
        except UnknownRules:
            raise
        except Exception as problem:  # the state of another decider may fail in any way
            raise kept.damaged(before, problem) from problem
        if engine.root()[1] != before.state_root:
            raise kept.damaged(before, "the state has another root")
        if len(self._ids) != before.size:
            raise kept.damaged(before, f"{len(self._ids)} ids of {before.size} entries")
        self._engine, self.genesis = engine, before.genesis
        self.summary.rules, self.summary.outages = list(before.rules), list(before.outages)
        self.summary.recoveries, self.summary.acts = list(before.recoveries), list(before.acts)
        self.summary.audited_before = before.size
        self._duties.resume(engine.state)
        if self._programmes is not None:
            self._programmes.resume(engine.state)

    def keep(self) -> tuple[KeptLog, Iterator[tuple[str, bytes]], UsedIds]:
        """All that the next audit has to know of this log, after one without findings."""
        ensure(self.kept is not None, "an audit is kept when it has ended")
        records = self._engine.decider.records(self._engine.state)
        return self.kept, ((key, canonical(value)) for key, value in records), self._ids  # type: ignore[return-value]

    def next_time(self) -> int | None:
        """When the next entry was made, microseconds; None if the replay goes no further."""
        heading = self._peek()
        return None if heading is None else heading.time

    def _peek(self) -> Heading | None:
        if self._next is None and not self._stopped:
            self._next = next(self._entries, None)
        return self._next

    def run(self, at_most: int, until: int | None) -> int:
        """Replay so many entries, of those made up to `until` (microseconds) if that is given; returns how many."""
        done = 0
        try:
            while done < at_most and (heading := self._peek()) and (until is None or heading.time <= until):
                self._next = None
                self._entry(heading)
                done += 1
        except _ENDS as problem:
            self._ended_by(problem)
        return done

    def end(self) -> Replayed:
        """Check what holds at the end, once no entry is left to replay."""
        try:
            if not self._stopped or self.summary.tail is not None:
                if self.summary.size == 0:
                    self._stop(0, "genesis_missing", "the log is empty: it has no genesis entry")
                self._check_end()
        except _ENDS as problem:
            self._ended_by(problem)
        self._signatures.settle()
        for index in sorted(self._bad):
            self._found(index, "signature_not_valid", "the command was not signed by the key it names")
        return Replayed(self.place, self.summary, self.findings, self.genesis, self._unknown_rules)

    def _ended_by(self, problem: Exception) -> None:
        """Say why there is no more to replay, if that is not said yet, and take no more entries."""
        if isinstance(problem, UnknownRules):
            self._unknown_rules = str(problem)
        elif not isinstance(problem, (ReplayStopped, TailReached)):
            self._found(self._engine.size, "log_not_readable", f"{problem}")
        self._next, self._stopped = None, True
        self._reading.leave()
        if not isinstance(problem, TailReached):
            for source in self._sources.values():
                source.leave()

    def _entry(self, heading: Heading) -> None:
        """Decide it again from its cause and time alone; look closer only if the bytes differ."""
        data, cause, time = heading
        index, rules = self._engine.size, self._engine.state.rules
        try:
            if isinstance(cause, Exception):
                raise cause  # noqa: TRY301 it could not be read, and is handled as what a decider raises
            if time <= self._engine.time:
                self._stop(index, "time_not_increasing", f"{time} is not after {self._engine.time}")
            decided, again = self._decide(index, cause, time)
        except (ReplayStopped, TailReached, CannotAudit, *_UNREADABLE):
            raise
        except UnknownRules as problem:
            self._check_names_them(index, data, problem)
            raise
        except Exception as problem:  # noqa: BLE001 a decider may fail in any way on what no decider has made
            self._check_place(index, data)
            self._stop(index, "decision_impossible", f"{problem!r}"[:SHOWN])
        if again != data or not self._ids.add(decided.id):
            entry = self._check_place(index, data)
            self._stop(index, *compared(decided, entry, self._engine.state))
        self._count(decided)
        if self._watch is not None:
            self._watch(decided, self._event)
        for text in self._duties.brought_together(self._engine.state, decided) if rules.separates_duties else ():
            self._found(index, "duties_not_separate", text)
        for text in self._programmes.differing(decided) if self._programmes is not None else ():
            self._found(index, "books_differ", text)
        if not self._consumed.isdisjoint(map(type, decided.events)):
            CODEC.keep_entry(data, decided)  # the same bytes: who consumes it soon need not decode it
        for origin, source in self._sources.items():
            late = source.withheld(time, self._is_ready)
            if late is not None:
                self._withheld_event(index, origin, late)

    def _check_names_them(self, index: int, data: bytes, problem: UnknownRules) -> None:
        """Only an entry that is right in all else can say that rules are needed which this release lacks.

        Otherwise whoever made a false log could end every audit of it before anything is found.
        """
        self._check_place(index, data)
        if problem.decided != data:
            self._stop(index, "decision_differs", f"what names other rules here is not what was decided: {problem}")
        self._signatures.settle()
        if index in self._bad:
            raise ReplayStopped

    def _check_place(self, index: int, data: bytes) -> Entry:
        """Stop at an entry that does not belong to this log at this index; otherwise return it."""
        try:
            entry = CODEC.decode_entry(data)
        except Refused as problem:
            self._stop(index, "entry_not_valid", f"{problem}")
        if entry.index != index or entry.origin != self.summary.origin:
            self._stop(index, "entry_misplaced", f"it states that it is entry {entry.index} of {entry.origin}")
        if entry.id in self._ids:
            self._stop(index, "id_used_twice", entry.id)
        return entry

    def _decide(self, index: int, cause: Cause, time: int) -> tuple[Entry, bytes]:
        engine, self._event = self._engine, None
        if (type(cause) is GenesisCause) is not (index == 0):
            self._stop(index, "genesis_misplaced", "a log has one genesis entry, its first")
        if type(cause) in (CommandCause, EntryCause):
            self._check_withheld(index, time)
        if type(cause) is CommandCause:
            return engine.submit(self._command(index, cause), time)
        if type(cause) is EntryCause:
            self._event = self._consume(index, cause, time)
            return engine.react(cause, self._event, time)
        if type(cause) is TimerCause:
            self._check_due(index, cause.kind, time)
            return engine.fire(cause.kind, time)
        if type(cause) is ResumedCause:
            self._check_outage(index, cause.away_since, time)
            return engine.resume(cause, time)
        self.genesis = cause
        return engine.genesis(cause, time)

    def _command(self, index: int, cause: CommandCause) -> Submission:
        try:
            submission = CODEC.decode_payload(cause.payload, cause.signature)
        except Refused as problem:
            self._stop(index, "command_not_valid", f"{problem}")
        header = submission.header
        key = self._engine.state.directory.public_key(header.actor, header.key_id)
        if key is None:
            self._stop(index, "key_not_known", f"{header.actor} had no key {header.key_id} here")
        if header.aud != self.summary.origin:
            self._stop(index, "wrong_audience", header.aud)
        if any(type(body) not in self._engine.decider.commands for body in submission.bodies):
            self._stop(index, "wrong_service", header.type)
        rules = self._engine.state.rules
        if (absent := absent_of(rules, submission.bodies)) is not None:
            self._found(index, "command_absent", f"rules version {rules.number} has no {absent.TYPE} v{absent.V}")
        signed = Signed(key, signed_bytes(cause.payload), cause.signature)
        self._signatures.verify(Claim(self._bad, index, signed))
        self.summary.signatures += 1
        return submission

    def _check_withheld(self, index: int, time: int) -> None:
        """No cause may come before a due timer; the continuation of a matching pass is due at 0, so it comes first."""
        due = self._engine.due()
        if due is not None and (due[0] == 0 or due[0] + TIMER_SLACK <= time) and due != self._withheld:
            self._withheld = due
            if due == CONTINUATION:
                self._found(index, "match_delayed", "orders that fit had not met yet, and this came before it")
                return
            self._found(index, "timer_withheld", f"{due[1]} was due at {format_time(due[0])}, and this came before it")

    def _consume(self, index: int, cause: EntryCause, time: int) -> Event:
        source = self._sources.get(cause.origin)
        if source is None:
            self._stop(
                index, "cause_not_available", f"the log {cause.origin} is not published, so this cannot be checked"
            )
        try:
            item = source.next()
        except Refused as problem:
            self._stop(index, "cause_not_readable", f"{cause.origin}: {problem}")
        if item is None:
            self._await(index, time, cause, source)
        if (item.index, item.item) != (cause.index, cause.item):
            expected = f"entry {item.index} event {item.item}"
            text = f"next to consume of {cause.origin} is {expected}, not entry {cause.index} event {cause.item}"
            self._stop(index, "cause_not_next", text)
        if item.leaf != cause.leaf:
            self._stop(index, "cause_differs", f"entry {cause.index} of {cause.origin} has a different leaf hash")
        if not self._is_ready(item.event):
            self._stop(index, "cause_too_early", "what the event refers to has not arrived here yet")
        if time + self._engine.state.rules.clock_skew < item.time:
            self._found(index, "effect_before_cause", f"its cause happened at {format_time(item.time)}")
        if source.since(item) + LEFT_ASIDE < time:
            self._check_left_aside(index, cause.origin, source, item, time)
        source.consumed()
        return item.event

    def _is_ready(self, event: Event) -> bool:
        ready = self._engine.decider.ready.get(type(event))
        return ready is None or bool(ready(self._engine.state, event))

    def _check_left_aside(self, index: int, origin: str, source: Source, item: SourceEvent, time: int) -> None:
        """No event is consumed days late, even by a log that made no entries. By the first rules none could say why."""
        if self._engine.state.rules.shortest_outage is None or source.is_reported:
            return
        away = [(parse_time(each.away_since), each.seconds * SECOND) for each in self.summary.outages]
        late = source.left_aside(item, time, [(since, since + lasted) for since, lasted in away])
        if late > LEFT_ASIDE:
            source.is_reported = True
            text = f"entry {item.index} of {origin} was left unconsumed for {late // HOUR} hours, and no outage is why"
            self._found(index, "event_withheld", text)

    def _await(self, index: int, time: int, cause: EntryCause, source: Source) -> NoReturn:
        """End the replay here without a finding, unless its cause should have been published by now."""
        if cause.index < source.end() or time + PUBLISHED_WITHIN < self._now:
            text = f"the published log {cause.origin} has no further event to consume, and this names its entry "
            self._stop(index, "cause_not_there", f"{text}{cause.index}")
        waiting = self.summary.size - index
        self.summary.tail = Tail(index, waiting, format_time(time), cause.origin, cause.index)
        raise TailReached

    def _check_due(self, index: int, kind: str, time: int) -> None:
        if kind == STATE_ROOT_TIMER:
            return
        if kind not in self._engine.decider.timers:
            self._stop(index, "timer_not_known", kind)
        due = self._engine.due()
        if due is None or due[0] > time or due[1] != kind:
            self._stop(index, "timer_not_due", kind)

    def _check_outage(self, index: int, away_since: int, time: int) -> None:
        """When the writer went away is its own word: all that a log can show is that it was silent in between."""
        shortest, last = self._engine.state.rules.shortest_outage, self._engine.time
        if shortest is None or not last <= away_since <= time - shortest:
            text = f"away since {format_time(away_since)}, with the entry before it at {format_time(last)}"
            self._stop(index, "outage_not_possible", text)
        self.summary.outages.append(Outage(index, format_time(away_since), (time - away_since) // SECOND))

    def _count(self, entry: Entry) -> None:
        summary = self.summary
        summary.entries_replayed += 1
        summary.commands += len(entry.outcomes)
        for outcome in entry.outcomes:
            summary.refused += outcome.refusal is not None
        summary.events += len(entry.events)
        for event in entry.events:
            if type(event) is TradeMatched or type(event) is TradeCleared:
                summary.trades += 1
                self._check_trade(entry.index, event)
            elif type(event) is AuctionCleared:
                summary.auctions += 1
                for text in broken(self._engine.state, event):
                    self._found(entry.index, "auction_wrong", text)
            elif type(event) is StateRooted:
                summary.state_roots += 1
            elif type(event) is LogOpened or type(event) is RulesAdopted:
                summary.rules.append({"from": entry.index + 1, "version": event.rules})
            elif isinstance(event, PartyRecovered) and self._engine.decider.service == "issuance":
                summary.recoveries.append(Recovery(
                    entry.index, format_time(entry.time), event.party_id, event.proposed_by, event.reason, event.key_id
                ))  # fmt: skip
            elif (act := act_of(entry, event)) is not None:
                summary.acts.append(act)
            elif (trade_id := mispriced(self._engine.state, event)) is not None:
                self._found(entry.index, "credit_price_wrong", trade_id)

    def _check_trade(self, index: int, trade: Trade) -> None:
        """The arithmetic of a trade, independent of the engine that made it."""
        if trade.notional != trade.price * trade.nodes * trade.gpus_per_node * trade.hours:
            self._found(index, "notional_wrong", trade.trade_id)

    def _check_end(self) -> None:
        engine, summary = self._engine, self.summary
        summary.state_root = engine.root()[1].hex()
        if engine.decider.service == "ledger":
            for text in check_ledger(engine.state):
                self._found(engine.size - 1, "conservation", text)
            for text in resting(engine.state):
                self._found(engine.size - 1, "book_crossed", text)
        if engine.decider.service == "matching":
            for bid_id, offer_id in islice(crossed(engine.state, engine.time), _CROSSED_SHOWN):
                self._found(engine.size - 1, "book_crossed", f"{bid_id} and {offer_id} rest, and fit one another")
        if engine.decider.service == "issuance":
            summary.relations, summary.alike = relations(engine.state), alike(engine.state)
        if engine.state.rules.separates_duties:
            summary.together = held_together(engine.decider.service, engine.state)
        if engine.size == summary.size or summary.tail is not None:
            try:
                self.kept = self._kept()
                self._check_now()
                summary.waiting = {origin: self._left(origin, source) for origin, source in self._sources.items()}
            except Refused as problem:
                self._found(engine.size - 1, "cause_not_readable", f"{problem}")

    def _kept(self) -> KeptLog | None:
        engine, summary = self._engine, self.summary
        if self.genesis is None:
            return None
        return KeptLog(
            origin=summary.origin,
            vkey=self._vkey,
            name=self.place.replace("/", "-"),
            size=engine.size,
            root=self._log.tree.root_at(engine.size),
            time=engine.time,
            state_root=bytes.fromhex(summary.state_root),
            genesis=self.genesis,
            rules=summary.rules,
            outages=summary.outages,
            recoveries=summary.recoveries,
            acts=summary.acts,
            sources={origin: source.position() for origin, source in self._sources.items()},
        )

    def _check_now(self) -> None:
        """Judged by the time of all logs, no timer is long due, and no event long waits for a log that stands still."""
        last, waiting = self._reading.time, dict[str, int]()
        stands_still = last + CONSUME_WITHIN < self._now
        if (due := self._engine.due()) is not None and due != self._withheld:
            waiting[f"timer {due[1]} is due"] = due[0] or last
        for origin, source in self._sources.items() if stands_still else ():
            if (item := source.next()) is not None and self._is_ready(item.event):
                waiting[f"entry {item.index} of {origin} waits"] = source.since(item)
        what = min(waiting, key=waiting.__getitem__, default="")
        if what and waiting[what] + CONSUME_WITHIN < self._now:
            since, now = format_time(waiting[what]), format_time(self._now)
            code = "log_stands_still" if stands_still else "timer_withheld"
            self._found(self.summary.size - 1, code, f"{what} since {since}, and other logs made entries until {now}")

    def _left(self, origin: str, source: Source) -> int:
        """How many events of a source were not consumed: backlog, unless this log has made entries long since."""
        first = source.next()
        if first is not None and not source.is_reported and source.since(first) + CONSUME_WITHIN < self._engine.time:
            self._withheld_event(self._engine.size - 1, origin, first)
        return sum(1 for _ in source.rest())

    def _withheld_event(self, index: int, origin: str, event: SourceEvent) -> None:
        text = f"entry {event.index} of {origin} was left unconsumed for long, although this log made entries"
        self._found(index, "event_withheld", text)

    def _found(self, index: int, code: str, text: str) -> None:
        self.findings.append(Finding(self.place, f"entry {index}", code, text))

    def _stop(self, index: int, code: str, text: str) -> NoReturn:
        self._found(index, code, text)
        raise ReplayStopped
