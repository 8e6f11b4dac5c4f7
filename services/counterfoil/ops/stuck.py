"""When a consumer is stuck: a pure judgement over samples, so that it can be tested on any clock.

A consumer that has nothing to read is idle, one that is behind and moves is busy; stuck is one that is behind and does
not move, that is not answered any more, or that waits for an entry which does not come. aiokafka consumers can stay so
after a broker restart without an error (its issues 847 and 1154): nobody notices unless somebody looks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

PATIENCE: Final = 30.0
"""Seconds without progress after which a consumer counts as stuck."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One look at what a consumer has of one source; both times in seconds of the same clock."""

    time: float
    position: int
    """The next message to be consumed; everything before it is."""
    highwater: int
    """Where the source ends: the position of the next message that somebody writes."""
    last_poll: float
    """When the broker last answered a fetch, with messages or without; before the first, when the source was opened."""
    missing: int | None = None
    """The index of a log's entry that is waited for while later ones are there."""


@dataclass(frozen=True, slots=True)
class Watched:
    """A source as watched: its last sample, and since when it has stood there."""

    sample: Sample
    behind_since: float | None
    """Time of the first sample with this position and more to read; None while there is no more."""
    missing_since: float | None
    """Time of the first sample that waits for this entry."""


def follow(before: Watched | None, sample: Sample) -> Watched:
    """Take the next sample of a source into account; `before` is None for its first.

    It never counts time that nobody watched: however rarely samples come, idleness is not taken for a standstill.
    """
    last = before if before is not None else Watched(sample, None, None)
    behind = missing = None
    if sample.highwater > sample.position:
        behind = _since(sample, last.behind_since, same=last.sample.position == sample.position)
    if sample.missing is not None:
        missing = _since(sample, last.missing_since, same=last.sample.missing == sample.missing)
    return Watched(sample, behind, missing)


def _since(sample: Sample, before: float | None, *, same: bool) -> float:
    return before if same and before is not None else sample.time


def stuck(watched: Watched, patience: float = PATIENCE) -> str | None:
    """Why the source is stuck, in words for people; None if it is not. `patience` in seconds."""
    sample = watched.sample
    if watched.missing_since is not None and (waited := sample.time - watched.missing_since) >= patience:
        return f"waited {waited:.0f} s for entry {sample.missing}, which is missing"
    if (silent := sample.time - sample.last_poll) >= patience:
        return f"no answer to a fetch for {silent:.0f} s"
    if watched.behind_since is not None and (stood := sample.time - watched.behind_since) >= patience:
        return f"stood at {sample.position} of {sample.highwater} for {stood:.0f} s"
    return None
