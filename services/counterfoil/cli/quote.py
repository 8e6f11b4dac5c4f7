"""`counterfoil quote`: what a block would cost now, who would pay which part of it, and what is missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from counterfoil.cli.command import Invalid
from counterfoil.cli.gateway_session import GatewaySession, remote
from counterfoil.cli.options import MinReclaimNotice, Nodes, Programme, Wait, hour, option
from counterfoil.cli.render import Record, Rows, plain
from counterfoil.cli.supply import EXACT, Wanted
from counterfoil.cli.values import in_units, parse_amount, show_amount
from counterfoil.client.problems import as_answered
from counterfoil.contract.events import DocumentPiecePut, ProgrammePublished, ProgrammePublishedV1
from counterfoil.contract.refusals import Code
from counterfoil.contract.scalars import decode_base64
from counterfoil.contract.terms import FixedExpiry, ProgrammeTerms, Rate, RelativeExpiry
from counterfoil.contract.times import format_hour, parse_derived_time, parse_hour
from counterfoil.core.at import At
from counterfoil.core.rules import rules_of
from counterfoil.ledger.accounts import Position
from counterfoil.ledger.chart import cash, owner
from counterfoil.ledger.drawdown import choose
from counterfoil.ledger.holds import total
from counterfoil.ledger.open_vouchers import Voucher
from counterfoil.ledger.payment import need
from counterfoil.ledger.state import LedgerState
from counterfoil.matching.events import BidReceived
from counterfoil.matching.times import floor_hour
from counterfoil.programme.documents import document_piece_put, programme_published

if TYPE_CHECKING:
    from rich.console import RenderableType

    from counterfoil.client.http import Gateway

_AMOUNTS: Final = (
    "price",
    "limit_price",
    "at_this_price",
    "cost",
    "subsidy",
    "co_payment",
    "cash_available",
    "missing_cash",
)
_MISSING: Final = "missing_vouchers"
_OPEN: Final = {"active": "active", "suspended": "frozen"}
"""Status of a voucher that can still pay, or again: issuance's word and the ledger's."""


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""

    @remote(
        app,
        "quote",
        "counterfoil quote --programme springfield-2026 --class a100-80gb --region eu-west --nodes 2 --hours 6 "
        "--party acme",
    )
    def quote(
        session: GatewaySession,
        programme: Programme,
        class_: Annotated[str, option("--class", "The accelerator class's id.", metavar="CLASS")],
        region: Annotated[str, option("--region", "The region's id.", metavar="REGION")],
        nodes: Nodes,
        hours: Annotated[int, option("--hours", "How many hours in one piece.", metavar="N")],
        party: Annotated[
            str | None,
            option("--party", "Whose vouchers and cash would pay. Default: only the split.", metavar="PARTY"),
        ] = None,
        earliest: Annotated[int | None, hour("--from", "The first hour at which it may start. Default: now.")] = None,
        until: Annotated[int | None, hour("--until", "The hour by which it is over.")] = None,
        price: Annotated[
            int | None,
            option("--price", "A limit per GPU-hour. Default: the cheapest offer's price.", parse_amount, "1.20"),
        ] = None,
        min_reclaim_notice: MinReclaimNotice = None,
        wait: Wait = None,
    ) -> None:
        """Say what a bid for a block would come to now: price, subsidy, co-payment, what pays, and what is missing.

        By the matching rule on the book as it is, and the ledger's own rules of draw-down, for a bid that is filled in
        one trade. `cost` is what would be held, by the limit; what is paid is by the price. Nothing is reserved.
        """
        from counterfoil.runtime.clock import time_by

        if nodes < 1 or hours < 1:
            raise Invalid("--nodes and --hours are at least 1")
        gateway, time = session.gateway, time_by(session.out.settings.clock)
        with as_answered():
            state = ledger_of(gateway, programme, party, tuple(wait or ()))
        if programme not in state.programmes:
            raise Invalid(f"there is no programme {programme}")
        version = max(state.programmes[programme])
        terms = state.terms(programme, version)
        first = earliest if earliest is not None else floor_hour(time, state.rules)
        wanted = Wanted(
            class_id=class_, region=region, currency=terms.currency, nodes=nodes, hours=hours, earliest=first,
            until=until, max_price=price, min_reclaim_notice=min_reclaim_notice,
        )  # fmt: skip
        with as_answered():
            found, remarks = _estimate(gateway, state, programme, party, wanted, time)
        _show(session, found, remarks)


def _estimate(
    gateway: Gateway, state: LedgerState, programme_id: str, party: str | None, wanted: Wanted, time: int
) -> tuple[dict[str, Any], list[str]]:
    """The figures, and what has to be said with them. Without an offer and a limit there are no costs."""
    terms = state.terms(programme_id, max(state.programmes[programme_id]))
    quoted = gateway.quote(
        (wanted.class_id, wanted.region, wanted.currency), wanted.nodes, wanted.hours,
        earliest=format_hour(wanted.earliest), latest=_latest(wanted), limit_price=wanted.max_price,
        programme_id=programme_id, min_reclaim_notice=wanted.min_reclaim_notice,
    )  # fmt: skip
    best = quoted["fills"][0] if quoted["fills"] else None
    limit = wanted.max_price if wanted.max_price is not None or best is None else int(best["price"])
    found: dict[str, Any] = {
        "programme_id": programme_id, "currency": terms.currency, "nodes": wanted.nodes, "hours": wanted.hours,
        "offer": best, "limit_price": None if limit is None else str(limit),
    }  # fmt: skip
    remarks = [EXACT]
    if not (terms.allows([wanted.class_id], [wanted.region]) and terms.is_open(time)):
        remarks.append(f"{programme_id} is not open now, or does not pay for {wanted.class_id} in {wanted.region}.")
    if best is None:
        remarks.append("No open offer has such a block at that price: a bid would rest.")
    if quoted["position_limited"]:
        remarks.append("A position limit holds here: a bid whose group would hold too much of a day gets less.")
    if limit is None:
        remarks.append("Give a limit with --price to see its cost.")
        return found, remarks
    if best is not None:
        found |= {"starts": best["first_hour"], "price": best["price"], "at_this_price": best["cost"]}
    starts = wanted.earliest if best is None else parse_hour(best["first_hour"])
    gpus = _gpus(gateway, wanted.class_id) if best is None else int(best["gpus_per_node"])
    bid = _bid(programme_id, party, wanted, limit * gpus * wanted.hours, starts)
    return {**found, **_funding(gateway, state, At(time, 0, 0, "main"), bid)}, remarks


def _latest(wanted: Wanted) -> str | None:
    """The last hour at which the block may start, to be over in time. Raises `Invalid`."""
    if wanted.until is None:
        return None
    if wanted.until - wanted.hours < wanted.earliest:
        raise Invalid(f"{wanted.hours} hours do not fit between --from and --until")
    return format_hour(wanted.until - wanted.hours)


def _show(session: GatewaySession, found: Mapping[str, Any], remarks: Sequence[str]) -> None:
    shown = {name: value for name, value in found.items() if name not in ("offer", "vouchers")}

    def show(micro: int) -> str:
        return show_amount(micro, found["currency"])

    parts: list[RenderableType] = [Record(in_units(shown, (*_AMOUNTS, _MISSING), show))]
    if "vouchers" in found:
        draws = [in_units(each, ("amount",), show) for each in found["vouchers"]]
        parts.append(Rows("vouchers that would pay", draws, _DRAW, ("amount",)))
    session.out.show({**found, "remarks": remarks}, *parts, *map(plain, remarks))


_DRAW: Final = ("voucher_id", "amount")


def _bid(programme_id: str, party: str | None, wanted: Wanted, per_node: int, starts: int) -> BidReceived:
    """The bid as the ledger would hear of it."""
    return BidReceived(
        bid_id="quote", beneficiary_id=party or "", group_id=party or "", programme_id=programme_id, voucher_ids=(),
        currency=wanted.currency, classes=(wanted.class_id,), regions=(wanted.region,), nodes=wanted.nodes,
        gpus_per_node=1, hours=wanted.hours, earliest=starts, latest=starts, limit_price=0, cost_per_node=per_node,
        partial=False, min_nodes=1, tif="GTC", good_until=None, post_only=False, stp="taker",
    )  # fmt: skip


def _funding(gateway: Gateway, state: LedgerState, at: At, bid: BidReceived) -> dict[str, Any]:
    """How the bid would be paid, as the ledger decides it."""
    chosen = choose(state, bid, at)
    if isinstance(chosen, Code):
        version = max(state.programmes[bid.programme_id])
        subsidy, money = need(state.terms(bid.programme_id, version), bid, at)
    else:
        version, (subsidy, money) = chosen.version, chosen.needs
    split = {"version": version, "cost": str(subsidy + money), "subsidy": str(subsidy), "co_payment": str(money)}
    if not bid.beneficiary_id:
        return split
    account = gateway.rows("balances", {"account": cash(bid.beneficiary_id), "asset": bid.currency})
    available = sum(int(row["posted"]) - int(row["held"]) for row in account)
    draws = () if isinstance(chosen, Code) else chosen.draws
    return {
        **split,
        "vouchers": [{"voucher_id": draw.voucher_id, "amount": str(draw.amount)} for draw in draws],
        "vouchers_refused": chosen.value if isinstance(chosen, Code) else None,
        _MISSING: str(subsidy - total(draws)),
        "cash_available": str(available),
        "missing_cash": str(max(0, money - available)),
    }


def _gpus(gateway: Gateway, class_id: str) -> int:
    rows = {int(row["version"]): int(row["gpus_per_node"]) for row in gateway.rows("classes", {"class_id": class_id})}
    if not rows:
        raise Invalid(f"there is no class {class_id}")
    return rows[max(rows)]


# the ledger's state, as far as views say it ------------------------------------------------------------------------


def ledger_of(gateway: Gateway, programme_id: str, party: str | None, wait_for: tuple[str, ...]) -> LedgerState:
    """A state with the versions of the programme, and what the party can spend of its vouchers."""
    state = LedgerState()
    state.rules = rules_of(max(int(row["rules"]) for row in gateway.rows("rules", wait_for=wait_for)))
    for row in gateway.rows("programme_versions", {"programme_id": programme_id}):
        version = int(row["version"])
        published = ProgrammePublishedV1(
            programme_id=programme_id, version=version, issuer_id=row["issuer_id"], terms_hash=b"", terms=_terms(row)
        )
        state.programmes.put((programme_id, version), published)
    for row in gateway.rows("programme_documents", {"programme_id": programme_id}):
        _take_document(state, gateway, row)
    if party is not None:
        where = {"programme_id": programme_id, "holder_id": party}
        available = {row["voucher_id"]: int(row["available"]) for row in gateway.rows("holdings", where)}
        issued = {"programme_id": programme_id, "beneficiary_id": party}
        rows = {row["voucher_id"]: row for row in gateway.rows("vouchers", issued)}
        for voucher_id in (each for each, amount in available.items() if amount):
            row = rows.get(voucher_id) or gateway.get("vouchers", voucher_id)  # the latter was handed on to it
            if row["status"] in _OPEN:
                _own(state, row, party, available[voucher_id])
    return state


def _take_document(state: LedgerState, gateway: Gateway, row: Mapping[str, Any]) -> None:
    document_id, digest = row["document_id"], bytes.fromhex(row["rules_hash"])
    for piece in gateway.rows("document_pieces", {"document_id": document_id}):
        put = DocumentPiecePut(
            document_id=document_id, party_id=row["issuer_id"], sha256=digest, piece=int(piece["piece"]),
            pieces=int(piece["pieces"]), octets=decode_base64(piece["octets"]),
        )  # fmt: skip
        document_piece_put(state, put, At(0, 0, 0))
    published = ProgrammePublished(
        programme_id=row["programme_id"], version=int(row["version"]), issuer_id=row["issuer_id"],
        document_id=document_id, rules_hash=digest, title=row["title"], unit=row["unit"], warnings=(),
    )  # fmt: skip
    programme_published(state, published, At(0, 0, 0))


def _own(state: LedgerState, row: Mapping[str, Any], party: str, available: int) -> None:
    voucher = Voucher(
        voucher_id=row["voucher_id"], programme_id=row["programme_id"], version=int(row["version"]), issued_to=party,
        face=int(row["face"]), not_before=parse_derived_time(row["not_before"]),
        expires_at=parse_derived_time(row["expires_at"]), issue_seq=int(row["issue_seq"]), index=0,
        status="active" if _OPEN[row["status"]] == "active" else "frozen",
    )  # fmt: skip
    state.vouchers.open[voucher.voucher_id] = voucher
    state.accounts.assets.put((voucher.voucher_id, owner(party)), Position(n=1, credits_posted=available))
    state.vouchers.set_owner(voucher, party, owns=True, spends=available > 0)


def _terms(row: Mapping[str, Any]) -> ProgrammeTerms:
    """The terms of a programme version from its row."""
    expiry: FixedExpiry | RelativeExpiry
    if row["expires_at"] is not None:
        expiry = FixedExpiry(kind="fixed", at=parse_derived_time(row["expires_at"]))
    else:
        expiry = RelativeExpiry(kind="relative", after_seconds=int(row["expires_after_seconds"]))
    same = ("title", "legal_basis", "currency", "recycle", "hold_tolls_expiry", "redemption_model")
    return ProgrammeTerms(
        **{name: row[name] for name in same},
        share=Rate(num=int(row["share_num"]), den=int(row["share_den"])),
        beneficiary_cap=int(row["beneficiary_cap"]),
        min_face=int(row["min_face"]),
        classes=tuple(row["classes"]),
        regions=tuple(row["regions"]),
        valid_from=parse_derived_time(row["valid_from"]),
        valid_until=parse_derived_time(row["valid_until"]),
        expiry=expiry,
        report_within_seconds=int(row["report_within_seconds"]),
        dispute_window_seconds=int(row["dispute_window_seconds"]),
    )
