"""The redemption models: when the voucher is granted, and how it becomes money for somebody, as a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from counterfoil.programme.form.redemption import Claimant, Model


class Ways(NamedTuple):
    """`applies`: the voucher is granted on an application, before the use; else with the claim, in one act.

    `on_market`: the provider of a purchase on the market is paid; `by_invoice`: who claims on an invoice is.
    `claimants`: who a document may let claim.
    """

    applies: bool
    on_market: bool
    by_invoice: bool
    claimants: tuple[Claimant, ...]


_HOLDER: Final[tuple[Claimant, ...]] = ("BENEFICIARY", "EITHER")
_PROVIDER: Final[tuple[Claimant, ...]] = ("PROVIDER", "EITHER")

MODELS: Final[Mapping[Model, Ways]] = {
    "POST_USE_REIMBURSEMENT": Ways(applies=False, on_market=False, by_invoice=True, claimants=_HOLDER),
    "APPLY_THEN_CLAIM": Ways(applies=True, on_market=False, by_invoice=True, claimants=_HOLDER),
    "APPLY_THEN_DEDUCT": Ways(applies=True, on_market=True, by_invoice=True, claimants=_PROVIDER),
    "DEDUCT_AT_PROVIDER": Ways(applies=True, on_market=True, by_invoice=True, claimants=_PROVIDER),
    "DISCOUNT_AT_PROVIDER": Ways(applies=True, on_market=True, by_invoice=True, claimants=("PROVIDER",)),
    "IN_KIND": Ways(applies=True, on_market=False, by_invoice=False, claimants=("NONE",)),
}
