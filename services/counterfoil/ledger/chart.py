"""The chart of accounts: the names of all accounts and assets of the ledger.

Budget (per programme): funding -> appropriation -> obligated -> disbursed, or lapsed.
Voucher (each its own asset): circulation -> holder -> redeemed, expired or cancelled.
Currency: bank -> cash of a party; claims_payable of a programme -> claims of a provider -> settled.
"""

from __future__ import annotations

from typing import Final

BANK: Final = "bank"


CIRCULATION: Final = "circulation"


REDEEMED: Final = "redeemed"


EXPIRED: Final = "expired"


CANCELLED: Final = "cancelled"


CO_PAYMENTS = "co_payments"


BONDS = "bonds"


def holder(party_id: str) -> str:
    """The account of a voucher's holder."""
    return f"holder/{party_id}"


def cash(party_id: str) -> str:
    """The account of a party's own currency."""
    return f"cash/{party_id}"


def budget(programme_id: str) -> str:
    """The asset in which a programme's budget is kept."""
    return f"budget:{programme_id}"
