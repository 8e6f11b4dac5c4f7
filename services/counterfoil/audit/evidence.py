"""What an audit's report shows beside its findings: the entries that they are about, proven, and signed checkpoints."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from counterfoil.audit.files import find_logs
from counterfoil.audit.report import AuditReport
from counterfoil.audit.structure import OpenLog, open_log
from counterfoil.log.errors import LogError
from counterfoil.log.keys import VerifyKey
from counterfoil.log.proofs import Receipt, format_receipt
from counterfoil.log.tiles import TILE_WIDTH

SHOWN: Final = 100
"""Of so many entries evidence is taken: those of the first findings."""
_PLACE: Final = re.compile(r"entry ([0-9]{1,15})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Shown:
    """An entry that a finding is about. `proof`: C2SP tlog-proof, whose checkpoint is as new as the log was then."""

    log: str
    index: int
    entry: bytes
    proof: bytes


@dataclass(frozen=True, slots=True)
class Evidence:
    """`checkpoints`: by origin the signed note of the tree that was audited, unless the log has grown past it since."""

    checkpoints: Mapping[str, bytes]
    entries: tuple[Shown, ...]


def evidence_of(directory: Path, trusted: Mapping[str, VerifyKey] | None, report: AuditReport) -> Evidence:
    """Read it from the files that were audited; what they do not prove is left out, since a finding says so already.

    Raises `CannotAudit`.
    """
    opened = {files.name: open_log(files, trusted)[0] for files in find_logs(directory)}
    logs = {name: log for name, log in opened.items() if log is not None}
    audited = {each.origin: (each.size, each.root) for each in report.logs}
    notes = {
        log.checkpoint.origin: log.files.checkpoint
        for log in logs.values()
        if audited.get(log.checkpoint.origin) == (log.checkpoint.size, log.checkpoint.root.hex())
    }
    named = ((each.log, _PLACE.fullmatch(each.place)) for each in report.findings)
    places = dict.fromkeys((log, int(place[1])) for log, place in named if place is not None)
    shown = (_shown(logs[name], name, index) for name, index in list(places)[:SHOWN] if name in logs)
    return Evidence(notes, tuple(each for each in shown if each is not None))


def _shown(log: OpenLog, name: str, index: int) -> Shown | None:
    bundle, at = divmod(index, TILE_WIDTH)
    size = log.checkpoint.size
    if index >= size:
        return None
    try:
        entries = log.files.read_bundle(bundle, min(TILE_WIDTH, size - bundle * TILE_WIDTH))
        log.tree.check_entries(bundle, entries)
        proof = log.tree.inclusion_proof(index, size)
    except (LogError, OSError, ValueError):
        return None
    return Shown(name, index, entries[at], format_receipt(Receipt(index, tuple(proof), log.files.checkpoint)))
