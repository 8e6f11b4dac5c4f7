"""Divides an audit among the cores: each share of the logs is replayed in a process of its own.

A process reads the logs of its share whole, and of the others what these consume. It believes no other process: what
it reads, of whichever log, hashes to the checkpoint that the log signed.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from heapq import heapify, heappop, heappush
from typing import Any, Final, NamedTuple

from counterfoil.audit.beside import Beside, Tell
from counterfoil.audit.kept import Kept, KeptLog, KeptSource
from counterfoil.audit.reading import Reading
from counterfoil.audit.replay import Replay, Replayed, Watch
from counterfoil.audit.report import Finding
from counterfoil.audit.signatures import Signatures
from counterfoil.audit.structure import OpenLog
from counterfoil.contract.log_id import LogId
from counterfoil.core.decider import Decider
from counterfoil.log.tiles import TILE_WIDTH

_AT_ONCE: Final = 256  # entries of one log, and those until progress is told
_SMALLEST: Final = 512  # entries in a share: with fewer, a process costs more than it gains
_LARGEST: Final = 2, 3  # of all entries in one share: beyond that, signatures keep the other cores busier


class Task(NamedTuple):
    """What is to be audited. `deciders`: of each log, in the order of the report; `before`: see `Kept`, by origin.

    `watching`: of some logs, who is told of each entry that was decided again and is as published.
    """

    logs: Mapping[LogId, OpenLog]
    deciders: Mapping[LogId, Decider[Any]]
    kept: Kept | None
    before: Mapping[str, KeptLog]
    now: int
    """When the last entry of all logs was made, microseconds."""
    watching: Mapping[LogId, Watch]

    def remaining(self, id_: LogId) -> int:
        """How many entries of a log are to be replayed."""
        point = self.logs[id_].checkpoint
        known = self.before.get(point.origin)
        return point.size - (known.size if known is not None else 0)


class Found(NamedTuple):
    """What one process has found: in the logs that it replayed, and in the files of all logs, as far as it read them.

    `kept`: what `Kept.keep` takes, once it was asked to go on and write that.
    """

    replayed: dict[LogId, Replayed]
    files: dict[LogId, list[Finding]]
    kept: list[KeptLog]


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def divided(sizes: Mapping[LogId, int], most: int) -> list[list[LogId]]:
    """Divide logs into at most so many shares, of like size; `sizes`: how many entries of each are to be replayed."""
    total = sum(sizes.values())
    for count in range(most, 1, -1):
        shares = _like(sizes, count)
        weights = [sum(sizes[each] for each in share) for share in shares]
        if min(weights) >= _SMALLEST and max(weights) * _LARGEST[1] <= total * _LARGEST[0]:
            return shares
    return [list(sizes)]


def _like(sizes: Mapping[LogId, int], count: int) -> list[list[LogId]]:
    """The longest log first, each to the share that has least; the largest share first, since it waits for no start."""
    shares: list[list[LogId]] = [[] for _ in range(count)]

    def weight(share: Sequence[LogId]) -> int:
        return sum(sizes[each] for each in share)

    for each in sorted(sizes, key=sizes.__getitem__, reverse=True):
        min(shares, key=weight).append(each)
    return sorted(shares, key=weight, reverse=True)


@contextmanager
def working(task: Task, tell: Tell) -> Iterator[list[Iterator[Found]]]:
    """The shares of an audit, each as an iterator: what was found, then, if that is asked for, what is kept.

    The others have begun beside this process, which works on the first when it is asked for. `tell`: see `Tell`.
    """
    shares = divided({each: task.remaining(each) for each in task.logs}, cores() if hasattr(os, "fork") else 1)
    verifiers = cores() // len(shares) - 1
    beside: list[Beside[Found]] = []

    def told(done: int) -> None:
        tell(done)
        for each in beside:
            each.progress()

    with ExitStack() as ending:
        made: list[Iterator[Found]] = [ending.enter_context(closing(_replayed(task, shares[0], verifiers, told)))]
        for share in shares[1:]:
            make = partial(_replayed, task, share, verifiers)
            try:
                beside.append(ending.enter_context(closing(Beside(make, tell))))
                made.append(beside[-1])
            except OSError:  # the system has no room for a process: this one does it, too
                made.append(ending.enter_context(closing(make(told))))
        yield made


def replayed(task: Task, tell: Tell) -> Found:
    """Replay all logs in this process."""
    with closing(_replayed(task, list(task.logs), cores() - 1, tell)) as found:
        return next(found)


def _replayed(task: Task, share: Sequence[LogId], verifiers: int, tell: Tell) -> Generator[Found, None, None]:
    """Replay the logs of a share."""
    readings = _readings(task, share)
    with Signatures(verifiers) as signatures:
        replays = {}
        for id_, decider in task.deciders.items():
            if id_ in share:
                known = task.before.get(task.logs[id_].checkpoint.origin)
                before = None if task.kept is None or known is None else (task.kept, known)
                watch = task.watching.get(id_)
                replays[id_] = Replay(task.logs[id_], decider, readings, signatures, before, task.now, watch)
        _replay(list(replays.values()), tell)
        for id_ in share:
            while readings[task.logs[id_].checkpoint.origin].more():
                pass
        replayed = {id_: replay.end() for id_, replay in replays.items()}
    found = Found(replayed, {id_: log.findings() for id_, log in task.logs.items()}, [])
    yield found
    if task.kept is not None:
        yield found._replace(kept=[task.kept.write(*replay.keep()) for replay in replays.values()])


def _readings(task: Task, share: Sequence[LogId]) -> dict[str, Reading]:
    """Of each log, from the first bundle with an entry that some replay has not taken yet."""
    before, origins = task.before, [log.checkpoint.origin for log in task.logs.values()]
    readings = {}
    for id_, log in task.logs.items():
        origin = log.checkpoint.origin
        own = before[origin].size if origin in before else 0
        taken = [before[each].sources.get(origin) if each in before else KeptSource() for each in origins]
        first = max(0, min([own, *(each.index for each in taken if each is not None)]) - 1) // TILE_WIDTH
        bundles = log.bundles(first) if id_ in share else log.entries(first)
        readings[origin] = Reading(bundles, first * TILE_WIDTH, own)
        if id_ not in share:
            readings[origin].leave()
    return readings


def _replay(replays: Sequence[Replay], tell: Tell) -> None:
    """Read and replay the logs in step: the one whose next entry is the earliest goes on to where another's is."""
    queue = [(time, nth) for nth, replay in enumerate(replays) if (time := replay.next_time()) is not None]
    heapify(queue)
    done = 0
    while queue:
        _, nth = heappop(queue)
        replay = replays[nth]
        done += replay.run(_AT_ONCE, until=queue[0][0] if queue else None)
        if (time := replay.next_time()) is not None:
            heappush(queue, (time, nth))
        if done >= _AT_ONCE or not queue:
            tell(done)
            done = 0
