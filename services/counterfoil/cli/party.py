"""`counterfoil party`: parties and their roles."""

from __future__ import annotations

from typing import Annotated, Final, cast, get_args

import typer

from counterfoil.cli.keys import PublicKey
from counterfoil.cli.listing import Listing, add_both
from counterfoil.cli.options import PartyId, option
from counterfoil.cli.signing import SigningSession, signing
from counterfoil.contract.scalars import Role
from counterfoil.issuance.commands import RegisterParty

app = typer.Typer(name="party", help="Parties: register, show, list.", no_args_is_help=True)

ROLES: Final = get_args(Role)


def parse_role(text: str) -> str:
    """One of the roles. Raises ValueError."""
    if text not in ROLES:
        raise ValueError(f"a role is one of {', '.join(ROLES)}")
    return text


@signing(
    app,
    "register",
    "counterfoil party register springfield --name 'City of Springfield' --role issuer --as operator",
)
def register(
    session: SigningSession,
    party: PartyId,
    name: Annotated[str, option("--name", "The full name.", metavar="TEXT")],
    role: Annotated[list[str], option("--role", "What it may do; may be repeated.", parse=parse_role, metavar="ROLE")],
    group: Annotated[
        str | None, option("--group", "Its group of related parties. Default: its own id.", metavar="GROUP")
    ] = None,
    public_key: PublicKey = None,
) -> None:
    """Operator: admit a party with its roles and its first key.

    The key is that of the key file PARTY.seed, unless it is given. Roles: operator, issuer, provider, beneficiary,
    treasurer, auditor.
    """
    key = public_key if public_key is not None else session.keyring.author(party).public_key
    roles = cast(tuple[Role, ...], tuple(role))
    session.send(RegisterParty(party_id=party, name=name, roles=roles, group_id=group or party, public_key=key))


add_both(app, Listing("parties", "parties", "party_id name roles group_id registered_at", "springfield"))
