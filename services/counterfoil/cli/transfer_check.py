"""Whether a transfer would be accepted now: the ledger's own decision, on what its views show to the reader."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

from counterfoil.cli.command import Invalid
from counterfoil.cli.render import Record, plain
from counterfoil.client.problems import NotThere, as_answered
from counterfoil.contract.events import DocumentPiecePut, PartyRegistered, ProgrammePublished
from counterfoil.contract.refusals import Refusal
from counterfoil.contract.scalars import decode_base64
from counterfoil.contract.times import parse_derived_time
from counterfoil.core.at import At
from counterfoil.core.rules import rules_of
from counterfoil.ledger.accounts import Position
from counterfoil.ledger.chart import owner
from counterfoil.ledger.commands import ProposeTransfer
from counterfoil.ledger.open_vouchers import Voucher
from counterfoil.ledger.state import LedgerState
from counterfoil.ledger.transfers import propose_transfer
from counterfoil.programme.documents import document_piece_put, programme_published

if TYPE_CHECKING:
    from counterfoil.cli.gateway_session import GatewaySession
    from counterfoil.client.http import Gateway

_STATUS: Final[dict[str, Literal["frozen", "revoked"]]] = {
    "suspended": "frozen", "revoked": "revoked", "returned": "revoked",
}  # fmt: skip
"""What bars it, by issuance's word and the ledger's; by its expiry a voucher is barred in any case."""
_NOWHERE: Final = At(0, 0, 0)
_REMARK: Final = (
    "By what you may read. The ledger decides again, with facts and caps, when it is proposed and when it is accepted."
)


def check(session: GatewaySession, holder: str, body: ProposeTransfer) -> None:
    """Show whether the ledger would take the proposal, and why not. Raises `Invalid`, and what the client raises."""
    from counterfoil.runtime.clock import time_by

    with as_answered():
        found = decide(session.gateway, holder, body, time_by(session.out.settings.clock))
    session.out.show({**found, "remark": _REMARK}, Record({**found, **found["detail"], "detail": None}), plain(_REMARK))


def decide(gateway: Gateway, holder: str, body: ProposeTransfer, time: int) -> dict[str, Any]:
    """What the ledger would decide at a time (microseconds): `permitted`, or the refusal's `code` and `detail`."""
    state = _ledger_of(gateway, holder, body)
    decided = propose_transfer(state, body, state.directory.parties[holder], At(time, 0, 0))
    if isinstance(decided, Refusal):
        return {"permitted": False, "code": decided.code.value, "detail": dict(decided.detail)}
    return {"permitted": True, "code": None, "detail": {}}


def _ledger_of(gateway: Gateway, holder: str, body: ProposeTransfer) -> LedgerState:
    state = LedgerState()
    state.rules = rules_of(max(int(row["rules"]) for row in gateway.rows("rules")))
    row = gateway.get("vouchers", body.voucher_id)
    _programme(gateway, state, row["programme_id"])
    for party_id in dict.fromkeys((holder, body.receiver_id, state.issuer(row["programme_id"]))):
        _party(gateway, state, party_id)
    voucher = Voucher(
        voucher_id=row["voucher_id"], programme_id=row["programme_id"], version=int(row["version"]),
        issued_to=row["beneficiary_id"], face=int(row["face"]), not_before=parse_derived_time(row["not_before"]),
        expires_at=parse_derived_time(row["expires_at"]), issue_seq=int(row["issue_seq"]), index=0,
        status=_STATUS.get(row["status"], "active"),
    )  # fmt: skip
    state.vouchers.open[voucher.voucher_id] = voucher
    for held in gateway.rows("holdings", {"voucher_id": body.voucher_id, "holder_id": holder}):
        position = Position(n=1, credits_posted=int(held["available"]))
        state.accounts.assets.put((voucher.voucher_id, owner(holder)), position)
        if held["hops"]:
            since = parse_derived_time(held["held_since"])
            state.encumbrances.pass_on(voucher.voucher_id, holder, held["hops"], since)
    return state


def _programme(gateway: Gateway, state: LedgerState, programme_id: str) -> None:
    """Every version that is a document."""
    rows = list(gateway.rows("programme_documents", {"programme_id": programme_id}))
    if not rows:
        raise Invalid(f"{programme_id} is no document: its vouchers are not handed on")
    for row in rows:
        digest = bytes.fromhex(row["rules_hash"])
        names = {"document_id": row["document_id"]}
        for piece in gateway.rows("document_pieces", names):
            put = DocumentPiecePut(
                **names, party_id=row["issuer_id"], sha256=digest, piece=piece["piece"], pieces=piece["pieces"],
                octets=decode_base64(piece["octets"]),
            )  # fmt: skip
            document_piece_put(state, put, _NOWHERE)
        published = ProgrammePublished(
            **names, programme_id=programme_id, version=row["version"], issuer_id=row["issuer_id"], rules_hash=digest,
            title=row["title"], unit=row["unit"], warnings=tuple(row["warnings"]),
        )  # fmt: skip
        programme_published(state, published, _NOWHERE)


def _party(gateway: Gateway, state: LedgerState, party_id: str) -> None:
    """A party as the reader sees it; one that it does not see is taken for a beneficiary in a group of its own."""
    try:
        known = gateway.get("parties", party_id)
    except NotThere:
        known = {"name": party_id, "roles": ["beneficiary"], "group_id": party_id}
    roles, group_id = tuple(known["roles"]), known["group_id"]
    state.directory.registered(PartyRegistered(party_id=party_id, name=known["name"], roles=roles, group_id=group_id))
