"""Issuance's read models: which rows each of its log's events makes or changes. `At` is the entry's own place and time.

Vouchers show what issuance knows: terms and status. Their balances are the ledger's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from counterfoil.contract.events import (
    GroupAttested,
    KeyAdded,
    KeyRevoked,
    LogOpened,
    PartyClosed,
    PartyRecovered,
    PartyRegistered,
    PartyReinstated,
    PartySuspended,
    RecoveryKeySet,
    RulesAdopted,
)
from counterfoil.contract.scalars import encode_base64
from counterfoil.contract.terms import FixedExpiry, ProgrammeTerms, RelativeExpiry
from counterfoil.core.decider import At
from counterfoil.core.keys import key_id_of
from counterfoil.issuance.events import (
    BudgetAppropriated,
    BudgetRecycled,
    BudgetReduced,
    ClassRegistered,
    IssueReversed,
    ProgrammePaused,
    ProgrammePublished,
    ProgrammeResumed,
    ProviderDelisted,
    ProviderListed,
    ProviderReinstated,
    ProviderSuspended,
    RecoveryEnded,
    RecoveryProposed,
    VoucherIssued,
    VoucherReinstated,
    VoucherReturned,
    VoucherRevoked,
    VoucherSuspended,
)
from counterfoil.ledger.events import VoucherExpired, VoucherRestored
from counterfoil.ports import Add, Change, Put, Set, View
from counterfoil.service import Reducers

PARTIES: Final = View(
    name="parties",
    key=("party_id",),
    columns={
        "party_id": "text",
        "name": "text",
        "roles": "json",
        "group_id": "text",
        "registered_at": "time",
        "closed_at": "time?",
        "closed_because": "text?",
        "suspended_at": "time?",
        "suspended_because": "text?",
    },
    filters=("group_id",),
)
GROUP_FACTS: Final = View(
    name="group_facts",
    key=("index", "item"),
    columns={
        "index": "int",
        "item": "int",
        "party_id": "text",
        "group_id": "text",
        "since": "time",
        "source": "text",
        "attested_by": "text",
        "attested_at": "time",
    },
    filters=("party_id", "group_id", "attested_by"),
)
"""Every attested group of a party; the one that begins last holds now, of several the one attested last. `index` and
`item` are the place of the command in issuance's log."""
RULES: Final = View(
    name="rules",
    key=("rules",),
    columns={"rules": "int", "release": "text", "adopted_at": "time", "index": "int"},
)
"""Which version of the rules decides issuance's log, from the entry after `index` on; the other logs follow it."""
KEYS: Final = View(
    name="keys",
    key=("party_id", "key_id"),
    columns={
        "party_id": "text",
        "key_id": "text",
        "public_key": "text",
        "use": "text",
        "added_at": "time",
        "revoked_at": "time?",
        "revoked_because": "text?",
    },
    filters=("party_id",),
)
"""`use`: signing or recovery."""
RECOVERIES: Final = View(
    name="recoveries",
    key=("recovery_id",),
    columns={
        "recovery_id": "text",
        "party_id": "text",
        "proposed_by": "text?",
        "reason": "text?",
        "key_id": "text",
        "public_key": "text",
        "recovery_key": "text?",
        "status": "text",
        "proposed_at": "time?",
        "in_force_at": "time",
        "ended_at": "time?",
        "ended_by": "text?",
        "ended_because": "text?",
    },
    filters=("party_id", "status"),
)
"""`proposed_by`: the operator; none if it was by the party's recovery key. `status`: proposed, in_force or ended. While
it is proposed, `in_force_at` is when it comes into force if nobody objects, or later if issuance is away meanwhile."""
CLASSES: Final = View(
    name="classes",
    key=("class_id", "version"),
    columns={
        "class_id": "text",
        "version": "int",
        "description": "text",
        "mem_mb": "int",
        "gpus_per_node": "int",
        "bf16_mtflops_nominal": "int?",
        "bf16_mtflops_attested": "int?",
        "interconnect": "text?",
        "sources": "json",
        "registered_at": "time",
    },
    filters=("class_id",),
)
PROGRAMMES: Final = View(
    name="programmes",
    key=("programme_id",),
    columns={
        "programme_id": "text",
        "issuer_id": "text",
        "title": "text",
        "currency": "text",
        "version": "int",
        "appropriated": "amount",
        "recycled": "amount",
        "issued": "amount",
        "uncommitted": "amount",
        "vouchers_issued": "int",
        "paused_at": "time?",
        "paused_because": "text?",
    },
    filters=("issuer_id", "currency"),
)
"""Current version and totals; appropriated (less what was taken back) + recycled = issued + uncommitted."""
PROGRAMME_VERSIONS: Final = View(
    name="programme_versions",
    key=("programme_id", "version"),
    columns={
        "programme_id": "text",
        "version": "int",
        "terms_hash": "text",
        "issuer_id": "text",
        "title": "text",
        "legal_basis": "text",
        "currency": "text",
        "share_num": "int",
        "share_den": "int",
        "beneficiary_cap": "amount",
        "min_face": "amount",
        "classes": "json",
        "regions": "json",
        "valid_from": "time",
        "valid_until": "time",
        "expires_at": "time?",
        "expires_after_seconds": "int?",
        "recycle": "text",
        "hold_tolls_expiry": "bool",
        "report_within_seconds": "int",
        "dispute_window_seconds": "int",
        "redemption_model": "text",
        "published_at": "time",
    },
    filters=("programme_id", "issuer_id"),
)
"""The terms in full; of `expires_at` and `expires_after_seconds` exactly one is set. `terms_hash` is hexadecimal."""
LISTINGS: Final = View(
    name="listings",
    key=("programme_id", "provider_id"),
    columns={
        "programme_id": "text",
        "provider_id": "text",
        "listed_at": "time",
        "status": "text",
        "status_since": "time",
        "status_reason": "text?",
    },
    filters=("programme_id", "provider_id", "status"),
)
"""`status`: listed, suspended or delisted."""
VOUCHERS: Final = View(
    name="vouchers",
    key=("voucher_id",),
    columns={
        "voucher_id": "text",
        "programme_id": "text",
        "version": "int",
        "beneficiary_id": "text",
        "face": "amount",
        "not_before": "time",
        "expires_at": "time",
        "issue_seq": "int",
        "restored_from": "text?",
        "status": "text",
        "status_since": "time",
        "status_reason": "text?",
    },
    filters=("programme_id", "beneficiary_id", "status"),
)
"""`status`: active, suspended, revoked, returned or expired. Spending is judged by `expires_at`: the status may lag
behind. `restored_from`: the voucher that this one took the place of, after a provider's default."""

VIEWS: Final[tuple[View, ...]] = (
    PARTIES,
    GROUP_FACTS,
    RULES,
    KEYS,
    RECOVERIES,
    CLASSES,
    PROGRAMMES,
    PROGRAMME_VERSIONS,
    LISTINGS,
    VOUCHERS,
)


# parties and keys ---------------------------------------------------------------------------------------------------


def _rules_named(event: LogOpened | RulesAdopted, at: At) -> Iterable[Change]:
    row = {"rules": event.rules, "release": event.release, "adopted_at": at.time, "index": at.index}
    yield Put(RULES.name, row)


def _party_registered(event: PartyRegistered, at: At) -> Iterable[Change]:
    row = {"party_id": event.party_id, "name": event.name, "roles": list(event.roles), "group_id": event.group_id}
    none = dict.fromkeys(("closed_at", "closed_because", "suspended_at", "suspended_because"))
    yield Put(PARTIES.name, {**row, "registered_at": at.time, **none})


def _party_closed(event: PartyClosed, at: At) -> Iterable[Change]:
    yield Set(PARTIES.name, (event.party_id,), {"closed_at": at.time, "closed_because": event.reason})


def _group_attested(event: GroupAttested, at: At) -> Iterable[Change]:
    row = {"index": at.index, "item": at.item, "party_id": event.party_id, "group_id": event.group_id}
    row |= {"since": event.since, "source": event.source, "attested_by": event.attested_by, "attested_at": at.time}
    yield Put(GROUP_FACTS.name, row)
    yield Set(PARTIES.name, (event.party_id,), {"group_id": event.group_after})


def _party_suspended(event: PartySuspended, at: At) -> Iterable[Change]:
    yield Set(PARTIES.name, (event.party_id,), {"suspended_at": at.time, "suspended_because": event.reason})


def _party_reinstated(event: PartyReinstated, _at: At) -> Iterable[Change]:
    yield Set(PARTIES.name, (event.party_id,), {"suspended_at": None, "suspended_because": None})


def _key_added(event: KeyAdded, at: At) -> Iterable[Change]:
    yield _key(event.party_id, event.public_key, "signing", at)


def _key_revoked(event: KeyRevoked, at: At) -> Iterable[Change]:
    yield _revoked(event.party_id, event.key_id, event.reason, at)


def _recovery_key_set(event: RecoveryKeySet, at: At) -> Iterable[Change]:
    if event.replaces is not None:
        yield _revoked(event.party_id, event.replaces, "replaced", at)
    yield _key(event.party_id, event.public_key, "recovery", at)


def _key(party_id: str, public_key: bytes, use: str, at: At) -> Put:
    row = {"party_id": party_id, "key_id": key_id_of(public_key), "public_key": encode_base64(public_key), "use": use}
    return Put(KEYS.name, {**row, "added_at": at.time, "revoked_at": None, "revoked_because": None})


def _revoked(party_id: str, key_id: str, reason: str, at: At) -> Set:
    return Set(KEYS.name, (party_id, key_id), {"revoked_at": at.time, "revoked_because": reason})


# recoveries ---------------------------------------------------------------------------------------------------------


def _recovery_proposed(event: RecoveryProposed, at: At) -> Iterable[Change]:
    row = {"status": "proposed", "proposed_at": at.time, "in_force_at": event.in_force_at}
    yield Put(RECOVERIES.name, {**_recovery(event), **row})


def _recovery_ended(event: RecoveryEnded, at: At) -> Iterable[Change]:
    values = {"status": "ended", "ended_at": at.time, "ended_by": event.ended_by, "ended_because": event.reason}
    yield Set(RECOVERIES.name, (event.recovery_id,), values)


def _party_recovered(event: PartyRecovered, at: At) -> Iterable[Change]:
    row = {"status": "in_force", "in_force_at": at.time}
    if event.proposed_by is None:
        yield Put(RECOVERIES.name, {**_recovery(event), **row, "proposed_at": None})
    else:
        yield Set(RECOVERIES.name, (event.recovery_id,), row)
    for key_id in event.revoked:
        yield _revoked(event.party_id, key_id, f"recovery {event.recovery_id}", at)
    yield _key(event.party_id, event.public_key, "signing", at)
    if event.recovery_key is not None:
        yield _key(event.party_id, event.recovery_key, "recovery", at)
    yield Set(PARTIES.name, (event.party_id,), {"closed_at": None, "closed_because": None})


def _recovery(event: RecoveryProposed | PartyRecovered) -> dict[str, object]:
    return {
        "recovery_id": event.recovery_id,
        "party_id": event.party_id,
        "proposed_by": event.proposed_by,
        "reason": event.reason,
        "key_id": event.key_id,
        "public_key": encode_base64(event.public_key),
        "recovery_key": None if event.recovery_key is None else encode_base64(event.recovery_key),
        "ended_at": None,
        "ended_by": None,
        "ended_because": None,
    }


# classes ------------------------------------------------------------------------------------------------------------


def _class_registered(event: ClassRegistered, at: At) -> Iterable[Change]:
    row = {
        "class_id": event.class_id,
        "version": event.version,
        "description": event.description,
        "mem_mb": event.mem_mb,
        "gpus_per_node": event.gpus_per_node,
        "bf16_mtflops_nominal": event.bf16_mtflops_nominal,
        "bf16_mtflops_attested": event.bf16_mtflops_attested,
        "interconnect": event.interconnect,
        "sources": list(event.sources),
        "registered_at": at.time,
    }
    yield Put(CLASSES.name, row)


# programmes ---------------------------------------------------------------------------------------------------------


def _programme_published(event: ProgrammePublished, at: At) -> Iterable[Change]:
    terms, expiry = event.terms, event.terms.expiry
    if event.version == 1:
        totals = {"appropriated": 0, "recycled": 0, "issued": 0, "uncommitted": 0, "vouchers_issued": 0}
        names = {"programme_id": event.programme_id, "issuer_id": event.issuer_id, "title": terms.title}
        state = {"version": event.version, **totals, "paused_at": None, "paused_because": None}
        yield Put(PROGRAMMES.name, {**names, "currency": terms.currency, **state})
    else:
        yield Set(PROGRAMMES.name, (event.programme_id,), {"title": terms.title, "version": event.version})
    shown = {name: getattr(terms, name) for name in ProgrammeTerms.__dataclass_fields__}
    row = {
        "programme_id": event.programme_id,
        "version": event.version,
        "terms_hash": event.terms_hash.hex(),
        "issuer_id": event.issuer_id,
        **shown,
        "share_num": terms.share.num,
        "share_den": terms.share.den,
        "classes": list(terms.classes),
        "regions": list(terms.regions),
        "expires_at": expiry.at if isinstance(expiry, FixedExpiry) else None,
        "expires_after_seconds": expiry.after_seconds if isinstance(expiry, RelativeExpiry) else None,
        "published_at": at.time,
    }
    yield Put(PROGRAMME_VERSIONS.name, {name: row[name] for name in PROGRAMME_VERSIONS.columns})


def _provider_listed(event: ProviderListed, at: At) -> Iterable[Change]:
    row = {"programme_id": event.programme_id, "provider_id": event.provider_id, "listed_at": at.time}
    yield Put(LISTINGS.name, {**row, "status": "listed", "status_since": at.time, "status_reason": None})


def _programme_paused(event: ProgrammePaused, at: At) -> Iterable[Change]:
    yield Set(PROGRAMMES.name, (event.programme_id,), {"paused_at": at.time, "paused_because": event.reason})


def _programme_resumed(event: ProgrammeResumed, _at: At) -> Iterable[Change]:
    yield Set(PROGRAMMES.name, (event.programme_id,), {"paused_at": None, "paused_because": None})


def _budget_appropriated(event: BudgetAppropriated, _at: At) -> Iterable[Change]:
    yield Add(PROGRAMMES.name, (event.programme_id,), {"appropriated": event.amount, "uncommitted": event.amount})


def _budget_reduced(event: BudgetReduced, _at: At) -> Iterable[Change]:
    yield Add(PROGRAMMES.name, (event.programme_id,), {"appropriated": -event.amount, "uncommitted": -event.amount})


def _budget_recycled(event: BudgetRecycled, _at: At) -> Iterable[Change]:
    yield Add(PROGRAMMES.name, (event.programme_id,), {"recycled": event.amount, "uncommitted": event.amount})


# vouchers -----------------------------------------------------------------------------------------------------------


def _voucher_issued(event: VoucherIssued, at: At) -> Iterable[Change]:
    spent = {"issued": event.face, "uncommitted": -event.face, "vouchers_issued": 1}
    yield Add(PROGRAMMES.name, (event.programme_id,), spent)
    row = {
        "voucher_id": event.voucher_id,
        "programme_id": event.programme_id,
        "version": event.version,
        "beneficiary_id": event.beneficiary_id,
        "face": event.face,
        "not_before": event.not_before,
        "expires_at": event.expires_at,
        "issue_seq": event.issue_seq,
        "restored_from": None,
        "status": "active",
        "status_since": at.time,
        "status_reason": None,
    }
    yield Put(VOUCHERS.name, row)


def _issue_reversed(event: IssueReversed, _at: At) -> Iterable[Change]:
    yield Add(PROGRAMMES.name, (event.programme_id,), {"issued": -event.amount, "uncommitted": event.amount})


def _voucher_restored(event: VoucherRestored, at: At) -> Iterable[Change]:
    row = {name: getattr(event, name) for name in VOUCHERS.columns if hasattr(event, name)}
    status = {"status": "suspended" if event.suspended else "active", "status_since": at.time, "status_reason": None}
    yield Put(VOUCHERS.name, {**row, **status})


def _status(view: View, status: str) -> Callable[[Any, At], Iterable[Change]]:
    """A projection that sets the status of a voucher or a listing, with the event's reason if it has one."""

    def project(event: Any, at: At) -> Iterable[Change]:
        values = {"status": status, "status_since": at.time, "status_reason": getattr(event, "reason", None)}
        yield Set(view.name, tuple(getattr(event, name) for name in view.key), values)

    return project


REDUCERS: Final[Reducers] = {
    LogOpened: _rules_named,
    RulesAdopted: _rules_named,
    PartyRegistered: _party_registered,
    GroupAttested: _group_attested,
    KeyAdded: _key_added,
    KeyRevoked: _key_revoked,
    PartyClosed: _party_closed,
    PartySuspended: _party_suspended,
    PartyReinstated: _party_reinstated,
    RecoveryKeySet: _recovery_key_set,
    RecoveryProposed: _recovery_proposed,
    RecoveryEnded: _recovery_ended,
    PartyRecovered: _party_recovered,
    ClassRegistered: _class_registered,
    ProgrammePublished: _programme_published,
    ProviderListed: _provider_listed,
    ProviderDelisted: _status(LISTINGS, "delisted"),
    ProviderSuspended: _status(LISTINGS, "suspended"),
    ProviderReinstated: _status(LISTINGS, "listed"),
    ProgrammePaused: _programme_paused,
    ProgrammeResumed: _programme_resumed,
    BudgetAppropriated: _budget_appropriated,
    BudgetReduced: _budget_reduced,
    BudgetRecycled: _budget_recycled,
    VoucherIssued: _voucher_issued,
    VoucherSuspended: _status(VOUCHERS, "suspended"),
    VoucherReinstated: _status(VOUCHERS, "active"),
    VoucherRevoked: _status(VOUCHERS, "revoked"),
    VoucherReturned: _status(VOUCHERS, "returned"),
    VoucherRestored: _voucher_restored,
    IssueReversed: _issue_reversed,
    VoucherExpired: _status(VOUCHERS, "expired"),
}
"""Changes per event of issuance's log. Its other events (cancellations follow a revocation, a voucher of which nothing
is left keeps its status) change no row."""
