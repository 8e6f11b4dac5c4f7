"""Issuance's read models: which rows each of its log's events makes or changes. `At` is the entry's own place and time.

Parties are in `party_views`, applications in `application_views`. Vouchers show what issuance knows: terms and
status. Their balances are the ledger's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final, get_args

from counterfoil.contract.events import (
    CurrencyRegistered,
    DocumentDropped,
    DocumentPiecePut,
    LogOpened,
    ProgrammePublished,
    ProgrammePublishedV1,
    Published,
    RulesAdopted,
)
from counterfoil.contract.limits import MAX_PIECES
from counterfoil.contract.scalars import encode_base64
from counterfoil.contract.terms import FixedExpiry, FourEyesAct, ProgrammeTerms, RedemptionModel, RelativeExpiry
from counterfoil.core.at import At
from counterfoil.issuance.aid_views import AID_REDUCERS, AID_VIEWS
from counterfoil.issuance.application_views import APPLICATION_REDUCERS, APPLICATION_VIEWS
from counterfoil.issuance.class_views import CLASS_REDUCERS, CLASSES
from counterfoil.issuance.control_views import CONTROL_REDUCERS, CONTROLS
from counterfoil.issuance.events import (
    BudgetAppropriated,
    BudgetRecycled,
    BudgetReduced,
    FourEyesDemanded,
    IssueReversed,
    ProgrammePaused,
    ProgrammeResumed,
    ProviderDelisted,
    ProviderListed,
    ProviderReinstated,
    ProviderSuspended,
    VoucherGranted,
    VoucherIssued,
    VoucherReturned,
    VoucherRevoked,
    VoucherSuspended,
)
from counterfoil.issuance.freeze_views import FREEZE_REDUCERS, NOT_STOPPED
from counterfoil.issuance.invoice_views import INVOICE_REDUCERS, INVOICE_VIEWS
from counterfoil.issuance.party_views import PARTY_REDUCERS, PARTY_VIEWS, participant
from counterfoil.issuance.run_off_events import RunOffBegun
from counterfoil.issuance.words import VoucherStatus
from counterfoil.ledger.closing_events import ProgrammeClosed
from counterfoil.ledger.events import VoucherExpired, VoucherRestored
from counterfoil.ledger.transfer_events import VoucherReissued
from counterfoil.ports import Add, Change, Put, Set, View
from counterfoil.readership import ANYBODY, Readers
from counterfoil.service import Reducers

RULES: Final = View(
    name="rules",
    key=("rules",),
    columns={"rules": "int", "release": "text", "adopted_at": "time", "index": "int"},
    readers=ANYBODY,
    time="adopted_at",
)
"""Which version of the rules decides issuance's log, from the entry after `index` on; the other logs follow it."""
CURRENCIES: Final = View(
    name="currencies",
    key=("currency",),
    columns={"currency": "text", "minor_units": "int", "registered_at": "time"},
    readers=ANYBODY,
    time="registered_at",
)
"""Currencies beside those of ISO 4217; `minor_units` is the number of decimals that can be paid."""
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
        "published_at": "time",
        "paused_at": "time?",
        "paused_because": "text?",
        "status": "text",
    },
    filters=("issuer_id", "currency"),
    readers=ANYBODY,
    time="published_at",
    values={"status": ("open", "run_off", "closed")},
)
"""Current version and totals; appropriated (less what was taken back or, with the closing, returned) + recycled =
issued + uncommitted. `run_offs` has how near its end a programme is."""
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
    readers=ANYBODY,
    time="published_at",
    values={"recycle": ("appropriation", "lapsed"), "redemption_model": get_args(RedemptionModel)},
)
"""The terms in full; of `expires_at` and `expires_after_seconds` exactly one is set. `terms_hash` is hexadecimal."""
PROGRAMME_DOCUMENTS: Final = View(
    name="programme_documents",
    key=("programme_id", "version"),
    columns={
        "programme_id": "text",
        "version": "int",
        "issuer_id": "text",
        "title": "text",
        "unit": "text",
        "rules_hash": "text",
        "document_id": "text",
        "warnings": "json",
        "published_at": "time",
    },
    filters=("programme_id", "issuer_id"),
    readers=ANYBODY,
    time="published_at",
)
"""The versions that documents lay down. `rules_hash` is SHA-256 of the document's bytes, hexadecimal; `warnings` are
codes of the linter."""
DOCUMENT_PIECES: Final = View(
    name="document_pieces",
    key=("document_id", "piece"),
    columns={
        "document_id": "text",
        "piece": "int",
        "pieces": "int",
        "octets": "text",
        "put_at": "time",
        "dropped_at": "time?",
    },
    filters=("document_id",),
    readers=ANYBODY,
    time="put_at",
)
"""The bytes of documents, in base64: a document is its `pieces` pieces from 0, in order. Those of a document that was
not published in time are gone."""
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
    readers=ANYBODY,
    time="listed_at",
    values={"status": ("listed", "suspended", "delisted")},
)
"""`status`: listed, suspended or delisted."""
FOUR_EYES: Final = View(
    name="four_eyes",
    key=("programme_id", "act"),
    columns={"programme_id": "text", "act": "text", "demanded_at": "time"},
    filters=("programme_id",),
    readers=ANYBODY,
    time="demanded_at",
    values={"act": get_args(FourEyesAct)},
)
"""The acts that need the signatures of two parties."""
VOUCHERS: Final = View(
    name="vouchers",
    key=("voucher_id",),
    columns={
        "voucher_id": "text",
        "programme_id": "text",
        "version": "int",
        "beneficiary_id": "text",
        "face": "amount",
        "issued_at": "time",
        "not_before": "time",
        "expires_at": "time",
        "issue_seq": "int",
        "restored_from": "text?",
        "status": "text",
        "status_since": "time",
        "status_reason": "text?",
        "ground": "text?",
        "suspended_from": "time?",
        "suspended_until": "time?",
    },
    filters=("programme_id", "beneficiary_id", "status"),
    readers=Readers(parties=("beneficiary_id",), programme="programme_id", through={"holders": "voucher_id"}),
    time="issued_at",
    values={"status": get_args(VoucherStatus)},
)
"""`status`: active, suspended, revoked, returned or expired. Spending is judged by `expires_at`: the status may lag
behind. `restored_from`: the voucher that this one took the place of, after a provider's default or
a transfer. `ground`: on which it was revoked, or is suspended, or to be, between the two times."""

VIEWS: Final[tuple[View, ...]] = (
    *PARTY_VIEWS,
    RULES,
    CURRENCIES,
    CLASSES,
    PROGRAMMES,
    PROGRAMME_VERSIONS,
    PROGRAMME_DOCUMENTS,
    DOCUMENT_PIECES,
    LISTINGS,
    FOUR_EYES,
    VOUCHERS,
    *APPLICATION_VIEWS,
    *INVOICE_VIEWS,
    *AID_VIEWS,
    CONTROLS,
)


def _rules_named(event: LogOpened | RulesAdopted, at: At) -> Iterable[Change]:
    row = {"rules": event.rules, "release": event.release, "adopted_at": at.time, "index": at.index}
    yield Put(RULES.name, row)


# currencies ---------------------------------------------------------------------------------------------------------


def _currency_registered(event: CurrencyRegistered, at: At) -> Iterable[Change]:
    row = {"currency": event.currency, "minor_units": event.minor_units, "registered_at": at.time}
    yield Put(CURRENCIES.name, row)


# programmes ---------------------------------------------------------------------------------------------------------


def _version(event: Published, title: str, unit: str, at: At) -> Change:
    """What a version changes of its programme's row."""
    if event.version > 1:
        return Set(PROGRAMMES.name, (event.programme_id,), {"title": title, "version": event.version})
    totals = {"appropriated": 0, "recycled": 0, "issued": 0, "uncommitted": 0, "vouchers_issued": 0}
    names = {"programme_id": event.programme_id, "issuer_id": event.issuer_id, "title": title, "currency": unit}
    state = {"version": event.version, **totals, "published_at": at.time, "paused_at": None, "paused_because": None}
    return Put(PROGRAMMES.name, {**names, **state, "status": "open"})


def _programme_published(event: ProgrammePublished, at: At) -> Iterable[Change]:
    yield _version(event, event.title, event.unit, at)
    row = {
        "programme_id": event.programme_id,
        "version": event.version,
        "issuer_id": event.issuer_id,
        "title": event.title,
        "unit": event.unit,
        "rules_hash": event.rules_hash.hex(),
        "document_id": event.document_id,
        "warnings": list(event.warnings),
        "published_at": at.time,
    }
    yield Put(PROGRAMME_DOCUMENTS.name, row)


def _piece_put(event: DocumentPiecePut, at: At) -> Iterable[Change]:
    octets = encode_base64(event.octets)
    row = {
        "document_id": event.document_id,
        "piece": event.piece,
        "pieces": event.pieces,
        "octets": octets,
        "put_at": at.time,
    }
    yield Put(DOCUMENT_PIECES.name, {**row, "dropped_at": None})


def _document_dropped(event: DocumentDropped, at: At) -> Iterable[Change]:
    gone = {"octets": "", "dropped_at": at.time}
    yield from (Set(DOCUMENT_PIECES.name, (event.document_id, piece), gone) for piece in range(MAX_PIECES))


def _terms_published(event: ProgrammePublishedV1, at: At) -> Iterable[Change]:
    terms, expiry = event.terms, event.terms.expiry
    yield _version(event, terms.title, terms.currency, at)
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
    yield participant(event.programme_id, event.provider_id)


def _programme_paused(event: ProgrammePaused, at: At) -> Iterable[Change]:
    yield Set(PROGRAMMES.name, (event.programme_id,), {"paused_at": at.time, "paused_because": event.reason})


def _programme_resumed(event: ProgrammeResumed, _at: At) -> Iterable[Change]:
    yield Set(PROGRAMMES.name, (event.programme_id,), {"paused_at": None, "paused_because": None})


def _run_off_begun(event: RunOffBegun, _at: At) -> Iterable[Change]:
    yield Set(PROGRAMMES.name, (event.programme_id,), {"status": "run_off"})


def _programme_closed(event: ProgrammeClosed, _at: At) -> Iterable[Change]:
    back = -event.books.returned
    yield Add(PROGRAMMES.name, (event.programme_id,), {"appropriated": back, "uncommitted": back})
    yield Set(PROGRAMMES.name, (event.programme_id,), {"status": "closed"})


def _four_eyes_demanded(event: FourEyesDemanded, at: At) -> Iterable[Change]:
    yield Put(FOUR_EYES.name, {"programme_id": event.programme_id, "act": event.act, "demanded_at": at.time})


def _budget_appropriated(event: BudgetAppropriated, _at: At) -> Iterable[Change]:
    yield Add(PROGRAMMES.name, (event.programme_id,), {"appropriated": event.amount, "uncommitted": event.amount})


def _budget_reduced(event: BudgetReduced, _at: At) -> Iterable[Change]:
    yield Add(PROGRAMMES.name, (event.programme_id,), {"appropriated": -event.amount, "uncommitted": -event.amount})


def _budget_recycled(event: BudgetRecycled, _at: At) -> Iterable[Change]:
    yield Add(PROGRAMMES.name, (event.programme_id,), {"recycled": event.amount, "uncommitted": event.amount})


# vouchers -----------------------------------------------------------------------------------------------------------


def _voucher_issued(event: VoucherIssued | VoucherGranted, at: At) -> Iterable[Change]:
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
        "issued_at": at.time,
        "restored_from": None,
        "status": "active",
        "status_since": at.time,
        "status_reason": None,
        **NOT_STOPPED,
    }
    yield Put(VOUCHERS.name, row)
    yield participant(event.programme_id, event.beneficiary_id)


def _issue_reversed(event: IssueReversed, _at: At) -> Iterable[Change]:
    yield Add(PROGRAMMES.name, (event.programme_id,), {"issued": -event.amount, "uncommitted": event.amount})


def _voucher_restored(event: VoucherRestored, at: At) -> Iterable[Change]:
    row = {name: getattr(event, name) for name in VOUCHERS.columns if hasattr(event, name)}
    status = {"status": "suspended" if event.suspended else "active", "status_since": at.time, "status_reason": None}
    yield Put(VOUCHERS.name, {**row, "issued_at": at.time, **status, **NOT_STOPPED})


def _voucher_reissued(event: VoucherReissued, at: At) -> Iterable[Change]:
    row = {name: getattr(event, name) for name in VOUCHERS.columns if hasattr(event, name)}
    status = {"status": "active", "status_since": at.time, "status_reason": None}
    yield Put(
        VOUCHERS.name, {**row, "restored_from": event.reissued_from, "issued_at": at.time, **status, **NOT_STOPPED}
    )
    yield participant(event.programme_id, event.beneficiary_id)


def _status(view: View, status: str) -> Callable[[Any, At], Iterable[Change]]:
    """A projection that sets the status of a voucher or a listing, with the event's reason if it has one."""

    def project(event: Any, at: At) -> Iterable[Change]:
        values = {"status": status, "status_since": at.time, "status_reason": getattr(event, "reason", None)}
        yield Set(view.name, tuple(getattr(event, name) for name in view.key), values)

    return project


REDUCERS: Final[Reducers] = {
    **PARTY_REDUCERS,
    **APPLICATION_REDUCERS,
    **INVOICE_REDUCERS,
    **AID_REDUCERS,
    **CONTROL_REDUCERS,
    LogOpened: _rules_named,
    RulesAdopted: _rules_named,
    CurrencyRegistered: _currency_registered,
    **CLASS_REDUCERS,
    ProgrammePublishedV1: _terms_published,
    ProgrammePublished: _programme_published,
    DocumentPiecePut: _piece_put,
    DocumentDropped: _document_dropped,
    ProviderListed: _provider_listed,
    ProviderDelisted: _status(LISTINGS, "delisted"),
    ProviderSuspended: _status(LISTINGS, "suspended"),
    ProviderReinstated: _status(LISTINGS, "listed"),
    ProgrammePaused: _programme_paused,
    ProgrammeResumed: _programme_resumed,
    RunOffBegun: _run_off_begun,
    ProgrammeClosed: _programme_closed,
    FourEyesDemanded: _four_eyes_demanded,
    BudgetAppropriated: _budget_appropriated,
    BudgetReduced: _budget_reduced,
    BudgetRecycled: _budget_recycled,
    VoucherIssued: _voucher_issued,
    VoucherGranted: _voucher_issued,
    VoucherSuspended: _status(VOUCHERS, "suspended"),
    **FREEZE_REDUCERS,
    VoucherRevoked: _status(VOUCHERS, "revoked"),
    VoucherReturned: _status(VOUCHERS, "returned"),
    VoucherRestored: _voucher_restored,
    VoucherReissued: _voucher_reissued,
    IssueReversed: _issue_reversed,
    VoucherExpired: _status(VOUCHERS, "expired"),
}
"""Changes per event of issuance's log. Its other events (cancellations follow a revocation, a voucher of which nothing
is left keeps its status) change no row."""
