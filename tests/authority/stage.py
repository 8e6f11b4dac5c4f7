"""The commands and cells that are tried, and who is who in a cell."""

from __future__ import annotations

from typing import Final

import pytest

from counterfoil.contract.record import Command
from counterfoil.core.rules import LATEST, RULES
from counterfoil.vocabulary import VOCABULARY
from tests.authority.cases import ABOUT, Case
from tests.authority.table import Cell, cells
from tests.authority.trial import Copy
from tests.properties.world import SERVICE_OF

COMMANDS: Final[dict[str, type[Command]]] = {
    name: body for (name, version), body in VOCABULARY.commands.items() if (name, version) not in RULES[LATEST].absent
}
"""The commands that the newest rules have."""
CELLS: Final = cells()
NAMED: Final = ("provider", "beneficiary", "auditor")
"""As what commands name parties."""
every_command = pytest.mark.parametrize("command", sorted(COMMANDS.keys() & ABOUT.keys()))


def stage(copy: Copy, case: Case, cell: Cell) -> str:
    """Give the parties of a case the roles of a cell, and no other; who gives the command."""
    service, own = SERVICE_OF[type(case.bodies[cell.relation])], cell.relation == "own"
    owner = copy.party(service, case.owner)
    if case.actor is not None:
        if own:
            owner.roles = NAMED
        actor = copy.party(service, case.actor)
        actor.roles = (cell.role, *NAMED) if own and actor is owner else (cell.role,)
        return case.actor
    if own:
        owner.roles = (cell.role,)
        return case.owner
    return f"{owner.group_id if cell.relation == 'related' else 'none'}-{cell.role}"
