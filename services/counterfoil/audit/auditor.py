"""Runs a whole audit: reads the files of every log once, and replays each log against the others."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from heapq import heapify, heappop, heappush
from pathlib import Path
from typing import Final

from counterfoil.audit.files import find_logs
from counterfoil.audit.kept import Kept, KeptLog, KeptSource
from counterfoil.audit.reading import Reading
from counterfoil.audit.replay import Replay
from counterfoil.audit.report import AuditReport, Finding
from counterfoil.audit.signatures import Signatures
from counterfoil.audit.structure import OpenLog, open_log
from counterfoil.catalogue import DECIDERS
from counterfoil.contract.entry import GenesisCause
from counterfoil.contract.log_id import MAIN, LogId, host_of, log_of, parse_log
from counterfoil.contract.services import MAIN_LOGS, SERVICES
from counterfoil.core.rules import UnknownRules
from counterfoil.log.errors import LogError
from counterfoil.log.keys import VerifyKey
from counterfoil.log.tiles import TILE_WIDTH
from counterfoil.matching.naive_book import NAIVE_PTW_1
from counterfoil.matching.state import MatchingState

_TWIN: Final = replace(DECIDERS["matching"], initial=partial(MatchingState, NAIVE_PTW_1))

_AT_ONCE: Final = 256  # entries of one log, and those until progress is told
_COLLECT: Final = (50_000, 50, 100)  # few reference cycles: looking for them less often saves a tenth of the time

Progress = Callable[[str, int, int], None]
"""(what, entries just done, entries in all)"""


def audit(
    directory: Path,
    trusted: Mapping[str, VerifyKey] | None = None,
    progress: Progress | None = None,
    *,
    twin: bool = False,
    kept: Kept | None = None,
) -> AuditReport:
    """Audit the logs published below `directory`.

    `trusted`: by origin, the only keys to accept; None: each log is checked against the key it publishes. `twin`: also
    find every match with the naive order book, which shares no code with the real one (slower). `kept`: begin where the
    last clean audit kept there ended, and keep this one there if it is clean. Anything that is wrong is a finding.

    Raises `CannotAudit` if there is nothing to audit, or what is kept cannot be used. A log decided by rules that this
    release does not have is replayed as far as possible; if nothing else is wrong, `UnknownRules` is raised.
    """
    opened: dict[LogId, OpenLog] = {}
    others: list[OpenLog] = []
    at_once: dict[str, list[Finding]] = {}
    for files in find_logs(directory):
        log, at_once[files.name] = open_log(files, trusted)
        if log is None:
            continue
        id_ = _log_of(log.checkpoint.origin)
        if id_ is None or id_ in opened:
            others.append(log)
        else:
            opened[id_] = log
    differing = list(_not_continued(opened, kept)) if kept is not None else []
    before = {} if kept is None or differing else kept.logs
    with _collecting_rarely(), Signatures(processes=cores() - 1) as signatures:
        readings = _readings(opened.values(), before)
        replays = _made(opened, readings, twin, signatures, kept, before)
        _replay(replays, readings.values(), progress if progress is not None else _silent)
    for log in others:
        for _ in log.bundles():
            pass
        text = log.checkpoint.origin
        at_once[log.files.name] = [Finding(log.files.name, "checkpoint", "origin_not_expected", text)]
    report = AuditReport(findings=differing)
    read = {log.files.name: log for log in (*opened.values(), *others)}
    for name, findings in at_once.items():
        report.findings += [*(read[name].findings() if name in read else ()), *findings]
    report.findings += _of_other_hosts(opened)
    report.findings += _missing(opened, trusted, {each.log for each in report.findings})
    _collect(replays, report)
    if report.unknown_rules and report.clean:
        raise UnknownRules(report.unknown_rules[0])
    if kept is not None and report.clean:
        kept.keep(replay.keep() for replay in replays)
    return report


def _not_continued(opened: Mapping[LogId, OpenLog], kept: Kept) -> Iterator[Finding]:
    """Findings for logs that do not go on from what an earlier audit saw of them."""
    logs = {log.checkpoint.origin: log for log in opened.values()}
    for origin, before in kept.logs.items():
        log = logs.get(origin)
        if log is None:
            yield Finding(log_of(origin).name, "", "log_missing", "an earlier audit had this log")
            continue
        size, place = log.checkpoint.size, (log.files.name, "checkpoint", "not_what_was_audited")
        if log.key.vkey() != before.vkey:
            text = f"it is signed by the key {log.key.vkey()}, in an earlier audit by {before.vkey}"
            yield Finding(log.files.name, "vkey", "not_what_was_audited", text)
        if size < before.size:
            yield Finding(*place, f"the log has {size} entries, and an earlier audit had {before.size}")
            continue
        try:
            root = log.tree.root_at(before.size)
        except (LogError, OSError) as problem:
            yield Finding(*place, f"its tree cannot be compared with the one audited earlier: {problem}")
            continue
        if root != before.root:
            text = f"its first {before.size} entries have root {root.hex()}, in an earlier audit {before.root.hex()}"
            yield Finding(*place, text)


def _made(
    opened: Mapping[LogId, OpenLog],
    readings: Mapping[str, Reading],
    twin: bool,
    signatures: Signatures,
    kept: Kept | None,
    before: Mapping[str, KeptLog],
) -> list[Replay]:
    """The replays of all logs, each to begin behind what was audited before."""
    replays = []
    for id_ in sorted(opened, key=_place):
        decider = _TWIN if twin and id_.service == "matching" else DECIDERS[id_.service]
        known = before.get(opened[id_].checkpoint.origin)
        resumed = (kept, known) if kept is not None and known is not None else None
        replays.append(Replay(opened[id_], decider, readings, signatures, resumed))
    return replays


def _readings(opened: Iterable[OpenLog], before: Mapping[str, KeptLog]) -> dict[str, Reading]:
    """Of each log, from the first bundle with an entry that some replay has not taken yet."""
    logs = {log.checkpoint.origin: log for log in opened}
    readings = {}
    for origin, log in logs.items():
        own = before[origin].size if origin in before else 0
        taken = [before[each].sources.get(origin) if each in before else KeptSource() for each in logs]
        first = max(0, min([own, *(each.index for each in taken if each is not None)]) - 1) // TILE_WIDTH
        readings[origin] = Reading(log.bundles(first), first * TILE_WIDTH, own)
    return readings


def _replay(replays: Sequence[Replay], readings: Iterable[Reading], tell: Progress) -> None:
    """Read and replay the logs in step: the one whose next entry is the earliest goes on to where another's is."""
    total = sum(replay.summary.size - replay.summary.audited_before for replay in replays)
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
            tell("replay", done, total)
            done = 0
    for reading in readings:
        while reading.more():
            pass
    for replay in replays:
        replay.end()


@contextmanager
def _collecting_rarely() -> Iterator[None]:
    before = gc.get_threshold()
    gc.set_threshold(*_COLLECT)
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _collect(replays: Sequence[Replay], report: AuditReport) -> None:
    first: GenesisCause | None = None
    for replay in replays:
        report.logs.append(replay.summary)
        report.findings += replay.findings
        report.unknown_rules += [replay.unknown_rules] if replay.unknown_rules else []
        first = first or replay.genesis
        if first is not None and replay.genesis is not None and _opening(replay.genesis) != _opening(first):
            text = "it was opened by another operator, or with other rules, than the other logs"
            report.findings.append(Finding(replay.place, "entry 0", "genesis_differs", text))


def _opening(genesis: GenesisCause) -> tuple[str, str, bytes, int]:
    """Who opened a log, and with which rules.

    All logs of an instance begin with the same rules and adopt the same, in the same order: a log that begins with
    others would be decided by rules that nobody adopted. The release may differ: a log can be opened later.
    """
    return genesis.operator_id, genesis.operator_name, genesis.operator_key, genesis.rules


def _log_of(origin: str) -> LogId | None:
    """The log that an origin names; None if it names none."""
    try:
        found = parse_log(str(log_of(origin)))
    except ValueError:
        return None
    return found if found.service in DECIDERS else None


def _place(log: LogId) -> tuple[int, bool, str]:
    return SERVICES.index(log.service), log.shard != MAIN, log.shard


def _of_other_hosts(opened: Mapping[LogId, OpenLog]) -> Iterator[Finding]:
    """Logs that another host's name is on than on the first: an instance has one, and its logs consume no other's."""
    expected = ""
    for id_ in sorted(opened, key=_place):
        origin = opened[id_].checkpoint.origin
        expected = expected or host_of(origin)
        if host_of(origin) != expected:
            text = f"{origin} is no log of {expected}, as the others are"
            yield Finding(opened[id_].files.name, "checkpoint", "origin_not_expected", text)


def _missing(
    opened: Mapping[LogId, OpenLog], trusted: Mapping[str, VerifyKey] | None, reported: AbstractSet[str]
) -> Iterator[Finding]:
    """Findings for logs that are missing: the shard ``main`` of each service, and logs of this host with a pinned key.

    Any other missing shard is found where another log consumed its events. `reported`: logs that have findings already.
    """
    hosts = {host_of(log.checkpoint.origin) for log in opened.values()}
    pinned = [_log_of(origin) for origin in trusted or () if host_of(origin) in hosts]
    for log in sorted({*MAIN_LOGS, *filter(None, pinned)}.difference(opened), key=_place):
        if str(log) not in reported:
            yield Finding(log.name, "", "log_missing", "this log is not published here")


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _silent(_what: str, _done: int, _total: int) -> None:
    """Ignore progress."""
