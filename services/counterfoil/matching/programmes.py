"""What matching asks the terms of a programme: whether a bid's classes and regions are in it, and whether it is open.

Which version pays is known once the vouchers are, that is, at admission. So a bid is received if any version would do.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from counterfoil.contract.refusals import Code, Refusal
from counterfoil.core.decider import At, refuse
from counterfoil.core.rules import Rules
from counterfoil.issuance.events import ProgrammePublished
from counterfoil.matching.commands import PlaceBid
from counterfoil.matching.events import BidReceived


def allows(terms: ProgrammePublished, classes: Iterable[str], regions: Iterable[str]) -> bool:
    """Whether a programme version pays for all of the classes and regions."""
    return all(each in terms.classes for each in classes) and all(each in terms.regions for each in regions)


def is_open(terms: ProgrammePublished, time: int) -> bool:
    """Whether a programme version is valid at a ledger time (microseconds)."""
    return terms.valid_from <= time < terms.valid_until


def not_in_programme(
    versions: Sequence[ProgrammePublished], body: PlaceBid | BidReceived, rules: Rules, at: At
) -> Refusal | None:
    """Some version has the bid's classes and regions, and is open; if none, the current one says what is wrong."""
    current = versions[-1]
    if rules.validity_of_each_version:
        fits = any(is_open(each, at.time) and allows(each, body.classes, body.regions) for each in versions)
    else:
        fits = any(allows(each, body.classes, body.regions) for each in versions[:-1])
    if fits:
        return None
    if not is_open(current, at.time):
        return refuse(Code.PROGRAMME_NOT_OPEN)
    for class_id in body.classes:
        if class_id not in current.classes:
            return refuse(Code.CLASS_NOT_IN_PROGRAMME, class_id=class_id)
    for region in body.regions:
        if region not in current.regions:
            return refuse(Code.REGION_NOT_IN_PROGRAMME, region=region)
    return None
