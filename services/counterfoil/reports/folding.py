"""Reads published logs once, and keeps what reports need of them.

Every entry is compared with its leaf below the checkpoint that its log signed. Whether it was decided by the rules, is
not asked here: `counterfoil audit` decides every entry again, and a report names the trees that it was made from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

from counterfoil.audit.files import CannotAudit, find_logs
from counterfoil.audit.structure import OpenLog, open_log
from counterfoil.catalogue import SUBSCRIPTIONS
from counterfoil.contract.entry import CommandCause, Entry, EntryCause
from counterfoil.contract.log_id import LogId, log_of
from counterfoil.contract.record import Event
from counterfoil.contract.references import same_as
from counterfoil.contract.refusals import Code
from counterfoil.contract.scalars import decode_base64
from counterfoil.contract.services import MAIN_LOGS
from counterfoil.issuance.events import ApplicationDecided
from counterfoil.log.keys import VerifyKey
from counterfoil.log.proofs import Receipt, format_receipt
from counterfoil.log.tiles import TILE_WIDTH
from counterfoil.programme.documents import rules_by_hash
from counterfoil.programme.rules import Rules
from counterfoil.redemption.credit_events import CreditKnown, CreditOwed
from counterfoil.redemption.events import ClaimApproved, ClaimRejected, PaymentConfirmed, PaymentReturned
from counterfoil.redemption.payer_events import ShareConfirmed, ShareReturned
from counterfoil.reports.earned import Earned
from counterfoil.reports.envelopes import Envelopes
from counterfoil.reports.flows import Flows
from counterfoil.reports.given import Given
from counterfoil.reports.tables import Ref, Row, Tables
from counterfoil.reports.trail import Trail
from counterfoil.vocabulary import CODEC

Progress = Callable[[str, int, int], None]
"""(what, entries just done, entries in all)"""

NOTHING_GIVEN: Final = Given()
SHOWN_REFUSALS: Final = frozenset(
    {
        Code.INVOICE_ALREADY_CLAIMED, Code.USE_ALREADY_CLAIMED, Code.DUTIES_NOT_SEPARATE, Code.REFERENCE_ALREADY_USED,
        Code.KEY_NOT_ACCEPTABLE, Code.SEEN_IS_NOT_OURS,
    }
)  # fmt: skip
"""Refusals of commands that patterns look at: somebody tried, and the rules stopped it."""

_CONSUMERS: Final[dict[tuple[str, type[Event]], list[str]]] = {}
for _service, _wanted in SUBSCRIPTIONS.items():
    for _source, _types in _wanted.items():
        for _type in _types:
            _CONSUMERS.setdefault((_source, _type), []).append(_service)


class NotTheLog(Exception):
    """The files are not the log that its checkpoint signs; the message says which, and why."""


class Attempt(NamedTuple):
    """A command that was refused."""

    ref: Ref
    time: int
    actor: str
    command: str
    body: Any
    code: Code


class Credit(NamedTuple):
    """What a credit note took of a claim that was in a settlement, micro-units, and when."""

    ref: Ref
    time: int
    amount: int


@dataclass(slots=True)
class Folded:
    """What was read of all logs. `time`: of their last entry, microseconds."""

    logs: dict[LogId, OpenLog]
    given: Given = NOTHING_GIVEN
    pinned: bool = False
    """Whether the logs' keys were given by the reader, and not taken from the logs themselves."""
    tables: Tables = field(default_factory=Tables)
    flows: Flows = field(default_factory=Flows)
    earned: Earned = field(default_factory=Earned)
    envelopes: Envelopes = field(default_factory=Envelopes)
    attempts: list[Attempt] = field(default_factory=list)
    time: int = 0
    deciders: dict[str, str] = field(default_factory=dict)
    """Who decided last on a claim or an application, by its id."""
    tiers: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """By application, the tiers of the document that its decision used."""
    credits: dict[str, list[Credit]] = field(default_factory=dict)
    """By claim, what credit notes took of it."""
    references: dict[tuple[str, str, str | None], set[str]] = field(default_factory=dict)
    """(settlement, payee, payer; None: the whole) -> each reference (`same_as`) of paying it, and of its return."""
    consumed: dict[tuple[LogId, LogId], int] = field(default_factory=dict)
    """(consumer, source) -> the index behind the last entry of the source that the consumer took."""
    offered: dict[tuple[str, LogId], int] = field(default_factory=dict)
    """(consuming service, source) -> the last entry of the source with an event for it."""

    sizes: dict[LogId, int] = field(default_factory=dict)
    """How many entries of each log were read."""
    trails: dict[LogId, Trail] = field(default_factory=dict)
    """What each log says of itself."""
    _bundle: tuple[LogId, int, list[bytes]] | None = None
    """The entries that were read last again."""

    def fold(self, log: LogId, entry: Entry) -> None:
        """Take in the next entry of a log."""
        self.tables.fold(log, entry)
        self.trails.setdefault(log, Trail()).fold(entry)
        self.time = max(self.time, entry.time)
        for event in entry.events:
            if log.service == "ledger":
                self.flows.fold(event, entry.time)
            elif log.service == "issuance":
                self.envelopes.fold(event)
            elif log.service == "redemption":
                self.earned.fold(event)
                self._paid(Ref(log, entry.index), entry.time, event)
        if isinstance(entry.cause, EntryCause):
            self.consumed[log, log_of(entry.cause.origin)] = entry.cause.index + 1
        elif isinstance(entry.cause, CommandCause):
            self._refused(log, entry, entry.cause)
            actor = entry.id.partition("/")[0]
            for event in entry.events:
                if isinstance(event, ClaimApproved | ClaimRejected):
                    self.deciders[event.claim_id] = actor
                elif isinstance(event, ApplicationDecided):
                    self.deciders[event.application_id] = actor
        for event in entry.events:
            if isinstance(event, ApplicationDecided):
                self.tiers[event.application_id] = event.tiers
            for service in _CONSUMERS.get((log.service, type(event)), ()):
                self.offered[service, log] = entry.index

    def _paid(self, ref: Ref, time: int, event: Event) -> None:
        if isinstance(event, CreditKnown | CreditOwed):
            self.credits.setdefault(event.claim_id, []).append(Credit(ref, time, event.amount))
        elif isinstance(event, PaymentConfirmed | ShareConfirmed):
            self._known(event, event.payment_reference)
        elif isinstance(event, PaymentReturned | ShareReturned):
            self._known(event, event.return_reference)

    def _known(
        self, event: PaymentConfirmed | ShareConfirmed | PaymentReturned | ShareReturned, reference: str
    ) -> None:
        payer = event.payer if isinstance(event, ShareConfirmed | ShareReturned) else None
        self.references.setdefault((event.settlement_id, event.provider_id, payer), set()).add(same_as(reference))

    def _refused(self, log: LogId, entry: Entry, cause: CommandCause) -> None:
        codes = [each.refusal.code if each.refusal is not None else None for each in entry.outcomes]
        if SHOWN_REFUSALS.isdisjoint(codes):
            return
        said = CODEC.decode_payload(cause.payload, cause.signature)
        for code, body in zip(codes, said.bodies, strict=True):
            if code in SHOWN_REFUSALS:
                ref = Ref(log, entry.index)
                self.attempts.append(Attempt(ref, entry.time, said.header.actor, type(body).TYPE, body, code))

    def backlog(self) -> list[str]:
        """What a log had not consumed yet of another: figures of the two need not agree about it."""
        return [
            f"{log.name} has not consumed entry {last} of {source.name} yet"
            for (service, source), last in sorted(self.offered.items())
            for log in sorted(self.logs)
            if log.service == service and self.consumed.get((log, source), 0) <= last
        ]

    # programmes -----------------------------------------------------------------------------------------------------

    def programme(self, programme_id: str) -> Row | None:
        """The programme's row, None if there is none."""
        return self.tables.get("programmes", programme_id)

    def unit(self, programme_id: str) -> str:
        """Of a programme's amounts: a currency, or a unit of compute; empty if there is no such programme."""
        return str((self.programme(programme_id) or {}).get("currency", ""))

    def rules(self, programme_id: str, version: int | None = None) -> Rules | None:
        """What the document of a version lays down, by default the newest; None for thin terms."""
        row = self.programme(programme_id)
        if row is None:
            return None
        document = self.tables.get("programme_documents", programme_id, row["version"] if version is None else version)
        if document is None:
            return None

        def data() -> bytes:
            pieces = sorted(self.tables.rows("document_pieces", document_id=document["document_id"]), key=_piece)
            return b"".join(decode_base64(each["octets"]) for each in pieces)

        return rules_by_hash(bytes.fromhex(document["rules_hash"]), data)

    def rules_hash(self, programme_id: str) -> str:
        """The hash of the newest version's document, or of its terms."""
        version = (self.programme(programme_id) or {}).get("version")
        document = self.tables.get("programme_documents", programme_id, version)
        if document is not None:
            return str(document["rules_hash"])
        terms = self.tables.get("programme_versions", programme_id, version)
        return "" if terms is None else str(terms["terms_hash"])

    # evidence -------------------------------------------------------------------------------------------------------

    def root(self, log: LogId) -> bytes:
        """The root of a log's tree behind the entries that were read. Raises `LogError`, OSError."""
        return self.logs[log].tree.root_at(self.sizes[log])

    def leaf(self, ref: Ref) -> bytes:
        """The hash of an entry, as the tree has it. Raises `LogError`, OSError."""
        return self.logs[ref.log].tree.leaf(ref.index)

    def entry(self, ref: Ref) -> bytes:
        """The bytes of an entry; of several, in order, each bundle is read once. Raises `LogError`, OSError."""
        log, (bundle, at) = self.logs[ref.log], divmod(ref.index, TILE_WIDTH)
        if self._bundle is None or self._bundle[:2] != (ref.log, bundle):
            entries = log.files.read_bundle(bundle, min(TILE_WIDTH, log.checkpoint.size - bundle * TILE_WIDTH))
            log.tree.check_entries(bundle, entries)
            self._bundle = ref.log, bundle, entries
        return self._bundle[2][at]

    def proof(self, ref: Ref) -> list[bytes]:
        """The hashes from an entry's leaf to `root`. Raises `LogError`, OSError."""
        return self.logs[ref.log].tree.inclusion_proof(ref.index, self.sizes[ref.log])

    def receipt(self, ref: Ref) -> bytes:
        """The proof that an entry is in its log, with the signed checkpoint: C2SP tlog-proof. Raises `LogError`."""
        log = self.logs[ref.log]
        proof = log.tree.inclusion_proof(ref.index, log.checkpoint.size)
        return format_receipt(Receipt(ref.index, tuple(proof), log.files.checkpoint))


def _piece(row: Row) -> int:
    return int(row["piece"])


def fold(
    directory: Path,
    trusted: Mapping[str, VerifyKey] | None = None,
    progress: Progress | None = None,
    given: Given = NOTHING_GIVEN,
    until: Mapping[str, tuple[int, bytes]] | None = None,
) -> Folded:
    """Read the logs published below a directory, as of the checkpoints that are read first.

    `trusted`: by origin, the only keys to accept; None: each log is checked against the key it publishes. `until`: by
    origin, how many entries to read, and the root of the tree behind them; no other log is read. Raises `CannotAudit`
    where a log is missing, `NotTheLog`, and `contract.canonical.Refused` for an entry of a later release.
    """
    opened: dict[LogId, OpenLog] = {}
    for files in find_logs(directory):
        log, findings = open_log(files, trusted)
        if log is None:
            raise NotTheLog(f"{findings[0].log}: {findings[0].text}")
        if until is None or log.checkpoint.origin in until:
            opened[log_of(log.checkpoint.origin)] = log
    missing = [each.name for each in MAIN_LOGS if each not in opened]
    if missing:
        raise CannotAudit(f"no published log of {', '.join(missing)} in {directory}: a report needs all of them")
    folded = Folded(opened, given, trusted is not None)
    folded.sizes = {each: log.checkpoint.size for each, log in opened.items()}
    for id_, log in opened.items():
        if until is None:
            break
        folded.sizes[id_], root = until[log.checkpoint.origin]
        if folded.sizes[id_] > log.checkpoint.size or folded.root(id_) != root:
            raise NotTheLog(f"{log.files.name}: its first {folded.sizes[id_]} entries are not those, or not all here")
    _check_since(folded)
    total = sum(folded.sizes.values())
    for id_, log in opened.items():
        for entries in _bundles(log, folded.sizes[id_]):
            for data in entries:
                folded.fold(id_, CODEC.decode_proven_entry(data))
            if progress is not None:
                progress("entries", len(entries), total)
    folded.tables.finish()
    return folded


def _check_since(folded: Folded) -> None:
    """Refuse logs that do not go on from the trees of an earlier report. Raises `NotTheLog`."""
    sizes = {log.checkpoint.origin: folded.sizes[id_] for id_, log in folded.logs.items()}
    trees = {log.checkpoint.origin: log.tree for log in folded.logs.values()}
    for origin, (size, root) in (folded.given.since or {}).items():
        if origin not in trees or size > sizes[origin] or trees[origin].root_at(size) != root:
            raise NotTheLog(f"{origin}: it does not go on from the {size} entries of the earlier report")


def _bundles(log: OpenLog, size: int) -> Iterator[list[bytes]]:
    """Its first so many entries, by bundles. Raises `NotTheLog`."""
    done = 0
    for entries in log.entries() if size else ():
        yield entries[: size - done]
        done += len(entries)
        if done >= size:
            return
    if done < size:
        finding = log.findings()[0]
        raise NotTheLog(f"{finding.log}: {finding.place}: {finding.text}")
