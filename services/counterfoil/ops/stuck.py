"""Decides when a consumer is stuck: a pure function of samples, so that it can be tested with any clock.

A consumer without a backlog is idle, one with a backlog that makes progress is busy. It is stuck if it has a backlog
and makes no progress, gets no answers any more, or waits for an entry that does not come. After a broker restart,
aiokafka consumers can stay stuck without raising an error (its issues 847 and 1154).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

PATIENCE: Final = 30.0
"""Seconds without progress after which a consumer counts as stuck."""


@dataclass(frozen=True, slots=True)
class Sample:
    """The state of a consumer and one of its sources at one time; both times in seconds of the same clock."""

    time: float
    position: int
    """The next message to be consumed; everything before it is consumed."""
    highwater: int
    """The end of the source: the position of the next message to be written."""
    last_poll: float
    """When the broker last answered a fetch, with or without messages; before that, when the source was opened."""
    missing: int | None = None
    """The index of a missing entry that the consumer waits for while it has later ones."""


@dataclass(frozen=True, slots=True)
class Watched:
    """The last sample of a source, and since when it has made no progress."""

    sample: Sample
    behind_since: float | None
    """Time of the first sample with this position and a backlog; None without a backlog."""
    missing_since: float | None
    """Time of the first sample in which this entry is missing."""


def follow(before: Watched | None, sample: Sample) -> Watched:
    """Take the next sample of a source into account; `before` is None for its first.

    Only time between samples counts: however rare samples are, an idle consumer is never taken for a stuck one.
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
    """Why the source is stuck, as text for people; None if it is not. `patience` in seconds."""
    sample = watched.sample
    if watched.missing_since is not None and (waited := sample.time - watched.missing_since) >= patience:
        return f"waited {waited:.0f} s for entry {sample.missing}, which is missing"
    if (silent := sample.time - sample.last_poll) >= patience:
        return f"no answer to a fetch for {silent:.0f} s"
    if watched.behind_since is not None and (stood := sample.time - watched.behind_since) >= patience:
        return f"no progress at {sample.position} of {sample.highwater} for {stood:.0f} s"
    return None
