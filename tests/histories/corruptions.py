"""Changes that make a sound history unsound, each with its expected finding: false answers of gateways, logs and views.

A change gets the observations, may publish the logs again, and returns the changed observations; or None if it does
not apply to this history.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import TypeVar

from counterfoil.contract.canonical import canonical
from counterfoil.contract.log_id import log_of
from counterfoil.log.checkpoint import Checkpoint, sign_checkpoint
from counterfoil.log.merkle import leaf_hash
from counterfoil.log.proofs import Receipt as Proof
from counterfoil.log.proofs import format_receipt
from counterfoil.log.tree import Tree
from tests.audit.forge import Forgery, publish
from tests.histories.checker import Conflict
from tests.histories.model import Model
from tests.histories.observed import Answer, Attempt, Balance, Observation, Read, Receipt, Refused

Observations = list[Observation]
T = TypeVar("T")


@dataclass
class SoundHistory:
    """A sound history that may be changed: observations, the model of its logs, and the directory of the logs."""

    observations: Observations
    model: Model
    logs: Path
    rng: Random

    def one(self, among: list[T]) -> T | None:
        """A random item; None if there is none."""
        return self.rng.choice(among) if among else None

    def acknowledged(self) -> list[Attempt]:
        """The attempts that were answered with a receipt."""
        return [each for each in self.attempts() if isinstance(each.answer, Receipt)]

    def attempts(self) -> list[Attempt]:
        """All attempts."""
        return [each for each in self.observations if isinstance(each, Attempt)]

    def reads(self) -> list[Read]:
        """The reads that had to wait for an entry."""
        return [each for each in self.observations if isinstance(each, Read) and each.wait_for is not None]

    def put(self, old: Observation, *new: Observation) -> Observations:
        """The observations, with one of them replaced."""
        return [changed for each in self.observations for changed in (new if each is old else (each,))]

    def end(self) -> int:
        """A time later than all observations."""
        return max(each.answered for each in self.observations) + 1


def _answered(
    change: Callable[[Receipt, SoundHistory], Answer | None],
) -> Callable[[SoundHistory], Observations | None]:
    """A change of one receipt."""

    def apply(history: SoundHistory) -> Observations | None:
        attempt = history.one(history.acknowledged())
        if attempt is None or not isinstance(attempt.answer, Receipt):
            return None
        answer = change(attempt.answer, history)
        return None if answer is None else history.put(attempt, replace(attempt, answer=answer))

    return apply


def _second_answer(answer: Callable[[Receipt], Answer]) -> Callable[[SoundHistory], Observations | None]:
    """A second client sends the same bytes and gets another answer."""

    def apply(history: SoundHistory) -> Observations | None:
        attempt = history.one(history.acknowledged())
        if attempt is None or not isinstance(attempt.answer, Receipt):
            return None
        more = Attempt(99, history.end(), history.end() + 1, attempt.envelope, answer(attempt.answer))
        return [*history.observations, more]

    return apply


# receipts -----------------------------------------------------------------------------------------------------------


def _unproven(receipt: Receipt, _patient: SoundHistory) -> Receipt:
    """Another signature under the checkpoint."""
    at = len(receipt.proof) - 20
    other = b"A" if receipt.proof[at : at + 1] != b"A" else b"B"
    return replace(receipt, proof=receipt.proof[:at] + other + receipt.proof[at + 1 :])


def _elsewhere(receipt: Receipt, _patient: SoundHistory) -> Receipt:
    return replace(receipt, index=receipt.index + 1)


def _other_bytes(receipt: Receipt, history: SoundHistory) -> Receipt:
    entries = history.model.logs[log_of(receipt.origin).service].entries
    return replace(receipt, entry=entries[receipt.index - 1])


def _forked(receipt: Receipt, history: SoundHistory) -> Receipt:
    """The log signed another history for this client only, with the same entry in it."""
    service = log_of(receipt.origin).service
    entries = list(history.model.logs[service].entries[: receipt.index + 1])
    entries[history.rng.randrange(receipt.index)] = b"{}"
    tree = Tree(lambda _level, _index: b"")
    tree.append([leaf_hash(entry) for entry in entries])
    head = Checkpoint(receipt.origin, len(entries), tree.root())
    note = sign_checkpoint(head, Forgery(history.logs, service).key)
    path = tuple(tree.inclusion_proof(receipt.index, len(entries)))
    return replace(receipt, proof=format_receipt(Proof(receipt.index, path, note)))


# logs ---------------------------------------------------------------------------------------------------------------


def _forgets(history: SoundHistory) -> Observations | None:
    """The log is published as it was before an acknowledged command."""
    attempt = history.one(history.acknowledged())
    if attempt is None or not isinstance(attempt.answer, Receipt):
        return None
    forgery = Forgery(history.logs, log_of(attempt.answer.origin).service)
    publish(forgery.root, forgery.key, [canonical(entry) for entry in forgery.entries[: attempt.answer.index]])
    return history.observations


def _doubles(history: SoundHistory) -> Observations | None:
    """The log applies an acknowledged command a second time."""
    attempt = history.one(history.acknowledged())
    if attempt is None or not isinstance(attempt.answer, Receipt):
        return None
    forgery = Forgery(history.logs, log_of(attempt.answer.origin).service)
    again = {**forgery.entries[attempt.answer.index]}
    forgery.entries.append({**again, "data": {**again["data"]}})
    forgery.renumber()
    forgery.seal()
    return history.observations


def _decides_otherwise(history: SoundHistory) -> Observations | None:
    """An event in the log differs from the one that the deciders make."""
    forgery = Forgery(history.logs, "ledger")
    index = history.one(forgery.where(lambda entry: any("legs" in event for event in entry["data"]["events"])))
    if index is None:
        return None
    event = next(each for each in forgery.entries[index]["data"]["events"] if "legs" in each)
    event["legs"][0]["amount"] = str(int(event["legs"][0]["amount"]) + 1)
    forgery.seal()
    return history.observations


# order and reads ----------------------------------------------------------------------------------------------------


def _overtakes(history: SoundHistory) -> Observations | None:
    """A command that comes early in its log was sent after a later one was acknowledged."""
    rows = [(each, each.answer) for each in history.acknowledged() if isinstance(each.answer, Receipt)]
    pairs = [
        (early, late)
        for early, one in rows
        for late, other in rows
        if one.origin == other.origin and one.index < other.index
    ]
    pair = history.one(pairs)
    if pair is None:
        return None
    early, late = pair
    moved: Observations = []
    for each in history.observations:
        if isinstance(each, Attempt) and each.envelope == early.envelope:
            moved.append(replace(each, sent=late.answered + 1, answered=late.answered + 2))
        elif not (isinstance(each, Attempt) and each.command and each.command.content == _content(early)):
            moved.append(each)
    return moved


def _content(attempt: Attempt) -> bytes:
    return attempt.command.content if attempt.command is not None else b""


def _never_had(history: SoundHistory) -> Observations | None:
    """A view shows a balance that never existed, as after a lost entry."""
    read = history.one(history.reads())
    if read is None:
        return None
    value = read.value or Balance(0, 0, 0)
    return history.put(read, replace(read, value=replace(value, posted=value.posted + 1)))


def _did_not_wait(history: SoundHistory) -> Observations | None:
    """The views answered before they had the entry that the read had to wait for."""
    old = [each for each in history.reads() if _ends(history, each) is not None]
    read = history.one(old)
    return None if read is None else history.put(read, replace(read, wait_for=_ends(history, read)))


def _ends(history: SoundHistory, read: Read) -> int | None:
    """The entry that changed the balance that was read; None if none did."""
    rows = history.model.balances.get((read.account, read.asset), [])
    starts = [None, *(value for _, value in rows)]
    at = starts.index(read.value)
    return rows[at][0] if at < len(rows) else None


def _went_back(history: SoundHistory) -> Observations | None:
    """A client that saw a balance is shown the one before it."""
    old = [each for each in history.reads() if each.value is not None]
    read = history.one(old)
    if read is None:
        return None
    rows = history.model.balances[read.account, read.asset]
    at = [value for _, value in rows].index(read.value)  # type: ignore[arg-type]
    before = rows[at - 1][1] if at else None
    end = history.end()
    later = [replace(read, sent=end, answered=end + 1), replace(read, sent=end + 2, answered=end + 3, wait_for=0)]
    return [*history.observations, later[0], replace(later[1], value=before)] if rows[at][0] > 0 else None


CHANGES: dict[str, Callable[[SoundHistory], Observations | None]] = {
    "acknowledged_lost": _forgets,
    "recorded_twice": _doubles,
    "decision_differs": _decides_otherwise,
    "receipt_not_proven": _answered(_unproven),
    "receipt_differs": _answered(_elsewhere),
    "receipt_differs, by its bytes": _answered(_other_bytes),
    "checkpoint_not_prefix": _answered(_forked),
    "refused_yet_recorded": _answered(lambda _receipt, _patient: Refused("bad_signature")),
    "refusal_not_proven": _answered(lambda _receipt, _patient: Refused("exceeds_available")),
    "refusal_unknown": _answered(lambda _receipt, _patient: Refused("no_such_code")),
    "conflict_unfounded": _answered(lambda _receipt, _patient: Refused(Conflict.value)),
    "outcomes_differ": _second_answer(lambda receipt: replace(receipt, index=receipt.index + 1)),
    "outcomes_differ, one refused": _second_answer(lambda _receipt: Refused("malformed")),
    "order_violated": _overtakes,
    "read_differs": _never_had,
    "read_too_old": _did_not_wait,
    "read_went_back": _went_back,
}
"""By the code of the finding, up to a comma."""
