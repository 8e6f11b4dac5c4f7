"""The published logs as a model to check observations against: audited, indexed by command, folded into balances.

The audit decides every entry again. The balances are added up here from the amounts of the legs alone, by rules that
share nothing with the ledger's own accounts.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import chain
from pathlib import Path
from typing import Final

from counterfoil.audit.auditor import audit
from counterfoil.audit.files import find_logs
from counterfoil.audit.report import Finding
from counterfoil.audit.structure import OpenLog, open_log
from counterfoil.contract.canonical import Refused
from counterfoil.contract.entry import CommandCause, Entry
from counterfoil.contract.log_id import log_of
from counterfoil.ledger.events import Leg
from counterfoil.log.checkpoint import parse_checkpoint
from counterfoil.log.keys import VerifyKey
from counterfoil.log.note import parse_note
from counterfoil.log.proofs import parse_receipt
from counterfoil.log.verify import TileTree
from counterfoil.vocabulary import CODEC
from tests.histories.observed import Attempt, Balance, Observation, Receipt

_POSTED: Final = {"post": 1, "hold": 0, "capture": 1, "release": 0}
_HELD: Final = {"post": 0, "hold": 1, "capture": -1, "release": -1}

Position = tuple[str, str]
"""Account and asset."""


@dataclass
class Log:
    """One published log. `ids`: the indexes of each entry id; `commands`: of each command, by its payload's SHA-256."""

    origin: str
    key: VerifyKey
    tree: TileTree
    entries: list[bytes] = field(default_factory=list)
    ids: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    commands: dict[bytes, list[int]] = field(default_factory=lambda: defaultdict(list))
    signatures: dict[int, bytes] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """``SERVICE/SHARD``, as the audit names it."""
        return self.origin.partition("/")[2]

    def take(self, data: bytes) -> Entry | None:
        """Decode the next entry; None if the bytes are no entry, which the audit reports."""
        index = len(self.entries)
        self.entries.append(data)
        try:
            entry = CODEC.decode_entry(data)
        except Refused:
            return None
        self.ids[entry.id].append(index)
        if isinstance(entry.cause, CommandCause):
            self.commands[sha256(entry.cause.payload).digest()].append(index)
            self.signatures[index] = entry.cause.signature
        return entry


@dataclass
class Model:
    """The logs by service, the audit's findings, and every balance with the entry that led to it."""

    logs: dict[str, Log]
    findings: Sequence[Finding]
    balances: dict[Position, list[tuple[int, Balance]]] = field(default_factory=dict)

    def post(self, index: int, entry: Entry) -> None:
        """Fold one entry of the ledger."""
        for event in entry.events:
            for leg in getattr(event, "legs", ()):
                self._side(index, leg, leg.debit, -1)
                self._side(index, leg, leg.credit, 1)

    def _side(self, index: int, leg: Leg, account: str, sign: int) -> None:
        rows = self.balances.setdefault((account, leg.asset), [])
        last = rows[-1][1] if rows else Balance(0, 0, 0)
        held = last.held + (_HELD[leg.effect] * leg.amount if sign < 0 else 0)
        row = (index, Balance(last.n + 1, last.posted + sign * _POSTED[leg.effect] * leg.amount, held))
        if rows and rows[-1][0] == index:
            rows.pop()  # a reader sees only whole entries
        rows.append(row)


def replay(directory: Path, trusted: Mapping[str, VerifyKey] | None = None) -> Model:
    """The model of the logs published below `directory`, sound or not. Raises `CannotAudit`."""
    found = (open_log(files, trusted)[0] for files in find_logs(directory))
    sound = [log for log in found if log is not None]
    model = Model({}, audit(directory, trusted).findings)
    for opened in sound:
        origin = opened.checkpoint.origin
        log = model.logs[log_of(origin).service] = Log(origin, _key(opened, trusted), opened.tree)
        for index, data in enumerate(chain.from_iterable(opened.bundles())):
            entry = log.take(data)
            if entry is not None and log_of(origin).service == "ledger":
                model.post(index, entry)
    return model


def _key(opened: OpenLog, trusted: Mapping[str, VerifyKey] | None) -> VerifyKey:
    if trusted is not None:
        return trusted[opened.checkpoint.origin]
    return VerifyKey.parse(opened.files.read("vkey").decode().strip())


def wait_published(directory: Path, observations: Iterable[Observation], seconds: float) -> None:
    """Wait until the logs below `directory` are published up to the latest receipt. Raises TimeoutError."""
    reach: dict[str, int] = defaultdict(int)
    for each in observations:
        if isinstance(each, Attempt) and isinstance(each.answer, Receipt):
            note = parse_receipt(each.answer.proof).checkpoint_note
            size = parse_checkpoint(parse_note(note).text).size
            reach[log_of(each.answer.origin).service] = max(reach[log_of(each.answer.origin).service], size)
    ends = time.monotonic() + seconds
    while behind := {service: size for service, size in reach.items() if _published(directory, service) < size}:
        if time.monotonic() > ends:
            raise TimeoutError(f"not published within {seconds:.0f} s: {behind}")
        time.sleep(0.05)


def _published(directory: Path, service: str) -> int:
    for files in find_logs(directory):
        head = parse_checkpoint(parse_note(files.read("checkpoint")).text)
        if log_of(head.origin).service == service:
            return head.size
    return 0
