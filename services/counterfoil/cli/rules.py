"""`counterfoil rules`: the rules versions, and the adoption of another one."""

from __future__ import annotations

from typing import Annotated

import typer

from counterfoil import __version__
from counterfoil.cli.late import group
from counterfoil.cli.options import option
from counterfoil.cli.signing import signed
from counterfoil.contract.record import Command as Body
from counterfoil.issuance.commands import AdoptRules

app = group("rules")


@signed(app, "adopt", "counterfoil rules adopt 2 --replaces 1 --as operator")
def adopt(
    rules: Annotated[int, typer.Argument(min=1, max=1_000_000, metavar="VERSION", help="The version to adopt.")],
    replaces: Annotated[
        int, typer.Option("--replaces", min=1, max=1_000_000, metavar="VERSION", help="The version in force now.")
    ],
    release: Annotated[
        str, option("--release", "A release that knows the version. Default: this one.", metavar="TEXT")
    ] = __version__,
) -> Body:
    """Operator: adopt another rules version in every log, from its next entry on. This cannot be undone.

    What differs between the versions: schemas/rules.md. The versions in force until now: `counterfoil rules list`.

    Upgrade every process, standbys and gateways too, before you adopt: one that does not know the version stops.
    """
    return AdoptRules(rules=rules, replaces=replaces, release=release)
