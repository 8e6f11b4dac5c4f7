"""Every hand that a voucher went through, and where all of it is now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from counterfoil.cli.command import FOUND
from counterfoil.cli.gateway_session import GatewaySession
from counterfoil.cli.render import Record, Rows, plain
from counterfoil.cli.values import in_units
from counterfoil.ledger.chart import ENDS

if TYPE_CHECKING:
    from counterfoil.client.http import Gateway

_HANDS: Final = ("time", "how", "from", "to", "amount", "price", "id")
_HOLDERS: Final = ("holder_id", "available", "held", "in_transfer", "pledged", "withheld", "hops")
_OWNED: Final = ("available", "held")
_AMOUNTS: Final = ("available", "held", "in_transfer", "pledged", "withheld", "amount", "price")


def trace(session: GatewaySession, voucher_id: str) -> int:
    """Show the hands of a voucher; returns `FOUND` if they do not add up to its face, else 0.

    A reader who may not see every holder gets what it may see, and no sum.
    """
    gateway = session.gateway
    balance = gateway.get("vouchers_balance", voucher_id)
    holders = list(gateway.rows("holdings", {"voucher_id": voucher_id}))
    hands = sorted(_hands(gateway, balance), key=lambda each: (each["time"], each["id"]))
    owned = {name: sum(int(each[name]) for each in holders) for name in _OWNED}
    total = all(owned[name] == int(balance[name]) for name in _OWNED)
    parts = {**{name: str(owned[name]) for name in _OWNED}, **{name: balance[name] for name in ENDS}}
    adds_up = sum(map(int, parts.values())) == int(balance["face"])
    found = {"voucher_id": voucher_id, "face": balance["face"], **parts, "total": total, "adds_up": adds_up}
    said = Record(in_units(found, ["face", *parts]))
    remark = [] if total else [plain("You see your own part, and the hands that it went through.")]
    session.out.show(
        {**found, "hands": hands, "holders": holders},
        Rows(f"hands of {voucher_id}", [in_units(each, _AMOUNTS) for each in hands], _HANDS, ("amount", "price")),
        Rows("holders", [in_units(each, _AMOUNTS) for each in holders], _HOLDERS, _HOLDERS[1:]),
        said,
        *remark,
    )
    return FOUND if total and not adds_up else 0


def _hands(gateway: Gateway, balance: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    voucher_id = balance["voucher_id"]
    of_voucher = {"voucher_id": voucher_id}
    for each in gateway.rows("transfers", {**of_voucher, "status": "accepted"}):
        how = "transfer" if each["reissued_as"] is None else f"reissued as {each['reissued_as']}"
        yield _hand(each, how, "transfer_id", each["receiver_id"], each["price"])
    for each in gateway.rows("pledges", {**of_voucher, "status": "enforced"}):
        yield _hand(each, "pledge enforced", "pledge_id", each["pledgee_id"], "0")


def _hand(row: Mapping[str, Any], how: str, id_: str, to: str, price: str) -> dict[str, Any]:
    return {
        "time": row["status_since"], "how": how, "from": row["holder_id"], "to": to, "amount": row["amount"],
        "price": price, "id": row[id_],
    }  # fmt: skip
