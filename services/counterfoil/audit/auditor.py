"""Runs a whole audit: opens every log, has each replayed against the others, and makes the report."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from itertools import islice
from operator import attrgetter
from pathlib import Path
from typing import Final, NamedTuple

from counterfoil.audit.bisecting import first_difference
from counterfoil.audit.files import find_logs
from counterfoil.audit.kept import Kept
from counterfoil.audit.reading import heading
from counterfoil.audit.replay import Replayed
from counterfoil.audit.report import AuditReport, Finding
from counterfoil.audit.shares import Found, Task, working
from counterfoil.audit.structure import OpenLog, open_log
from counterfoil.catalogue import DECIDERS
from counterfoil.contract.entry import GenesisCause
from counterfoil.contract.log_id import MAIN, LogId, host_of, log_of, parse_log
from counterfoil.contract.services import MAIN_LOGS, SERVICES
from counterfoil.core.rules import UnknownRules
from counterfoil.log.errors import LogError
from counterfoil.log.keys import VerifyKey
from counterfoil.matching.naive_book import NAIVE_PTW_1
from counterfoil.matching.state import MatchingState
from counterfoil.vocabulary import CODEC

_TWIN: Final = replace(DECIDERS["matching"], initial=partial(MatchingState, NAIVE_PTW_1))

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
    opened, others, at_once = open_logs(directory, trusted)
    differing = list(_not_continued(opened, kept)) if kept is not None else []
    deciders = {
        each: _TWIN if twin and each.service == "matching" else DECIDERS[each.service]
        for each in sorted(opened, key=_place)
    }
    before = {} if kept is None or differing else kept.logs
    task = Task(opened, deciders, kept, before, now_of(opened.values()), {})
    total = sum(map(task.remaining, opened))
    with _collecting_rarely(), working(task, partial(_tell, progress, total)) as shares:
        found = [next(share) for share in shares]
        for log in others:
            for _ in log.bundles():
                pass
            text = log.checkpoint.origin
            at_once[log.files.name] = [Finding(log.files.name, "checkpoint", "origin_not_expected", text)]
        report = AuditReport(findings=differing)
        of_files = {log.files.name: log.findings() for log in others}
        of_files.update((log.files.name, _of_files(each, found)) for each, log in opened.items())
        for name, findings in at_once.items():
            report.findings += [*of_files.get(name, ()), *findings]
        report.findings += _of_other_hosts(opened)
        report.findings += missing(opened, trusted, {each.log for each in report.findings})
        replayed = {each: one for share in found for each, one in share.replayed.items()}
        _collect([replayed[each] for each in deciders], report)
        if twin:
            report.findings = [_parted(each, opened) for each in report.findings]
        if report.unknown_rules and report.clean:
            raise UnknownRules(report.unknown_rules[0])
        if kept is not None and report.clean:
            kept.keep(sorted((each for share in shares for each in next(share).kept), key=attrgetter("origin")))
    return report


class Opened(NamedTuple):
    """Published logs whose checkpoints are right, those that stand for no log of their own, and findings by folder."""

    logs: dict[LogId, OpenLog]
    others: list[OpenLog]
    at_once: dict[str, list[Finding]]


def open_logs(directory: Path, trusted: Mapping[str, VerifyKey] | None) -> Opened:
    """Open the logs below `directory`. Raises `CannotAudit` if there is none."""
    opened = Opened({}, [], {})
    for files in find_logs(directory):
        log, opened.at_once[files.name] = open_log(files, trusted)
        if log is None:
            continue
        id_ = _log_of(log.checkpoint.origin)
        if id_ is None or id_ in opened.logs:
            opened.others.append(log)
        else:
            opened.logs[id_] = log
    return opened


def now_of(logs: Iterable[OpenLog]) -> int:
    """When the last entry of all these logs was made, microseconds; 0 without one that can be read."""
    return max((heading(last).time for log in logs if (last := log.last_entry()) is not None), default=0)


def _parted(finding: Finding, opened: Mapping[LogId, OpenLog]) -> Finding:
    """Of a state with another root than its log's: where the two order books part, or that they do not."""
    logs = [log for id_, log in opened.items() if id_.service == "matching" and log.files.name == finding.log]
    if finding.code != "state_root_differs" or not logs:
        return finding
    (log,) = logs
    until = int(finding.place.removeprefix("entry "))
    entries = islice((CODEC.decode_entry(data) for some in log.entries(0) for data in some), until)
    parted = first_difference(entries, log.checkpoint.origin, DECIDERS["matching"], _TWIN)
    said = "both order books have it" if parted is None else f"the two order books part behind entry {parted}"
    return replace(finding, text=f"{finding.text}; {said}")


def _of_files(id_: LogId, found: Iterable[Found]) -> list[Finding]:
    """What is wrong with the files of a log: all that who replayed it found, or else what another reader met."""
    lists = sorted(found, key=lambda each: id_ not in each.replayed)
    return next((each.files[id_] for each in lists if each.files[id_]), [])


def _tell(progress: Progress | None, total: int, done: int) -> None:
    if progress is not None:
        progress("replay", done, total)


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


@contextmanager
def _collecting_rarely() -> Iterator[None]:
    before = gc.get_threshold()
    gc.set_threshold(*_COLLECT)
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _collect(replays: Iterable[Replayed], report: AuditReport) -> None:
    first: GenesisCause | None = None
    for replay in replays:
        report.logs.append(replay.summary)
        report.findings += replay.findings
        report.unknown_rules += [replay.unknown_rules] if replay.unknown_rules else []
        first = first or replay.genesis
        if first is not None and replay.genesis is not None and _opening(replay.genesis) != _opening(first):
            text = "it was opened by another operator, or with other rules, than the other logs"
            report.findings.append(Finding(replay.place, "entry 0", "genesis_differs", text))


def _opening(genesis: GenesisCause) -> tuple[str, str, bytes, bytes | None, int]:
    """Who opened a log, and with which rules.

    All logs of an instance begin with the same rules and adopt the same, in the same order: a log that begins with
    others would be decided by rules that nobody adopted. The release may differ: a log can be opened later.
    """
    keys = genesis.operator_key, genesis.operator_recovery_key
    return genesis.operator_id, genesis.operator_name, *keys, genesis.rules


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


def missing(
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
