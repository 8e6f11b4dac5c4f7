"""One step of a runner: what is consumed, decided and committed, in which order, and each exactly once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from counterfoil.contract.entry import CommandCause, EntryCause, GenesisCause, TimerCause
from counterfoil.contract.events import KeyRevoked, LogOpened, PartyRegistered, StateRooted
from counterfoil.contract.refusals import Code
from counterfoil.contract.submission import Seen
from counterfoil.contract.times import HOUR
from counterfoil.ledger.commands import Deposit
from counterfoil.log.checkpoint import open_checkpoint
from counterfoil.log.merkle import leaf_hash, root_of
from counterfoil.ports import COMMANDS_SOURCE, Delivery, Reply
from counterfoil.redemption.events import ContractCompleted, UsageAccepted
from counterfoil.runtime import runner as module
from counterfoil.vocabulary import CODEC
from tests.redemption.world import trade
from tests.runtime.harness import (
    DECIDER,
    KEY,
    ORIGIN,
    SOURCES,
    STRANGER,
    TREASURER,
    RunnerHarness,
    T,
    command_id,
    deposit,
    log_with,
    registered,
)
from tests.state_root import state_root

MATCHING, REDEMPTION = SOURCES["matching"], SOURCES["redemption"]


def usage(contract_id: str, report_id: str) -> UsageAccepted:
    """Usage of a contract."""
    return UsageAccepted(report_id=report_id, contract_id=contract_id, gpu_minutes=1, amount=1, by="window")


def open_harness(**sources: list[bytes]) -> RunnerHarness:
    """A runner whose log knows the treasurer."""
    harness = RunnerHarness(kept=None, **sources)
    harness.runner.step()
    return harness


# opening ------------------------------------------------------------------------------------------------------------


def test_a_new_log_is_opened_at_once_and_published_by_the_first_step() -> None:
    """Who becomes the writer waits for no file."""
    harness = RunnerHarness()
    (entry,) = harness.entries
    assert isinstance(entry.cause, GenesisCause)
    assert entry.events == (LogOpened(origin=ORIGIN, rules=1, release="0.1.0"),)
    assert harness.files.checkpoint() is None
    harness.start()
    assert len(harness.entries) == 1
    harness.runner.step()
    note = harness.files.checkpoint()
    assert note is not None
    assert open_checkpoint(note, [KEY.verify_key]).size == len(harness.entries)


def test_a_restart_resumes_at_the_end_of_the_log() -> None:
    harness = open_harness()
    harness.send(deposit(1))
    before = [each.data for each in harness.store.kept]
    root = state_root(DECIDER.records(harness.runner.engine.state))
    harness.start()
    assert state_root(DECIDER.records(harness.runner.engine.state)) == root
    assert harness.runner.step() == 0
    assert harness.send(deposit(2)) == []
    assert [each.data for each in harness.store.kept][:-1] == before
    assert harness.runner.tree.root() == root_of([leaf_hash(each.data) for each in harness.store.kept])


# commands -----------------------------------------------------------------------------------------------------------


def ticks(number: int, count: int) -> bytes:
    """A command that makes this many ticks due."""
    body = Deposit(party_id="ticks", currency="CNY", amount=count, payment_reference="ticks")
    return TREASURER.sign(body, ORIGIN, command_id(number), T)


def test_a_step_decides_events_of_other_logs_before_commands() -> None:
    harness = open_harness(matching=log_with(MATCHING, [trade("c1")]))
    harness.arrive("matching")
    harness.send(deposit(1), deposit(2))
    assert [type(entry.cause) for entry in harness.entries[-3:]] == [EntryCause, CommandCause, CommandCause]


def test_nothing_overtakes_a_due_timer() -> None:
    harness = open_harness()
    harness.send(deposit(1), ticks(2, 2), deposit(3))
    assert harness.runner.engine.state.heard == ["p1", "ticks", "p3"]
    causes = [type(entry.cause) for entry in harness.entries[-5:]]
    assert causes == [CommandCause, CommandCause, TimerCause, TimerCause, CommandCause]
    harness.runner.engine.state.ticks = 2  # they fell due while the log was idle
    harness.send(deposit(4))
    assert [type(entry.cause) for entry in harness.entries[-3:]] == [TimerCause, TimerCause, CommandCause]


def test_an_accepted_and_a_refused_command_are_entries() -> None:
    harness = open_harness()
    assert harness.send(deposit(1), deposit(2, amount=3)) == []
    good, bad = harness.entries[-2:]
    assert [good.outcomes[0].refusal, len(good.events)] == [None, 1]
    assert bad.outcomes[0].refusal is not None
    assert (bad.outcomes[0].refusal.code, bad.events) == (Code.AMOUNT_TOO_LARGE, ())


def test_what_is_refused_at_the_gate_makes_no_entry() -> None:
    harness = open_harness()
    size = len(harness.entries)
    replies = harness.send(b"{}", deposit(1, author=STRANGER), deposit(1, aud="a.example/b/c"))
    assert [each.refused and each.refused.code for each in replies] == [
        Code.MALFORMED, Code.UNKNOWN_KEY, Code.WRONG_AUDIENCE,
    ]  # fmt: skip
    assert len(harness.entries) == size


@pytest.mark.parametrize("amount", [2, 3])
def test_a_repeated_command_gets_its_recorded_entry(amount: int) -> None:
    """Accepted or refused; in the same batch, in a later one, and after a restart."""
    harness = open_harness()
    envelope = deposit(1, amount=amount)
    (within,) = harness.send(envelope, envelope)
    size = len(harness.entries)
    (later,) = harness.send(envelope)
    harness.start()
    (restarted,) = harness.send(envelope)
    assert within == later == restarted
    assert (within.index, within.refused) == (size - 1, None)
    assert len(harness.entries) == size


def test_a_command_id_serves_one_content() -> None:
    harness = open_harness()
    size = len(harness.entries)
    first, other = deposit(1), deposit(1, amount=4)
    (within,) = harness.send(first, other)
    (later,) = harness.send(other)
    for reply in (within, later):
        assert reply.refused is not None
        assert reply.refused.code is Code.EXISTS_WITH_DIFFERENT_CONTENT
        assert dict(reply.refused.detail) == {"index": str(size)}
    assert within.content != harness.store.kept[-1].content
    assert len(harness.entries) == size + 1


def test_the_same_command_id_of_two_parties_is_two_commands() -> None:
    source = log_with(SOURCES["issuance"], registered(TREASURER, "treasurer"), registered(STRANGER, "treasurer"))[1:]
    harness = open_harness(issuance=source)
    assert harness.send(deposit(1), deposit(1, author=STRANGER)) == []
    assert [entry.id for entry in harness.entries[-2:]] == [
        f"treasurer/{command_id(1)}", f"stranger/{command_id(1)}",
    ]  # fmt: skip


def test_a_key_revoked_in_the_same_step_bars_the_command_on_record() -> None:
    gone = KeyRevoked(party_id=TREASURER.party_id, key_id=TREASURER.key_id, reason="lost")
    harness = RunnerHarness(issuance=log_with(SOURCES["issuance"], [gone])[:0])
    harness.runner.step()
    harness.logs[SOURCES["issuance"]] += log_with(SOURCES["issuance"], [], [gone])[1:]
    harness.arrive("issuance")
    harness.send(deposit(1))
    outcome = harness.entries[-1].outcomes[0].refusal
    assert outcome is not None
    assert outcome.code is Code.KEY_REVOKED


def test_seen_may_name_a_head_within_the_batch() -> None:
    twin, harness = open_harness(), open_harness()
    twin.send(deposit(1))
    leaves = [each.leaf for each in twin.store.kept]
    good = Seen(size=len(leaves), root=root_of(leaves))
    bad = Seen(size=len(leaves), root=root_of(leaves[:-1]))
    ahead = Seen(size=len(leaves) + 4, root=root_of(leaves))
    harness.send(deposit(1), deposit(2, seen=good), deposit(3, seen=bad), deposit(4, seen=ahead), deposit(5, seen=good))
    codes = [entry.outcomes[0].refusal and entry.outcomes[0].refusal.code for entry in harness.entries[-5:]]
    assert codes == [None, None, Code.SEEN_IS_NOT_OURS, Code.SEEN_IS_NOT_OURS, None]
    assert harness.runner.tree.root() == root_of([each.leaf for each in harness.store.kept])


# events of other logs -----------------------------------------------------------------------------------------------


def test_each_event_is_consumed_once_in_its_place() -> None:
    harness = open_harness(matching=log_with(MATCHING, [trade("c1"), trade("c2")], [trade("c3")]))
    harness.arrive("matching")
    harness.runner.step()
    harness.runner.step()
    harness.start()
    harness.runner.step()
    causes = [entry.cause for entry in harness.entries if entry.subject == "matching"]
    places = [(each.index, each.item) for each in causes if isinstance(each, EntryCause)]
    assert places == [(0, 0), (0, 1), (1, 0)]
    assert harness.store.cursors()[MATCHING] == 2


def test_a_source_waits_until_what_it_refers_to_arrived() -> None:
    harness = open_harness(
        matching=log_with(MATCHING, [trade("c1")], [trade("c2")], [trade("c3")]),
        redemption=log_with(
            REDEMPTION,
            [usage("c1", "r1")],
            [usage("c1", "r2"), usage("c3", "r3")],  # both wait, although one is ready
            [ContractCompleted(contract_id="c1")],  # and later ones wait with them, although ready
        ),
    )
    heard = harness.runner.engine.state.told.values()
    harness.arrive("redemption")
    harness.send(deposit(1))
    assert [*heard] == ["p1"]
    assert REDEMPTION not in harness.store.cursors()
    harness.arrive("matching", 2)
    harness.runner.step()
    harness.runner.step()
    assert [*heard] == ["p1", "c1", "c2", "r1"]
    harness.start()  # the wait survives a restart
    heard = harness.runner.engine.state.told.values()
    harness.send(deposit(2))
    assert [*heard] == ["p1", "c1", "c2", "r1", "p2"]
    assert harness.store.cursors()[REDEMPTION] == 1
    harness.arrive("matching")
    harness.runner.step()
    harness.runner.step()
    assert [*heard] == ["p1", "c1", "c2", "r1", "p2", "c3", "r2", "r3", "end of c1"]
    assert harness.store.cursors() == {SOURCES["issuance"]: 1, MATCHING: 3, REDEMPTION: 3}


def test_a_step_that_only_waits_writes_nothing() -> None:
    harness = open_harness(redemption=log_with(REDEMPTION, [usage("c1", "r1")]))
    size = len(harness.entries)
    harness.arrive("redemption")
    assert [harness.runner.step() for _ in range(3)] == [0, 0, 0]
    assert len(harness.entries) == size


def test_entries_without_subscribed_events_are_not_parsed() -> None:
    harness = open_harness(matching=[b"not an entry at all", *log_with(MATCHING, [], [trade("c1")])[1:]])
    harness.arrive("matching", 1)
    assert harness.runner.step() == 0
    assert MATCHING not in harness.store.cursors()  # skipping it again costs nothing
    harness.arrive("matching")
    assert harness.runner.step() == 1
    assert harness.store.cursors()[MATCHING] == 2


def test_skipped_entries_move_the_cursor_with_the_next_commit() -> None:
    harness = open_harness(matching=[b"nothing for the ledger"] * 3)
    harness.arrive("matching")
    harness.runner.step()
    assert MATCHING not in harness.store.cursors()
    harness.send(deposit(1))
    assert harness.store.cursors()[MATCHING] == 3
    assert COMMANDS_SOURCE not in harness.store.cursors()


def test_a_command_that_the_rules_in_force_lack_is_refused_and_makes_no_entry() -> None:
    harness = open_harness()
    harness.send(deposit(1))
    size, rules = len(harness.entries), harness.runner.engine.state.rules
    harness.runner.engine.state.rules = replace(rules, absent=frozenset({("deposit", 1)}))
    (reply,) = harness.send(deposit(2))
    assert reply.refused is not None
    assert (reply.refused.code, dict(reply.refused.detail)["type"]) == (Code.UNKNOWN_TYPE, "deposit")
    assert len(harness.entries) == size
    (again,) = harness.send(deposit(1))  # decided before: its recorded outcome stays
    assert again.index is not None


def test_what_was_refused_at_intake_is_consumed_before_it_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise it would be consumed again after a restart, and might take effect although its sender got a refusal."""
    harness = open_harness()
    place = ("commands@cluster", 8)
    stranger = Delivery(COMMANDS_SOURCE, 7, deposit(1, author=STRANGER), resume=(place,))
    monkeypatch.setattr(harness.runner.inbox, "poll", lambda _limit, _timeout: [stranger])
    monkeypatch.setattr(harness.runner.inbox, "acknowledge", lambda _positions: None)
    size = len(harness.entries)
    replied: list[tuple[Reply, dict[str, int]]] = []
    monkeypatch.setattr(
        harness.transport, "reply", lambda reply: replied.append((reply, dict(harness.store.cursors())))
    )
    assert harness.runner.step() == 0
    ((reply, stored),) = replied
    assert reply.refused is not None
    assert stored[place[0]] == place[1]
    assert len(harness.entries) == size


# timers and state roots ---------------------------------------------------------------------------------------------


def test_due_timers_are_committed_a_bounded_number_at_a_time() -> None:
    harness = open_harness()
    bound = module._TIMERS_PER_COMMIT
    harness.runner.engine.state.ticks = 2 * bound + 2
    sizes = harness.store.appended
    sizes.clear()
    assert harness.runner.next_due() == T
    harness.send(deposit(1))
    assert sizes == [bound, bound, 2 + 1]
    assert harness.runner.next_due() is None
    assert harness.runner.step() == 0
    harness.runner.engine.state.ticks = 2 * bound
    assert harness.runner.step() > 0
    assert sizes == [bound, bound, 2 + 1, bound, bound]


@pytest.mark.parametrize("restarts", [False, True])
def test_what_follows_from_a_cause_is_committed_in_parts_and_nothing_comes_between(
    monkeypatch: pytest.MonkeyPatch, restarts: bool
) -> None:
    """A pass may be as long as the book: whoever can make one long must not decide how large a commit gets."""
    monkeypatch.setattr(module, "_ENTRIES_PER_COMMIT", 10)
    bound = module._TIMERS_PER_COMMIT
    long, both = trade("ticks-1", nodes=bound + 20), [trade("ticks-2", nodes=3), trade("ticks-3", nodes=1)]
    harness = open_harness(matching=log_with(MATCHING, [trade("c1")], [long], both, [trade("c4")]))
    sizes, before = harness.store.appended, len(harness.entries)
    sizes.clear()
    harness.arrive("matching")
    assert harness.send(deposit(1), deposit(2, 2, author=STRANGER)) == []
    assert sizes == [10]
    if restarts:
        harness.start()
    while harness.runner.step():
        pass
    made = [entry.subject for entry in harness.entries[before:]]
    ticks = [["matching"] + ["tick"] * number for number in (0, bound + 20, 3, 1, 0)]
    assert made == [*(subject for part in ticks for subject in part), "deposit"]
    assert max(sizes) <= bound
    assert harness.store.cursors()[MATCHING] == 4
    assert [reply.refused is not None for reply in harness.transport.take_replies()] == [True]


@pytest.mark.parametrize("restarts", [False, True])
def test_the_state_is_committed_to_every_so_often(monkeypatch: pytest.MonkeyPatch, restarts: bool) -> None:
    monkeypatch.setattr(module, "STATE_ROOT_EVERY", 5)
    harness = open_harness()
    for number in range(23):
        harness.send(deposit(number))
        if restarts and number % 3 == 0:
            harness.start()
    rooted = [entry.index for entry in harness.entries if isinstance(entry.events[0], StateRooted)]
    assert rooted == [5, 11, 17, 23, 29]
    for index in rooted:
        event = harness.entries[index].events[0]
        assert isinstance(event, StateRooted)
        assert event.entries == index


def test_sealing_commits_to_the_state_once_and_publishes_everything() -> None:
    harness = open_harness()
    harness.send(deposit(1), deposit(2))
    harness.runner.seal()
    size = len(harness.entries)
    event = harness.entries[-1].events[0]
    assert isinstance(event, StateRooted)
    assert (event.records, event.root) == state_root(DECIDER.records(harness.runner.engine.state))
    harness.runner.seal()
    assert len(harness.entries) == size
    note = harness.files.checkpoint()
    assert note is not None
    head = open_checkpoint(note, [KEY.verify_key])
    assert (head.size, head.root) == (size, root_of([each.leaf for each in harness.store.kept]))


def test_time_rises_though_the_clock_stands_still_or_the_log_is_ahead_of_it() -> None:
    harness = open_harness()
    harness.clock.advance_to(T + HOUR)
    harness.send(deposit(1, expires_at=T + 2 * HOUR))
    harness.clock._now = T  # the machine's clock was set back
    harness.send(deposit(2, expires_at=T + 2 * HOUR), deposit(3, expires_at=T + 2 * HOUR))
    times = [entry.time for entry in harness.entries]
    assert times == sorted(set(times))
    assert times[-3:] == [T + HOUR, T + HOUR + 1, T + HOUR + 2]
    harness.start()
    harness.send(deposit(4, expires_at=T + 2 * HOUR))
    assert harness.entries[-1].time == T + HOUR + 3


def test_a_batch_takes_no_more_than_its_bound_of_causes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BATCH_CAUSES", 4)
    harness = open_harness()
    harness.send(*(deposit(number) for number in range(10)))
    made = [4, *(harness.runner.step() for _ in range(3))]
    assert made == [4, 4, 2, 0]
    assert [entry.id for entry in harness.entries[-10:]] == [f"treasurer/{command_id(n)}" for n in range(10)]


def test_what_is_announced_is_what_is_committed() -> None:
    harness = open_harness()
    inbox = harness.transport.open_inbox("reader", None, {ORIGIN: 0})
    harness.send(deposit(1), deposit(2))
    announced = [each.data for each in inbox.poll(100, 0)]
    assert announced == [each.data for each in harness.store.kept]
    checkpoint = harness.transport.checkpoints(ORIGIN)
    head = harness.store.head()
    assert checkpoint is not None
    assert head is not None
    assert (checkpoint.size, checkpoint.note) == (head.size, head.note)
    assert open_checkpoint(head.note, [KEY.verify_key]).root == head.root
    assert isinstance(CODEC.decode_entry(announced[1]).events[0], PartyRegistered)
