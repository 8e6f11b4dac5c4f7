"""`counterfoil fact`: what parties state of each other, for programmes to judge by."""

from __future__ import annotations

from typing import Annotated

from counterfoil.cli.late import group
from counterfoil.cli.options import Party, argument, option
from counterfoil.cli.signing import signed
from counterfoil.contract.record import Command as Body
from counterfoil.contract.times import parse_day
from counterfoil.issuance.commands import AttestFact

app = group("fact")


@signed(
    app,
    "attest",
    "counterfoil fact attest registered_in CN-SC-01 --party acme --on 2026-11-02 --source 'Register' --as springfield",
)
def attest(
    name: Annotated[str, argument("NAME", "The fact's name, as programmes ask for it.")],
    value: Annotated[
        list[str], argument("VALUE...", "Codes; or one whole number, one date, `true` or `false`, by the fact's kind.")
    ],
    party: Party,
    on: Annotated[int, option("--on", "Since when it is so: a date.", parse_day, metavar="DATE")],
    source: Annotated[str, option("--source", "Where it is known from.", metavar="TEXT")],
    application: Annotated[
        str | None, option("--application", "It is about this application's project.", metavar="APPLICATION")
    ] = None,
    line: Annotated[str | None, option("--line", "It is about this line of the application.", metavar="LINE")] = None,
) -> Body:
    """State what is known of a party, of its application, or of a line of that; it replaces what you stated before.

    The word of its issuer, of its auditors and of operators counts in every programme; whose else, its document says.
    """
    return AttestFact(
        party_id=party,
        application_id=application,
        line=line,
        name=name,
        values=tuple(value),
        on=on,
        source=source,
    )
