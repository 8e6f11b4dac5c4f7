"""Lists the parties whose names may be taken for one another."""

from __future__ import annotations

from typing import Any

from counterfoil.audit.report import Alike
from counterfoil.core.lookalikes import look_of


def alike(state: Any) -> list[Alike]:
    """Every party with a name like that of another one, which comes before it by id."""
    parties, first, found = state.directory.parties, dict[str, str](), list[Alike]()
    for party_id in sorted(parties):
        name = parties[party_id].name
        other = first.setdefault(look_of(name), party_id)
        if other != party_id:
            found.append(Alike(party_id, name, other, parties[other].name))
    return found
