"""Adds up the budget of each programme, and compares that with the books that are closed in the end.

It reads the legs of the ledger's events alone, not the ledger's balances or how it makes its books of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from hashlib import sha256
from typing import Any

from counterfoil.contract.canonical import canonical
from counterfoil.contract.entry import Entry
from counterfoil.contract.forms import dump
from counterfoil.ledger.closing_events import ProgrammeClosed

_BUDGET, _CLAIMS = "budget:", "claims:"


class Programmes:
    """What the entries of a ledger have moved in and out of the accounts of programmes so far."""

    def __init__(self) -> None:
        self._into: Counter[tuple[str, str]] = Counter()  # by asset and account
        self._out_of: Counter[tuple[str, str]] = Counter()
        self._closed: set[str] = set()

    def resume(self, state: Any) -> None:
        """Take the balances from a state that an earlier audit has left."""
        for asset, accounts in state.accounts.assets.items():
            if asset.startswith((_BUDGET, _CLAIMS)):
                for account, position in accounts.items():
                    self._into[asset, account] = position.credits_posted
                    self._out_of[asset, account] = position.debits_posted
        self._closed = {programme_id for programme_id, phase in state.phases.items() if phase == "closed"}

    def differing(self, entry: Entry) -> Iterator[str]:
        """What is wrong with the end of a programme, or happens after it; every entry is to be given, in order."""
        for event in entry.events:
            for leg in getattr(event, "legs", ()):
                kind, _, programme_id = leg.asset.partition(":")
                if not programme_id or leg.effect != "post":
                    continue
                if programme_id in self._closed:
                    yield f"{event.TYPE}: {kind} of {programme_id} move after its books were closed"
                self._out_of[leg.asset, leg.debit] += leg.amount
                self._into[leg.asset, leg.credit] += leg.amount
            if isinstance(event, ProgrammeClosed):
                self._closed.add(event.programme_id)
                yield from self._books(event)

    def _books(self, event: ProgrammeClosed) -> Iterator[str]:
        books, programme_id = event.books, event.programme_id
        if sha256(canonical(dump(books))).digest() != event.books_hash:
            yield f"programme {programme_id}: the hash is not that of the books"
        for name, amount in self._counted(programme_id).items():
            if getattr(books, name) != amount:
                yield f"programme {programme_id}: {name} is {getattr(books, name)}, its postings say {amount}"
        for account in ("appropriation", "obligated", "recoverable"):
            if left := self._left(_BUDGET + programme_id, account):
                yield f"programme {programme_id}: {left} is left in {account}"
        back = books.recovered + books.written_off
        if books.appropriated - books.reduced + back != books.disbursed + books.lapsed + books.returned:
            yield f"programme {programme_id}: what came in is not what went out"

    def _counted(self, programme_id: str) -> dict[str, int]:
        """By the books' own names, as far as the budget goes: claims of rules 1 to 3 are in no asset of a programme."""
        asset = _BUDGET + programme_id
        return {
            "appropriated": self._out_of[asset, "funding"],
            "reduced": self._into[asset, "funding"],
            **{name: self._left(asset, name) for name in ("disbursed", "lapsed", "returned")},
            **{name: -self._left(asset, name) for name in ("recovered", "written_off")},
        }

    def _left(self, asset: str, account: str) -> int:
        return self._into[asset, account] - self._out_of[asset, account]
