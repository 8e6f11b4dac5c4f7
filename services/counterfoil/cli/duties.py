"""What a party may do and why, and why not, as views show it: its roles, its duties and those of related parties."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from counterfoil.contract.scalars import Role
from counterfoil.core.duties import SEPARATE, Duty
from counterfoil.core.rules import LATEST, RULES

if TYPE_CHECKING:
    from counterfoil.client.http import Gateway

_VIEWS: Final[Mapping[Duty, tuple[str, str]]] = {
    Duty.ISSUER: ("programmes", "issuer_id"),
    Duty.PROVIDER: ("listings", "provider_id"),
    Duty.BENEFICIARY: ("vouchers", "beneficiary_id"),
    Duty.AUDITOR: ("auditors", "auditor_id"),
}
"""The duties in a programme: each the view that shows who has it, and the filter."""
_IN_ACTS: Final[Mapping[Duty, tuple[Role, ...]]] = {
    Duty.APPROVER: ("issuer",),
    Duty.TREASURER: ("treasurer",),
    Duty.RESOLVER: ("operator",),
    Duty.ATTESTER: ("operator", "issuer"),
}
"""The duties in a single act: the roles that have them."""


class InProgramme(NamedTuple):
    """A party has a duty in a programme; what has stopped there, and why."""

    programme_id: str
    duty: Duty
    party_id: str
    stopped: str | None = None


class Barred(NamedTuple):
    """What a party may not be in a programme, or in an act of any, because of what it or related parties are there."""

    where: str
    may_not_be: Duty
    because: str


def commands_of(party: Mapping[str, Any]) -> dict[str, Sequence[str]]:
    """The commands that a party may give, by the role that allows them: all, or if it is stopped, those that end.

    `any`: whatever its roles are.
    """
    from counterfoil.vocabulary import VOCABULARY

    rules = RULES[LATEST]
    known = [
        body
        for name, body in VOCABULARY.commands.items()
        if name not in rules.absent
        and (body.EXIT or name in rules.exits or party["closed_at"] is party["suspended_at"] is None)
    ]
    by_role = {role: [body.TYPE for body in known if role in body.ROLES] for role in party["roles"]}
    return {"any": sorted(body.TYPE for body in known if not body.ROLES)} | {
        role: sorted(commands) for role, commands in by_role.items()
    }


def duties_of(gateway: Gateway, party_ids: Iterable[str]) -> list[InProgramme]:
    """The duties of related parties, by programme."""
    found: dict[InProgramme, None] = {}
    for party_id in party_ids:
        for duty, (view, column) in _VIEWS.items():
            for row in gateway.rows(view, {column: party_id}):
                if row.get("status") != "delisted" and row.get("ended_at") is None:
                    found[InProgramme(row["programme_id"] or "all", duty, party_id, _stopped(duty, row))] = None
    return sorted(found, key=lambda each: each[:3])


def _stopped(duty: Duty, row: Mapping[str, Any]) -> str | None:
    if duty is Duty.ISSUER and row["paused_at"] is not None:
        return f"paused: {row['paused_because']}"
    return f"suspended: {row['status_reason']}" if duty is Duty.PROVIDER and row["status"] == "suspended" else None


def barred(party: Mapping[str, Any], related: Iterable[str], duties: Iterable[InProgramme]) -> list[Barred]:
    """What the roles of a party would allow, and its own duties or those of `related` parties do not."""
    either = [*SEPARATE, *((second, first) for first, second in SEPARATE)]
    in_programmes = {
        Barred(held.programme_id, duty, f"{held.party_id} is {held.duty}"): None
        for held in duties
        for other, duty in either
        if other is held.duty and duty in party["roles"] and duty in _VIEWS and duty is not Duty.ISSUER
    }
    together = " or ".join([party["party_id"], *related])
    in_acts = [
        Barred("any", duty, f"{together} would be {other}")
        for duty, other in SEPARATE
        if any(role in party["roles"] for role in _IN_ACTS.get(duty, ()))
    ]
    return [*sorted(in_programmes), *in_acts]
