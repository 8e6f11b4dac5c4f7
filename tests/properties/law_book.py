"""All laws that a world is judged by, and what it has met, as one value."""

from __future__ import annotations

from collections import Counter

from tests.properties.kinds import OfIssuance, OfRedemption, OfTheLedger
from tests.properties.laws import Decisions, Laws
from tests.properties.laws_of_books import Books
from tests.properties.laws_of_credit import Forced, Hands, Vouchers
from tests.properties.laws_of_delivery import Deliveries, Disbursed, Holds, Invoices, Listings, Payments


class LawBook:
    """The laws of a new world, the balances that they keep, and how often the world has met each kind."""

    def __init__(self) -> None:
        self.books, self.met = Books(), Counter[str]()
        vouchers = Vouchers(self.books)
        of_ledger = OfTheLedger(self.met, self.books)
        self.laws = Laws((
            self.books, vouchers, Hands(vouchers), Forced(), Holds(), Disbursed(), Deliveries(), Payments(), Invoices(),
            Listings(), Decisions(), of_ledger, OfIssuance(self.met, of_ledger), OfRedemption(self.met, of_ledger),
        ))  # fmt: skip
