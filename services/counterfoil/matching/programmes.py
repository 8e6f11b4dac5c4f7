"""What matching asks the terms of a programme: whether a bid's classes and regions are in it, and whether it is open.

Which version pays is known once the vouchers are, that is, at admission. So a bid is received if any version would do.
"""

from __future__ import annotations

from collections.abc import Mapping

from counterfoil.contract.refusals import Code, Refusal
from counterfoil.core.at import At
from counterfoil.core.decider import refuse
from counterfoil.core.rule_fields import Rules
from counterfoil.matching.commands import PlaceBid
from counterfoil.matching.events import BidReceived
from counterfoil.programme.terms import Terms, on_market


def not_in_programme(
    versions: Mapping[int, Terms], body: PlaceBid | BidReceived, rules: Rules, at: At
) -> Refusal | None:
    """None if some version has the bid's classes and regions and may pay; else the refusal by the current version.

    Before rules 6 a version pays only while it is valid.
    """
    last = max(versions)
    current = versions[last]
    if rules.spends_until_expiry:
        would_do = list(versions.items())
    elif rules.validity_of_each_version:
        would_do = [(number, each) for number, each in versions.items() if each.is_open(at.time)]
    else:
        would_do = [(number, each) for number, each in versions.items() if number < last]
    pays = {number: on_market(each, meters_in_kind=rules.meters_in_kind) for number, each in versions.items()}
    if any(pays[number] and each.allows(body.classes, body.regions) for number, each in would_do):
        return None
    if not rules.spends_until_expiry and not current.is_open(at.time):
        return refuse(Code.PROGRAMME_NOT_OPEN)
    if not any(pays.values()):
        return refuse(Code.PROGRAMME_NOT_ON_MARKET, programme_id=body.programme_id)
    for class_id in body.classes:
        if not current.allows_class(class_id):
            return refuse(Code.CLASS_NOT_IN_PROGRAMME, class_id=class_id)
    for region in body.regions:
        if not current.allows_region(region):
            return refuse(Code.REGION_NOT_IN_PROGRAMME, region=region)
    return None
