"""R16, how vouchers are handed on and pledged, where a programme lets them be."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from counterfoil.reports.folding import Folded
from counterfoil.reports.pattern import related
from counterfoil.reports.report import Report, columns, places, share
from counterfoil.reports.tables import Row


def _handed_on(folded: Folded, programme_id: str) -> Iterator[Row]:
    tables = folded.tables
    for row in tables.rows("transfers", programme_id=programme_id):
        holding = tables.get("holdings", row["reissued_as"] or row["voucher_id"], row["receiver_id"])
        accepted = row["status"] == "accepted"
        yield {
            "kind": "transfer",
            "id": row["transfer_id"],
            "voucher_id": row["voucher_id"],
            "from_id": row["holder_id"],
            "to_id": row["receiver_id"],
            "amount": row["amount"],
            "price": row["price"],
            "price_bps": share(row["price"], row["amount"]),
            "fee": row["fee"],
            "hops": holding["hops"] if accepted and holding is not None else None,
            "related": related(folded, row["holder_id"], row["receiver_id"]),
            "status": row["status"],
            "reason": None,
            "begun_at": row["proposed_at"],
            "status_since": row["status_since"],
            "reissued_as": row["reissued_as"],
            "entries": places(tables.refs("transfers", row["transfer_id"])),
        }
    for row in tables.rows("pledges", programme_id=programme_id):
        yield {
            "kind": "pledge",
            "id": row["pledge_id"],
            "voucher_id": row["voucher_id"],
            "from_id": row["holder_id"],
            "to_id": row["pledgee_id"],
            "amount": row["amount"],
            **dict.fromkeys(("price", "price_bps", "fee", "hops", "reissued_as")),
            "related": related(folded, row["holder_id"], row["pledgee_id"]),
            "status": row["status"],
            "reason": row["reason"],
            "begun_at": row["pledged_at"],
            "status_since": row["status_since"],
            "entries": places(tables.refs("pledges", row["pledge_id"])),
        }


R16: Final = Report(
    id="R16",
    title="Vouchers handed on",
    readers="owner, surveillance",
    says="Every transfer of a voucher with its price against what is handed on, and every pledge, accepted or not."
    " Empty where a programme hands nothing on.",
    columns=columns(
        "kind text: transfer or pledge",
        "id text: of the transfer or the pledge",
        "voucher_id text: of which a part is handed on",
        "from_id text: who has it",
        "to_id text: who is to get it, or to have it as security",
        "amount amount: how much",
        "price amount: what the receiver pays for it",
        "price_bps bps: of the amount",
        "fee amount: to the issuer",
        "hops int: how often the receiver's part has changed hands since the issue",
        "related json: whether both are of one group, as is known now",
        "status text: how it stands",
        "reason text: why a pledge was taken",
        "begun_at time: proposed or pledged",
        "status_since time: since when it stands so",
        "reissued_as text: the voucher that it became, where the programme takes the old one back",
        "entries json: of the ledger, that made and changed it",
    ),
    rows=_handed_on,
    lacks="Proposals that were refused: the log has them as commands. Offers of credit: there is no order book for it.",
)
