"""What a clean audit leaves for the next one, which then begins where it ended.

A directory with `audit.json`, and for each log two files of the same generation: its state, a record a line, and the
table of the ids it used. `audit.json` is replaced last, so a crash or a power cut leaves one of the two audits whole.

The next audit believes what it finds here: whoever can write to the directory can hide what came before. It asks only
that the logs go on from the trees named here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from hashlib import file_digest
from pathlib import Path
from typing import Final

import msgspec

from counterfoil.audit.files import CannotAudit
from counterfoil.audit.ids import UsedIds
from counterfoil.audit.report import Act, Outage, Recovery
from counterfoil.contract.entry import GenesisCause
from counterfoil.contract.log_id import log_of
from counterfoil.owned import check_owned
from counterfoil.process_lock import Held, process_lock
from counterfoil.syncing import sync_directory, written

FORMAT: Final = 2
_INDEX: Final = "audit.json"
_LOCK: Final = "audit.lock"
_ADVICE: Final = "use another directory, or remove it to audit from the first entry"


class KeptSource(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How far a log had consumed another: up to event number `item` of entry `index`.

    `late_since`: since when what waits there may have been withheld; `blocked_until`: when what waits there was last
    seen to need what had not arrived yet; microseconds.
    """

    index: int = 0
    item: int = 0
    late_since: int | None = None
    blocked_until: int = 0


class KeptLog(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A log as it was audited. `time`: of its last entry; `root`: of its tree; `state_root`: behind its last entry."""

    origin: str
    vkey: str
    """The key that signed its checkpoint."""
    name: str
    """Of its files in the directory."""
    size: int
    root: bytes
    time: int
    state_root: bytes
    genesis: GenesisCause
    rules: list[dict[str, int]]
    outages: list[Outage]
    recoveries: list[Recovery]
    acts: list[Act]
    sources: dict[str, KeptSource]
    ids: bytes = b""
    """The SHA-256 of the file of its ids, once that is written; of its state, the root tells."""


class KeptAudit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The content of `audit.json`. `generation`: the number in the names of its files."""

    format: int
    generation: int
    logs: list[KeptLog]


class Kept:
    """An auditor's directory."""

    def __init__(self, directory: Path) -> None:
        """Raises `CannotAudit` if what is there cannot be used; OSError."""
        self._directory = directory
        self._audit = self._read()
        self.logs = {log.origin: log for log in self._audit.logs}
        """By origin, as the last clean audit left them; none before the first."""

    def _read(self) -> KeptAudit:
        path = self._directory / _INDEX
        try:
            found = msgspec.json.decode(path.read_bytes(), type=KeptAudit)
            for log in found.logs:
                log_of(log.origin)
        except FileNotFoundError:
            return KeptAudit(FORMAT, 0, [])
        except (msgspec.MsgspecError, ValueError) as problem:
            raise CannotAudit(f"{path} is not what this release keeps: {problem}; {_ADVICE}") from problem
        if found.format != FORMAT:
            raise CannotAudit(f"{path} has format {found.format}, this release knows {FORMAT}; {_ADVICE}")
        return found

    def records(self, log: KeptLog) -> Iterator[tuple[str, bytes]]:
        """Its state: key and canonical value of each record."""
        with self._file(log.name, "state", self._audit.generation).open("rb") as file:
            for line in file:
                key, _, value = line.removesuffix(b"\n").partition(b"\t")
                yield key.decode(), value

    def ids(self, log: KeptLog) -> UsedIds:
        """The ids that it used. Raises OSError, and ValueError if the file is not as it was kept."""
        path = self._file(log.name, "ids", self._audit.generation)
        if _hash(path) != log.ids:
            raise ValueError(f"{path} has another hash")
        return UsedIds.read(path)

    def damaged(self, log: KeptLog, problem: object) -> CannotAudit:
        """The error to raise for a log whose files here are not what was kept."""
        return CannotAudit(f"{self._directory}: what was kept of {log.origin} is damaged: {problem}; {_ADVICE}")

    def write(self, log: KeptLog, records: Iterable[tuple[str, bytes]], ids: UsedIds) -> KeptLog:
        """Write the state and the ids of a log beside what is kept; returns what `keep` needs. Raises OSError."""
        generation = self._audit.generation + 1
        self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        with written(self._file(log.name, "state", generation)) as file:
            file.writelines(b"%s\t%s\n" % (key.encode(), value) for key, value in records)
        with written(self._file(log.name, "ids", generation)) as file:
            ids.write(file)
        return msgspec.structs.replace(log, ids=_hash(self._file(log.name, "ids", generation)))

    def keep(self, logs: Iterable[KeptLog]) -> None:
        """Replace what is kept by these logs, all of which were written. Raises OSError."""
        generation = self._audit.generation + 1
        new = self._directory / f"{_INDEX}.new"
        with written(new) as file:
            file.write(msgspec.json.encode(KeptAudit(FORMAT, generation, list(logs))))
        sync_directory(self._directory)  # what the index is to name is durable
        new.replace(self._directory / _INDEX)
        sync_directory(self._directory)  # and so is the index, before what the older one names is removed
        for log in self._audit.logs:
            for kind in ("state", "ids"):
                self._file(log.name, kind, self._audit.generation).unlink(missing_ok=True)

    def _file(self, name: str, kind: str, generation: int) -> Path:
        return self._directory / f"{name}-{generation}.{kind}"


@contextmanager
def kept_in(directory: Path) -> Iterator[Kept]:
    """An auditor's directory, made if it is missing, for one audit at a time. Raises as `Kept`; `BadPrivateFile`."""
    check_owned(directory)
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    with ExitStack() as opened:
        try:
            opened.enter_context(process_lock(directory / _LOCK))
        except Held as holder:
            text = f"{directory} is in use by the audit in process {holder}: let it end first, or use another directory"
            raise CannotAudit(text) from holder
        yield Kept(directory)


def _hash(path: Path) -> bytes:
    with path.open("rb") as file:
        return file_digest(file, "sha256").digest()
