"""The chart of accounts: the names of all accounts and assets of the ledger.

Budget (an asset per programme): funding -> appropriation -> obligated -> disbursed, or lapsed. What providers owe after
a reversal is obligated once more: recoverable -> obligated, until it is set off or paid back (recovered), or is written
off. What is taken back of what was paid is owed in the same way, and lapses: recoverable -> lapsed. What is not
committed when the programme is closed is returned: appropriation -> returned.
Voucher (each an asset of its own): circulation -> its owners -> redeemed, expired, cancelled, or restored as another.
Claims (an asset per programme): claims_payable of the programme -> claims of a provider -> settled, or denied. What a
provider owes is the negative balance of its receivables; what was taken back is in clawed_back of the programme.
Currency: bank -> cash of a party. By rules 1 to 3, claims on all programmes of a currency are in that currency's asset.

What is held stays in its owner's account, pending towards `redeemed`, `co_payments`, `bonds` or `credit_bids`; what is
to be handed on, is pledged, waits for its release or is offered on a book, towards `transfers`, `pledges`, `tranches`
or `credit_offers`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

OWNER: Final = "owner/"
"""How the account of a voucher's owner begins; its id follows."""
FUNDING: Final = "funding"
APPROPRIATION: Final = "appropriation"
OBLIGATED: Final = "obligated"
DISBURSED: Final = "disbursed"
LAPSED: Final = "lapsed"
RECOVERABLE: Final = "recoverable"
RECOVERED: Final = "recovered"
WRITTEN_OFF: Final = "written_off"
RETURNED: Final = "returned"

CIRCULATION: Final = "circulation"
REDEEMED: Final = "redeemed"
EXPIRED: Final = "expired"
CANCELLED: Final = "cancelled"
RESTORED: Final = "restored"
ENDS: Final = (REDEEMED, EXPIRED, CANCELLED, RESTORED)
"""Where the value of a voucher ends up."""

TRANSFERS: Final = "transfers"
PLEDGES: Final = "pledges"
TRANCHES: Final = "tranches"
CREDIT_OFFERS: Final = "credit_offers"
ENCUMBERED: Final = (TRANSFERS, PLEDGES, TRANCHES, CREDIT_OFFERS)
"""Towards which value of a voucher is pending that no order holds; nothing is ever posted to them."""

BANK: Final = "bank"
CO_PAYMENTS: Final = "co_payments"
BONDS: Final = "bonds"
CREDIT_BIDS: Final = "credit_bids"
SETTLED: Final = "settled"

_SOURCES: Final = (
    BANK, CIRCULATION, "claims_payable", FUNDING, "receivables", RECOVERABLE, RECOVERED, WRITTEN_OFF,
)  # fmt: skip
_OF_PARTIES: Final = ("cash", "claims", "owner", "receivables")
_BUDGET: Final = "budget:"
_CLAIM: Final = "claims:"
DEBITED: Final[Mapping[str, tuple[int, int]]] = {
    "post": (-1, 0),
    "hold": (0, 1),
    "capture": (-1, -1),
    "release": (0, -1),
}
CREDITED: Final[Mapping[str, tuple[int, int]]] = {"post": (1, 0), "hold": (0, 0), "capture": (1, 0), "release": (0, 0)}
"""By the effect of a leg: by how many times its amount the posted balance changes, and what is held of it."""


def may_overdraw(account: str) -> bool:
    """Whether value comes from the account: only then may its balance be negative."""
    return account.partition("/")[0] in _SOURCES


def owner(party_id: str) -> str:
    """The account of a party as owner of a voucher."""
    return OWNER + party_id


def owner_of(account: str) -> str | None:
    """The owner that the account belongs to; None for other accounts."""
    return account.removeprefix(OWNER) if account.startswith(OWNER) else None


def party_of(account: str) -> str | None:
    """Whose account it is: cash, vouchers, claims and receivables are of a party; None for all others."""
    kind, _, party_id = account.partition("/")
    return party_id if kind in _OF_PARTIES else None


def kind_of(asset: str) -> str:
    """What an asset is: currency, budget, claims or voucher."""
    if asset.startswith(_BUDGET):
        return "budget"
    if asset.startswith(_CLAIM):
        return "claims"
    return "currency" if asset.isupper() else "voucher"


def programme_of(asset: str) -> str | None:
    """The programme whose budget is kept in the asset, or the claims on it; None for vouchers and currencies."""
    for kind in (_BUDGET, _CLAIM):
        if asset.startswith(kind):
            return asset.removeprefix(kind)
    return None


def is_currency(asset: str) -> bool:
    """Whether the asset is a currency; all others belong to one voucher or programme."""
    return len(asset) == 3 and asset.isupper()


def cash(party_id: str) -> str:
    """The account of a party's own currency."""
    return f"cash/{party_id}"


def claims(provider_id: str) -> str:
    """The account of what a provider may claim."""
    return f"claims/{provider_id}"


def claims_payable(programme_id: str) -> str:
    """The account that a programme's claims come from."""
    return f"claims_payable/{programme_id}"


def receivables(provider_id: str) -> str:
    """The account of what a provider owes in a currency after reversals."""
    return f"receivables/{provider_id}"


def denied(programme_id: str) -> str:
    """The account of what was claimed from a programme in vain."""
    return f"denied/{programme_id}"


def clawed_back(programme_id: str) -> str:
    """The account of what was paid for claims on a programme, and is to be given back."""
    return f"clawed_back/{programme_id}"


def budget(programme_id: str) -> str:
    """The asset in which a programme's budget is kept."""
    return _BUDGET + programme_id


def claim(programme_id: str) -> str:
    """The asset of the claims on a programme: so many units of its currency."""
    return _CLAIM + programme_id
