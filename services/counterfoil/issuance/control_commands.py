"""The command that says who controls whom."""

from __future__ import annotations

from typing import Literal

from counterfoil.contract.record import Command, command
from counterfoil.contract.scalars import Bps, Day, Id, Reason

ControlKind = Literal["MAJORITY_OF_VOTES", "APPOINTS_MAJORITY", "DOMINANT_INFLUENCE", "AGREEMENT"]
"""How one undertaking controls another, as EU 651/2014, Annex I, article 3 (3) has it."""


@command("attest_control", role=("operator", "issuer"))
class AttestControl(Command):
    """Operator or issuer: what an undertaking has of another, as known from `source`; it replaces what was known.

    `share_bps`: of the votes; of other kinds 10,000 if it is so, and 0 if it is so no more. An undertaking that is no
    party here has any id, always the same one. By an operator's word, who controls a party is of its group from now on.
    """

    owner_id: Id
    party_id: Id
    kind: ControlKind
    share_bps: Bps
    on: Day
    source: Reason
