"""What matching asks the terms of a programme: whether a bid's classes and regions are in it, and whether it is open.

Which version pays is known once the vouchers are, that is, at admission. So a bid is received if any version would do.
"""

from __future__ import annotations

from collections.abc import Mapping

from counterfoil.contract.refusals import Code, Refusal
from counterfoil.core.at import At
from counterfoil.core.decider import refuse
from counterfoil.core.rules import Rules
from counterfoil.issuance.events import ProgrammePublished
from counterfoil.matching.commands import PlaceBid
from counterfoil.matching.events import BidReceived


def not_in_programme(
    versions: Mapping[int, ProgrammePublished], body: PlaceBid | BidReceived, rules: Rules, at: At
) -> Refusal | None:
    """None if some version has the bid's classes and regions and is open; else the refusal by the current version."""
    last = max(versions)
    current = versions[last].terms
    if rules.validity_of_each_version:
        would_do = [each for each in versions.values() if each.terms.is_open(at.time)]
    else:
        would_do = [each for number, each in versions.items() if number < last]
    if any(each.terms.allows(body.classes, body.regions) for each in would_do):
        return None
    if not current.is_open(at.time):
        return refuse(Code.PROGRAMME_NOT_OPEN)
    for class_id in body.classes:
        if class_id not in current.classes:
            return refuse(Code.CLASS_NOT_IN_PROGRAMME, class_id=class_id)
    for region in body.regions:
        if region not in current.regions:
            return refuse(Code.REGION_NOT_IN_PROGRAMME, region=region)
    return None
