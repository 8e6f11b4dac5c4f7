"""`counterfoil inventory`: what providers have at their sites, as attested."""

from __future__ import annotations

from typing import Annotated

from counterfoil.cli.late import group
from counterfoil.cli.options import count, option
from counterfoil.cli.signing import signed
from counterfoil.contract import limits
from counterfoil.contract.record import Command as Body
from counterfoil.matching.inventory_commands import AttestInventory

app = group("inventory")


@signed(
    app,
    "attest",
    "counterfoil inventory attest --provider norn --site norn-1 --class a100-80gb --nodes 12 "
    "--source 'visit of 2027-01-04' --as operator",
)
def attest(
    provider: Annotated[str, option("--provider", "Whose nodes they are: a party's id.", metavar="PARTY")],
    site: Annotated[str, option("--site", "The site's id.", metavar="SITE")],
    class_: Annotated[str, option("--class", "The accelerator class's id.", metavar="CLASS")],
    nodes: Annotated[int, count("--nodes", "How many nodes there are from now on.", 0, limits.MAX_COUNT)],
    source: Annotated[str, option("--source", "Where that is known from; it is published.", metavar="TEXT")],
) -> Body:
    """Operator or auditor: say what a provider has at a site; it bounds what it can have on offer or sold there."""
    return AttestInventory(provider_id=provider, site_id=site, class_id=class_, nodes=nodes, source=source)
