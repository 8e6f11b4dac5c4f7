"""What a party may do in which programme, and why not, as views show it: its duties and those of related parties."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from counterfoil.core.duties import SEPARATE, Duty

if TYPE_CHECKING:
    from counterfoil.client.http import Gateway

_VIEWS: Final[Mapping[Duty, tuple[str, str]]] = {
    Duty.ISSUER: ("programmes", "issuer_id"),
    Duty.PROVIDER: ("listings", "provider_id"),
    Duty.BENEFICIARY: ("vouchers", "beneficiary_id"),
}
"""The duties in a programme: each the view that shows who has it, and the filter."""


class InProgramme(NamedTuple):
    """A party has a duty in a programme."""

    programme_id: str
    duty: Duty
    party_id: str


class Barred(NamedTuple):
    """A party may not have a duty in a programme, because of one that it or a related party has there."""

    programme_id: str
    may_not_be: Duty
    because: str


def duties_of(gateway: Gateway, party: Mapping[str, Any]) -> list[InProgramme]:
    """The duties of a party and of those related to it, by programme."""
    found: dict[InProgramme, None] = {}
    for each in gateway.rows("parties", {"group_id": party["group_id"]}):
        for duty, (view, column) in _VIEWS.items():
            for row in gateway.rows(view, {column: each["party_id"]}):
                found[InProgramme(row["programme_id"], duty, each["party_id"])] = None
    return sorted(found)


def barred(party: Mapping[str, Any], duties: Iterable[InProgramme]) -> list[Barred]:
    """What the roles of a party would allow, and its own duties or those of related parties do not."""
    either = [*SEPARATE, *((second, first) for first, second in SEPARATE)]
    found = {
        Barred(held.programme_id, duty, f"{held.party_id} is {held.duty}"): None
        for held in duties
        for other, duty in either
        if other is held.duty and duty in party["roles"] and duty is not Duty.ISSUER
    }
    return sorted(found)
