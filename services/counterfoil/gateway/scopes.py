"""What a reader is to the market, read from the views as they are: its roles, and the programmes it may read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, cast

from counterfoil.gateway.readers import Reader
from counterfoil.issuance.party_views import AUDITORS, PARTIES
from counterfoil.issuance.views import PROGRAMMES
from counterfoil.ports import Row, View, ViewReader
from counterfoil.readership import Scope

_PAGE: Final = 500


def scope_of(views: ViewReader, reader: Reader) -> Scope | None:
    """The scope of a reader; None for one that reads everything."""
    if reader.everything:
        return None
    party = None if reader.party_id is None else views.get(PARTIES.name, (reader.party_id,))
    if party is None:
        return Scope()
    roles = tuple(cast("list[str]", party["roles"]))
    programmes = list(_issued(views, party))
    if "issuer" in roles:
        programmes += _signed_for(views, party)
    if "auditor" in roles:
        programmes += _audited(views, party)
    return Scope(str(party["party_id"]), roles, tuple(dict.fromkeys(programmes)))


def _issued(views: ViewReader, party: Row) -> Iterator[str]:
    for programme in _rows(views, PROGRAMMES, issuer_id=party["party_id"]):
        yield str(programme["programme_id"])


def _audited(views: ViewReader, party: Row) -> Iterator[str]:
    """The programmes for which it is appointed as auditor; who is for all of them reads everything."""
    for row in _rows(views, AUDITORS, auditor_id=party["party_id"]):
        if row["ended_at"] is None and row["programme_id"]:
            yield str(row["programme_id"])


def _signed_for(views: ViewReader, party: Row) -> Iterator[str]:
    """Programmes of other issuers of its group, where a claim takes two signatures: it may give one of them."""
    for other in _rows(views, PARTIES, group_id=party["group_id"]):
        if other["party_id"] != party["party_id"]:
            issued = _issued(views, other)
            yield from (each for each in issued if views.get("four_eyes", (each, "approval")) is not None)


def _rows(views: ViewReader, view: View, **filters: object) -> Iterator[Row]:
    after: tuple[object, ...] | None = None
    while page := views.page(view.name, filters, after, _PAGE):
        yield from page
        if len(page) < _PAGE:
            return
        after = view.place_of(page[-1])
