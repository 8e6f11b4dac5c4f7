"""Issuance's state: classes, programmes with their totals, and open vouchers.

Conservation per programme, at every index: appropriated (less what was taken back) + recycled = issued + uncommitted,
and uncommitted >= 0.

What was issued counts towards the cap of the group that the beneficiary belonged to then, for ever, even after the
voucher ended or the beneficiary left, unless it was cancelled unspent. A beneficiary that joins another group brings
all that it was issued before: so neither who leaves nor who joins frees any of a cap. Per programme and beneficiary,
the sum over the groups that it belonged to is all that it was issued.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from itertools import chain
from typing import Final, NamedTuple

from counterfoil.contract.applications import CounterMoved
from counterfoil.contract.events import Published
from counterfoil.contract.key_id import key_id_of
from counterfoil.contract.limits import (
    MAX_AMOUNT,
)
from counterfoil.core.at import At
from counterfoil.core.deadlines import Deadlines
from counterfoil.core.form import (
    AMOUNT,
    COUNT,
    FLAG,
    OCTETS,
    TEXT,
    TIME,
    TRUE,
    Form,
    by_name,
    one_of,
    optional,
    row,
)
from counterfoil.core.lookalikes import look_of
from counterfoil.core.programmes import FOUR_EYES, LISTING, PUBLISHED, Listing
from counterfoil.core.table import Table
from counterfoil.issuance.aided import Aids
from counterfoil.issuance.applying import Applications
from counterfoil.issuance.claimed import COUNTS, Claims, Purpose
from counterfoil.issuance.controls import Controls
from counterfoil.issuance.counting import Counters
from counterfoil.issuance.frozen import Suspensions
from counterfoil.issuance.windows import Window, Windows
from counterfoil.issuance.words import VoucherStatus
from counterfoil.programme.documents import ProgrammeState, rules_by_hash
from counterfoil.programme.rules import Rules
from counterfoil.programme.terms import Terms


@dataclass(slots=True)
class Programme:
    """A programme: its current version and its totals."""

    current: Published
    appropriated: int = 0
    recycled: int = 0
    issued: int = 0
    vouchers_issued: int = 0
    paused: bool = False

    @property
    def uncommitted(self) -> int:
        """What may still be issued."""
        return self.appropriated + self.recycled - self.issued


@dataclass(slots=True)
class Voucher:
    """A voucher until the ledger reports that nothing of it is left.

    `group_id`: the group that it was issued to; None: not known any more, as rules 1 to 3 had forgotten the voucher.
    """

    programme_id: str
    beneficiary_id: str
    group_id: str | None
    expires_at: int
    status: VoucherStatus = "active"


class Grant(NamedTuple):
    """What of a voucher under a document counts towards the limits of its programme, and may be counted back.

    `left`: how much of its face is neither spent nor counted back; `on`: the local day; `counts`: what that counts.
    """

    on: int
    left: int
    counts: tuple[CounterMoved, ...]

    def parted(self, amount: int) -> tuple[Grant, Grant]:
        """The grant without so much, and the part taken: in proportion, and the rest of it all with the last part."""
        amount = min(amount, self.left)
        taken = [(each.after - each.before) * amount // self.left if self.left else 0 for each in self.counts]
        rest = tuple(
            replace(each, before=0, after=each.after - each.before - part)
            for each, part in zip(self.counts, taken, strict=True)
        )
        part = tuple(replace(each, before=0, after=part) for each, part in zip(self.counts, taken, strict=True))
        return Grant(self.on, self.left - amount, rest), Grant(self.on, amount, part)


class Freed(NamedTuple):
    """Since when a waiting list is to be looked through: a time, and an entry."""

    since: int
    entry: int


class NewKeys(NamedTuple):
    """How many keys a party added in the period that began at `since`."""

    since: int
    added: int


class Recovery(NamedTuple):
    """An operator's proposal to recover a party, in force at `in_force_at`."""

    party_id: str
    proposed_by: str
    reason: str
    public_key: bytes
    recovery_key: bytes | None
    proposed_at: int
    in_force_at: int

    def key_ids(self) -> tuple[str, ...]:
        """The ids of the keys that it would put in force."""
        return tuple(key_id_of(key) for key in (self.public_key, self.recovery_key) if key is not None)


ROOT_OPERATOR: Final = Form("root_operator", (), TEXT, "the operator that the first entry names")
NEW_KEYS: Final = Form(
    "new_keys", ("party_id",), row(NewKeys, since=TIME, added=COUNT), "the keys that a party added lately"
)
RECOVERY: Final = Form(
    "recovery",
    ("recovery_id",),
    row(
        Recovery, party_id=TEXT, proposed_by=TEXT, reason=TEXT, public_key=OCTETS, recovery_key=optional(OCTETS),
        proposed_at=TIME, in_force_at=TIME,
    ),
    "a recovery that an operator proposed, until it is in force or has ended",
)  # fmt: skip
DESCRIBED: Final = Form("described_class", ("class_id",), TRUE, "a class that says what is known of it")
CLASS: Final = Form("class", ("class_id",), COUNT, "the last version of a class")
PROGRAMME: Final = Form(
    "programme",
    ("programme_id",),
    row(
        Programme, current=PUBLISHED, appropriated=AMOUNT, recycled=AMOUNT, issued=AMOUNT,
        vouchers_issued=COUNT, paused=FLAG,
    ),
    "the current version of a programme, and its totals",
)  # fmt: skip
AUDITOR: Final = Form(
    "auditor",
    ("programme_id", "auditor_id"),
    TRUE,
    "the auditor is appointed for the programme; for all of them where that is empty",
)
ISSUED: Final = Form(
    "issued",
    ("programme_id", "beneficiary_id"),
    by_name(AMOUNT),
    "what a beneficiary was ever issued, less what was cancelled unspent, by the group that it belonged to then",
)
VOUCHER: Final = Form(
    "voucher",
    ("voucher_id",),
    row(
        Voucher, programme_id=TEXT, beneficiary_id=TEXT, group_id=optional(TEXT), expires_at=TIME,
        status=one_of("active", "suspended", "revoked", "returned", "expired"),
    ),
    "a voucher of which something is left, held perhaps; `group_id`: the group that it was issued to",
)  # fmt: skip


GRANT: Final = Form(
    "grant",
    ("voucher_id",),
    row(
        Grant, on=COUNT, left=AMOUNT, counts=COUNTS,
    ),
    "what a voucher under a document counts towards limits, until nothing of it is left",
)  # fmt: skip


FREED: Final = Form(
    "freed",
    ("programme_id",),
    row(Freed, since=TIME, entry=COUNT),
    "budget of a programme became free, and its waiting list is to be looked through",
)


class IssuanceState(ProgrammeState):
    """Issuance's whole state. What is not a table follows from the tables."""

    __slots__ = (
        "aids", "applications", "appointed", "auditors", "claims", "classes", "committed", "controls", "counters",
        "deciding", "described", "documents_due", "four_eyes", "freed", "freed_due", "grants", "group_issued",
        "issued_to", "key_ids", "listings", "looks", "new_keys", "open_vouchers", "programmes", "recoveries",
        "recoveries_due", "recovering", "root", "suspensions", "vouchers", "windows",
    )  # fmt: skip

    def __init__(self) -> None:
        super().__init__()
        self.classes: Table[str, int] = self.keep(Table(CLASS))
        self.described: Table[str, bool] = self.keep(Table(DESCRIBED))
        self.programmes: Table[str, Programme] = self.keep(Table(PROGRAMME))
        self.listings: Table[tuple[str, str], Listing] = self.keep(Table(LISTING))  # by programme and provider
        self.four_eyes: Table[tuple[str, str], bool] = self.keep(Table(FOUR_EYES))  # by programme and act
        self.issued_to: Table[tuple[str, str], dict[str, int]] = self.keep(Table(ISSUED))  # by programme and party
        self.grants: Table[str, Grant] = self.keep(Table(GRANT))
        self.group_issued: dict[tuple[str, str], int] = {}  # by programme and group
        self.vouchers: Table[str, Voucher] = self.keep(Table(VOUCHER))
        self.auditors: Table[tuple[str, str], bool] = self.keep(Table(AUDITOR))  # by programme, or ALL, and auditor
        self.appointed: dict[str, set[str]] = {}  # the same, by programme
        self.root: Table[tuple[()], str] = self.keep(Table(ROOT_OPERATOR))
        self.documents_due = Deadlines(self._unpublished)
        self.freed: Table[str, Freed] = self.keep(Table(FREED))
        self.freed_due = Deadlines(self._moves_up)
        self.deciding = Deadlines(self._is_decided)
        self.new_keys: Table[str, NewKeys] = self.keep(Table(NEW_KEYS))
        self.recoveries: Table[str, Recovery] = self.keep(Table(RECOVERY))
        self.recoveries_due = Deadlines(self.recoveries.__contains__)
        self.recovering: dict[str, str] = {}  # by party
        self.key_ids: set[str] = set()  # of keys that are, were or may come into force
        self.open_vouchers: dict[str, dict[str, int]] = {}  # by beneficiary and programme
        self.committed: dict[str, int] = {}  # by currency, over all programmes: appropriated + issued

        self.applications = Applications()
        self.counters = Counters()
        self.windows = Windows(self._may_work_on)
        self.claims = Claims()
        self.aids = Aids()
        self.controls = Controls()
        parts = (self.applications.tables(), self.windows.tables(), self.claims.tables())
        self.suspensions = Suspensions(self._goes_on)
        for table in (
            *chain(*parts),
            self.counters.table,
            self.aids.attested,
            self.aids.covered,
            self.aids.laws,
            self.controls.table,
        ):
            self.keep(table)
        self.keep(self.suspensions.table)
        self.keep(self.suspensions.days)
        self.looks: dict[str, str] = {}  # what a name looks like -> the first party, by id, with such a name

    def root_operator(self) -> str | None:
        """The operator that the log's first entry names."""
        return self.root.get(())

    def index_name(self, party_id: str, name: str) -> None:
        """Keep what the name of a party looks like."""
        look = look_of(name)
        self.looks[look] = min(party_id, self.looks.get(look, party_id))

    def propose(self, recovery_id: str, recovery: Recovery) -> None:
        """Keep a recovery until it is in force or has ended."""
        self.recoveries[recovery_id] = recovery
        self._index(recovery_id, recovery)

    def _index(self, recovery_id: str, recovery: Recovery) -> None:
        self.recovering[recovery.party_id] = recovery_id
        self.key_ids.update(recovery.key_ids())
        self.recoveries_due.add(recovery.in_force_at, 0, 0, recovery_id)

    def end_recovery(self, recovery_id: str) -> Recovery:
        """Remove a recovery and return it."""
        recovery = self.recoveries.pop(recovery_id)
        del self.recovering[recovery.party_id]
        self.recoveries_due.ended()
        return recovery

    def postpone_recoveries(self, away_since: int, resumed_at: int, earliest: int) -> None:
        """Move those whose time an outage took; none comes into force before `earliest`."""
        for recovery_id, each in list(self.recoveries.items()):
            if each.in_force_at > away_since:
                moved = max(each.in_force_at + resumed_at - max(away_since, each.proposed_at), earliest)
                self.recoveries[recovery_id] = each._replace(in_force_at=moved)
        self.recoveries_due.postpone(lambda recovery_id: self.recoveries[recovery_id].in_force_at)

    def _unpublished(self, document_id: str) -> bool:
        kept = self.documents.kept.get(document_id)
        return kept is not None and not kept.published

    def drop_later(self, document_id: str) -> None:
        """Let a document that is not published go."""
        if self._unpublished(document_id):
            kept = self.documents.kept[document_id]
            self.documents_due.add(kept.since + self.rules.document_stays, kept.entry, 0, document_id)

    def terms(self, programme_id: str) -> Terms:
        """What the current version of a programme lays down."""
        return self.documents.terms(self.programmes[programme_id].current)

    def rules_under(self, made: Window | Purpose) -> Rules:
        """The document that a window was opened under, or a voucher was granted."""
        return rules_by_hash(made.rules_hash, lambda: self.documents.data(made.document_id))

    def same_purpose(self, former: str, voucher_id: str) -> None:
        """A voucher made of another is for what that was for; the facts of another holder are not its holder's."""
        self.claims.same_purpose(former, voucher_id)
        before, purpose = self.vouchers.get(former), self.claims.purposes.get(voucher_id)
        stays = before is not None and before.beneficiary_id == self.vouchers[voucher_id].beneficiary_id
        if purpose is not None and self.rules.judges_takers and not stays:
            kinds = self.rules_under(purpose).facts.kinds
            kept = tuple(each for each in purpose.facts if kinds[each.name].of != "APPLICANT")
            self.claims.purposes[voucher_id] = purpose._replace(facts=kept)

    def _goes_on(self, voucher_id: str) -> bool:
        """Whether a voucher is neither over nor gone."""
        voucher = self.vouchers.get(voucher_id)
        return voucher is not None and voucher.status in ("active", "suspended")

    def _may_work_on(self, window_id: str) -> bool:
        """Whether the applications of a window are being decided."""
        window = self.windows.open.get(window_id)
        return window is not None and window.phase != "open" and not self.programmes[window.programme_id].paused

    def _moves_up(self, programme_id: str) -> bool:
        """Whether the waiting list of a programme is to be looked through."""
        waits = programme_id in self.freed and programme_id in self.applications.listed
        return waits and not self.programmes[programme_id].paused

    def budget_freed(self, programme_id: str, at: At) -> None:
        """Have a waiting list looked through, if anybody is on it."""
        if programme_id in self.applications.listed and programme_id not in self.freed:
            self.freed[programme_id] = Freed(at.time, at.index)
            self.look_through(programme_id)

    def look_through(self, programme_id: str) -> None:
        """Know when a waiting list is to be looked through."""
        if self._moves_up(programme_id):
            freed = self.freed[programme_id]
            self.freed_due.add(freed.since, freed.entry, 0, programme_id)

    def _is_decided(self, programme_id: str) -> bool:
        """Whether nothing is undecided in a programme in run-off, and nobody was told."""
        undecided = self.applications.open.number(programme_id) or programme_id in self.windows.by_programme
        return not undecided and self.phases.get(programme_id) == "run_off"

    def when_decided(self, programme_id: str) -> None:
        """Have it told that nothing is undecided in a programme in run-off, once that is so."""
        if self._is_decided(programme_id):
            self.deciding.add(0, 0, 0, programme_id)

    def left_queue(self, programme_id: str, at: At) -> None:
        """Have those looked through who may have waited for one that does not wait any more."""
        if programme_id in self.applications.listed:
            self.budget_freed(programme_id, at)
        else:
            self.searched(programme_id)

    def searched(self, programme_id: str) -> None:
        """Know that a waiting list was looked through."""
        if programme_id in self.freed:
            del self.freed[programme_id]
            self.freed_due.ended()

    def room(self, programme: Programme, counted: int) -> int:
        """How much more of a programme, on top of what is `counted`, before a counter could overflow.

        All counters of a programme, the ledger's included, stay below what was appropriated, or what was issued, in
        all. By rules 1 to 3, claims add up over the programmes of a currency, so the ledger may have to count up to
        appropriated + issued of all of them.
        """
        shared = not self.rules.bounds_each_programme
        return MAX_AMOUNT - (
            self.committed.get(self.documents.terms(programme.current).currency, 0) if shared else counted
        )

    def commit(self, currency: str, amount: int) -> None:
        """Count an appropriation, or one taken back, or an issue."""
        after = self.committed.pop(currency, 0) + amount
        if after:
            self.committed[currency] = after

    def appoint(self, programme_id: str, auditor_id: str) -> None:
        """Know one more auditor of a programme, or of all."""
        self.auditors[programme_id, auditor_id] = True
        self._index_auditor(programme_id, auditor_id)

    def _index_auditor(self, programme_id: str, auditor_id: str) -> None:
        self.appointed.setdefault(programme_id, set()).add(auditor_id)

    def dismiss(self, programme_id: str, auditor_id: str) -> None:
        """Forget one."""
        del self.auditors[programme_id, auditor_id]
        self.appointed[programme_id].remove(auditor_id)
        if not self.appointed[programme_id]:
            del self.appointed[programme_id]

    def auditors_of(self, programme_id: str) -> AbstractSet[str]:
        """Who is appointed for exactly that: a programme, or `ALL`."""
        return self.appointed.get(programme_id, frozenset())

    def open(self, voucher_id: str, voucher: Voucher) -> None:
        """Know one more voucher."""
        self.vouchers[voucher_id] = voucher
        self._count_open(voucher, 1)

    def close(self, voucher_id: str) -> None:
        """Forget a voucher."""
        self._count_open(self.vouchers.pop(voucher_id), -1)

    def _count_open(self, voucher: Voucher, more: int) -> None:
        of_one = self.open_vouchers.setdefault(voucher.beneficiary_id, {})
        of_one[voucher.programme_id] = of_one.get(voucher.programme_id, 0) + more
        if not of_one[voucher.programme_id]:
            del of_one[voucher.programme_id]
        if not of_one:
            del self.open_vouchers[voucher.beneficiary_id]

    def count(self, programme_id: str, beneficiary_id: str, group_id: str, amount: int) -> None:
        """Count what a beneficiary was issued while it belonged to a group."""
        whose = (programme_id, beneficiary_id)
        by_group = self.issued_to.get(whose, {})
        self.issued_to[whose] = {**by_group, group_id: by_group.get(group_id, 0) + amount}
        self._count_group(programme_id, group_id, amount)

    def counted(self, programme_id: str, group_id: str) -> int:
        """What counts towards the cap of a group: what it was issued, and what its members were issued before."""
        brought = 0
        for member in self.directory.members(group_id):
            by_group = self.issued_to.get((programme_id, member), {})
            brought += sum(by_group.values()) - by_group.get(group_id, 0)
        return self.group_issued.get((programme_id, group_id), 0) + brought

    def _count_group(self, programme_id: str, group_id: str, amount: int) -> None:
        self.group_issued[programme_id, group_id] = self.group_issued.get((programme_id, group_id), 0) + amount

    def rebuild(self) -> None:
        """Derive what is not in the tables."""
        super().rebuild()
        self.applications.rebuild()
        self.counters.rebuild()
        self.claims.rebuild()
        self.controls.rebuild()
        self.aids.rebuild((each, self.terms(each)) for each in sorted(self.programmes))
        self.suspensions.rebuild()
        self.group_issued = {}
        for (programme_id, _), by_group in self.issued_to.items():
            for group_id, amount in by_group.items():
                self._count_group(programme_id, group_id, amount)
        self.key_ids = {
            key_id for party in self.directory.parties.values() for key_id in (*party.keys, *party.recovery_keys)
        }
        self.looks = {}
        for party in self.directory.parties.values():
            self.index_name(party.party_id, party.name)
        self.recoveries_due = Deadlines(self.recoveries.__contains__)
        self.recovering = {}
        for recovery_id in sorted(self.recoveries):
            self._index(recovery_id, self.recoveries[recovery_id])
        self.appointed = {}
        for programme_id, auditor_id in self.auditors:
            self._index_auditor(programme_id, auditor_id)
        self.open_vouchers, self.committed = {}, {}
        for voucher in self.vouchers.values():
            self._count_open(voucher, 1)
        self.documents_due = Deadlines(self._unpublished)
        for document_id in self.documents.kept:
            self.drop_later(document_id)
        self.freed_due = Deadlines(self._moves_up)
        for programme_id in sorted(self.freed):
            self.look_through(programme_id)
        self.windows.reset()
        self.deciding = Deadlines(self._is_decided)
        for window_id in sorted(self.windows.open):
            self.windows.index(window_id)
            if self.windows.open[window_id].phase != "open":
                self.windows.arrange(window_id, self.rules_under(self.windows.open[window_id]), self.applications)
        for programme_id in sorted(self.phases):
            self.when_decided(programme_id)
        for programme_id, programme in self.programmes.items():
            self.commit(self.terms(programme_id).currency, programme.appropriated + programme.issued)
