"""The figures of a history, for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from itertools import pairwise

from tests.histories.observed import Attempt, Observation, Read, Receipt, Refused, identity


@dataclass(frozen=True)
class Figures:
    """Counts, and times in milliseconds."""

    commands: int
    attempts: int
    receipts: int
    refused: int
    """Refusals without an entry."""
    unknown: int
    unresolved: int
    """Commands whose outcome is unknown to every client."""
    reads: int
    milliseconds: int
    longest_silence: int
    """The longest time between two receipts."""
    median: int
    """From the first sending of a command to its first receipt."""
    slowest: int

    def __str__(self) -> str:
        return ", ".join(f"{name.replace('_', ' ')} {value:,}" for name, value in asdict(self).items())


def figures(observations: Iterable[Observation]) -> Figures:
    """The figures of a history."""
    attempts, reads, answers = list[Attempt](), 0, Counter[str]()
    for each in observations:
        if isinstance(each, Read):
            reads += 1
        else:
            attempts.append(each)
            answers[type(each.answer).__name__] += 1
    first: dict[tuple[str, str], int] = {}
    done: dict[tuple[str, str], int] = {}
    for each in attempts:
        command = each.command
        if command is not None:
            name = identity(command)
            first[name] = min(each.sent, first.get(name, each.sent))
            if isinstance(each.answer, Receipt):
                done[name] = min(each.answered, done.get(name, each.answered))
    when = sorted(each.answered for each in attempts if isinstance(each.answer, Receipt))
    took = sorted(done[name] - first[name] for name in done)
    known = done.keys() | {
        identity(each.command) for each in attempts if isinstance(each.answer, Refused) and each.command is not None
    }
    return Figures(
        commands=len(first),
        attempts=len(attempts),
        receipts=answers["Receipt"],
        refused=answers["Refused"],
        unknown=answers["Unknown"],
        unresolved=len(first.keys() - known),
        reads=reads,
        milliseconds=_ms(max((each.answered for each in attempts), default=0) - min(first.values(), default=0)),
        longest_silence=_ms(max((late - early for early, late in pairwise(when)), default=0)),
        median=_ms(took[len(took) // 2] if took else 0),
        slowest=_ms(took[-1] if took else 0),
    )


def _ms(nanoseconds: int) -> int:
    return nanoseconds // 1_000_000
