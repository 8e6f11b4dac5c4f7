"""Checks what clients observed against the published logs: `check` returns every contradiction.

| code | what was found |
|---|---|
| `acknowledged_lost` | a client has a receipt, and the command is not in the log |
| `recorded_twice` | one command, or one id, is two entries of a log |
| `receipt_differs` | the log has another entry at the receipt's index, or the command at another index |
| `receipt_not_proven` | the receipt does not verify, or is for another command |
| `checkpoint_not_prefix` | the history under a receipt's checkpoint is not a prefix of the published one |
| `refused_yet_recorded` | a final refusal at intake, and the same bytes are in the log |
| `refusal_not_proven` | a refusal that only a decision can give, without the entry that records it |
| `refusal_unknown` | a refusal with a code that the contract does not have |
| `conflict_unfounded` | refused because the id was used with other content, but the log has no such content |
| `outcomes_differ` | two contradictory answers to one id |
| `order_violated` | a command was sent after the receipt of another was received, but is before it in the log |
| `read_differs` | a balance that the position never had |
| `read_too_old` | a read had to wait for an entry, and shows a balance from before it |
| `read_went_back` | a client's later read shows an older balance than its earlier one, though both waited |

The findings of the logs' audit are added.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from operator import attrgetter
from pathlib import Path
from typing import Final

from counterfoil.audit.report import Finding
from counterfoil.contract.canonical import Refused as NotAnEntry
from counterfoil.contract.entry import CommandCause
from counterfoil.contract.refusal_meanings import MEANINGS, Stage
from counterfoil.contract.refusals import Code
from counterfoil.contract.submission import Submission
from counterfoil.log.checkpoint import Checkpoint, open_checkpoint
from counterfoil.log.errors import LogError
from counterfoil.log.keys import VerifyKey
from counterfoil.log.merkle import leaf_hash, verify_inclusion
from counterfoil.log.proofs import parse_receipt
from counterfoil.vocabulary import CODEC
from tests.histories.model import Log, Model, replay
from tests.histories.observed import Attempt, Observation, Read, Receipt, Refused, identity

FOREVER: Final = 1 << 62
Conflict: Final = Code.EXISTS_WITH_DIFFERENT_CONTENT


@dataclass
class CommandRecord:
    """One command, and the outcome of each time it was sent."""

    service: str
    id: str
    command: Submission
    attempts: list[Attempt] = field(default_factory=list)

    @property
    def receipts(self) -> Iterator[tuple[Attempt, Receipt]]:
        """The attempts that were answered with a receipt."""
        return ((each, each.answer) for each in self.attempts if isinstance(each.answer, Receipt))

    @property
    def refusals(self) -> Iterator[tuple[Attempt, str]]:
        """The attempts that were refused without a receipt, with the code."""
        return ((each, each.answer.code) for each in self.attempts if isinstance(each.answer, Refused))


@dataclass
class History:
    """The observations by command, the reads by client, and the model of the logs."""

    model: Model
    commands: dict[tuple[str, bytes], CommandRecord] = field(default_factory=dict)
    reads: dict[int, list[Read]] = field(default_factory=lambda: defaultdict(list))
    strays: list[Attempt] = field(default_factory=list)
    """Attempts to send bytes that are no command."""

    def take(self, observation: Observation) -> None:
        """Add one observation; the order does not matter."""
        if isinstance(observation, Read):
            self.reads[observation.client].append(observation)
            return
        command = observation.command
        if command is None:
            self.strays.append(observation)
            return
        service, id_ = identity(command)
        record = self.commands.setdefault((service, command.content), CommandRecord(service, id_, command))
        record.attempts.append(observation)

    def places(self, record: CommandRecord) -> list[int]:
        """The indexes of the command in its log."""
        log = self.model.logs.get(record.service)
        return log.commands.get(record.command.content, []) if log is not None else []


def check(
    observations: Iterable[Observation], logs: Path | Model, trusted: Mapping[str, VerifyKey] | None = None
) -> list[Finding]:
    """Contradictions between the observations and the published logs, and the audit's findings in the logs.

    `logs`: a directory as the audit reads it (or `replay` of one), with everything published that was acknowledged.
    `trusted`: the logs' keys by origin; without it, each log is checked against the key it publishes. A history is
    sound if there is no finding.
    """
    history = History(logs if isinstance(logs, Model) else replay(logs, trusted))
    for each in observations:
        history.take(each)
    return [*history.model.findings, *(finding for find in CHECKS for finding in find(history))]


def _finding(record: CommandRecord, attempt: Attempt | None, code: str, text: str) -> Finding:
    by = f"client {attempt.client}, " if attempt is not None else ""
    shard = record.command.header.aud.partition("/")[2]
    return Finding(shard, f"{by}{record.id}", code, text)


# receipts -----------------------------------------------------------------------------------------------------------


def _receipts(history: History) -> Iterator[Finding]:
    heads: dict[tuple[str, bytes], Checkpoint] = {}
    for stray in history.strays:
        if isinstance(stray.answer, Receipt):
            yield Finding(stray.answer.origin.partition("/")[2], f"client {stray.client}", "receipt_not_proven",
                          "a receipt for bytes that are no command")  # fmt: skip
    for record in history.commands.values():
        for attempt, receipt in record.receipts:
            log = history.model.logs.get(record.service)
            try:
                heads_of = _proven(record.command, receipt, log, heads)
            except (LogError, NotAnEntry) as problem:
                yield _finding(record, attempt, "receipt_not_proven", f"{problem}")
            else:
                yield from _prefix(record, attempt, heads_of, log)
            where = history.places(record)
            if log is None or not where:
                yield _finding(record, attempt, "acknowledged_lost", f"its receipt says entry {receipt.index}")
            elif receipt.index not in where or log.entries[receipt.index] != receipt.entry:
                yield _finding(record, attempt, "receipt_differs", f"receipt: entry {receipt.index}; log: {where}")


def _proven(
    command: Submission, receipt: Receipt, log: Log | None, heads: dict[tuple[str, bytes], Checkpoint]
) -> Checkpoint:
    """The checkpoint of the receipt. Raises `LogError`, `NotAnEntry`."""
    if log is None or (receipt.origin, receipt.origin) != (log.origin, command.header.aud):
        raise LogError(f"a receipt of {receipt.origin} for a command to {command.header.aud}")
    parsed = parse_receipt(receipt.proof)
    head = heads.get((log.origin, parsed.checkpoint_note))
    if head is None:
        head = heads[log.origin, parsed.checkpoint_note] = open_checkpoint(parsed.checkpoint_note, [log.key])
    verify_inclusion(parsed.index, head.size, leaf_hash(receipt.entry), parsed.proof, head.root)
    entry = CODEC.decode_entry(receipt.entry)
    if not (parsed.index == receipt.index == entry.index and (head.origin, entry.origin) == (log.origin, log.origin)):
        raise LogError(f"it says entry {receipt.index}, its proof {parsed.index}, the entry itself {entry.index}")
    if not isinstance(entry.cause, CommandCause) or entry.cause.payload != command.payload:
        raise LogError(f"entry {receipt.index} decides another command")
    return head


def _prefix(record: CommandRecord, attempt: Attempt, head: Checkpoint, log: Log | None) -> Iterator[Finding]:
    try:
        if log is not None:
            log.tree.check_prefix(head)
    except LogError as problem:
        yield _finding(record, attempt, "checkpoint_not_prefix", f"{problem}")


def _twice(history: History) -> Iterator[Finding]:
    for log in history.model.logs.values():
        twice = {tuple(where): id_ for id_, where in log.ids.items() if len(where) > 1}
        same = {tuple(where): content.hex() for content, where in log.commands.items() if len(where) > 1}
        for where, what in {**same, **twice}.items():
            yield Finding(log.name, f"entry {where[-1]}", "recorded_twice", f"{what} is entries {list(where)}")


# answers ------------------------------------------------------------------------------------------------------------


def _refusals(history: History) -> Iterator[Finding]:
    for record in history.commands.values():
        log, where = history.model.logs.get(record.service), history.places(record)
        for attempt, code in record.refusals:
            if code not in list(Code):
                yield _finding(record, attempt, "refusal_unknown", code)
                continue
            meaning = MEANINGS[Code(code)]
            if meaning.stage is Stage.DECISION:
                yield _finding(
                    record, attempt, "refusal_not_proven", f"{code} is a decision, and came without a receipt"
                )
            elif not meaning.transient and log is not None:
                here = [at for at in where if log.signatures[at] == _signature(attempt)]
                if here:
                    yield _finding(record, attempt, "refused_yet_recorded", f"{code}, and it is entry {here[0]}")
                if code == Conflict and not set(log.ids.get(record.id, ())) - set(where):
                    yield _finding(record, attempt, "conflict_unfounded", "the log has this id with no other content")


def _outcomes(history: History) -> Iterator[Finding]:
    """Receipts of one id name one entry, and a command with a receipt was not finally refused with the same bytes."""
    by_id: dict[tuple[str, str], dict[tuple[int, bytes], Attempt]] = defaultdict(dict)
    for record in history.commands.values():
        signed = set()
        for attempt, receipt in record.receipts:
            signed.add(_signature(attempt))
            entries = by_id[record.service, record.id]
            entries.setdefault((receipt.index, receipt.entry), attempt)
            if len(entries) > 1 and entries[receipt.index, receipt.entry] is attempt:
                receipts = " and ".join(f"entry {index} (client {each.client})" for (index, _), each in entries.items())
                yield _finding(record, attempt, "outcomes_differ", f"receipts: {receipts}")
        for attempt, code in record.refusals:
            if _final(code) and _signature(attempt) in signed:
                yield _finding(record, attempt, "outcomes_differ", f"refused ({code}), and another answer is a receipt")


def _final(code: str) -> bool:
    return code in list(Code) and MEANINGS[Code(code)].stage is Stage.INTAKE and not MEANINGS[Code(code)].transient


def _signature(attempt: Attempt) -> bytes:
    return attempt.command.signature if attempt.command is not None else b""


def _order(history: History) -> Iterator[Finding]:
    """Real time: a command sent after the receipt of another comes later in the same log."""
    by_service: dict[str, list[tuple[int, int, int, CommandRecord]]] = defaultdict(list)
    for record in history.commands.values():
        where = history.places(record)
        if where:
            sent = min(each.sent for each in record.attempts)
            answered = min((each.answered for each, _ in record.receipts), default=FOREVER)
            by_service[record.service].append((sent, answered, where[0], record))
    for commands in by_service.values():
        acknowledged = sorted(commands, key=lambda each: each[1])
        nth, last = 0, -1
        for sent, _, index, record in sorted(commands, key=lambda each: each[0]):
            while nth < len(acknowledged) and acknowledged[nth][1] < sent:
                last = max(last, acknowledged[nth][2])
                nth += 1
            if index < last:
                text = f"it is entry {index}, and was sent after the receipt of entry {last} was there"
                yield _finding(record, None, "order_violated", text)


# reads --------------------------------------------------------------------------------------------------------------


def _reads(history: History) -> Iterator[Finding]:
    for client, reads in history.reads.items():
        seen = 0
        for read in sorted(reads, key=attrgetter("sent")):
            code, text, seen = _read(history.model, read, seen)
            if code:
                yield Finding("ledger/main", f"client {client}, {read.account} {read.asset}", code, text)


def _read(model: Model, read: Read, seen: int) -> tuple[str, str, int]:
    """A finding's code and text, empty if the read is sound; and the smallest size of the log that shows this balance.

    `seen`: the same of the client's reads before it.
    """
    rows = model.balances.get((read.account, read.asset), [])
    starts = [0, *(index + 1 for index, _ in rows)]
    values = [None, *(value for _, value in rows)]
    when = [
        (start, stop)
        for start, stop, value in zip(starts, [*starts[1:], FOREVER], values, strict=True)
        if value == read.value
    ]
    if not when:
        return "read_differs", f"{read.value} was never its balance", seen
    if read.wait_for is None:
        return "", "", seen
    late = [start for start, stop in when if stop > read.wait_for + 1]
    if not late:
        return "read_too_old", f"{read.value} ended with entry {when[-1][1] - 1}, asked for {read.wait_for}", seen
    later = [start for start, stop in when if stop > max(seen, read.wait_for + 1)]
    if not later:
        return "read_went_back", f"{read.value} ended with entry {when[-1][1] - 1}, seen was size {seen}", seen
    return "", "", max(seen, later[0], read.wait_for + 1)


CHECKS: Final = (_receipts, _twice, _refusals, _outcomes, _order, _reads)
