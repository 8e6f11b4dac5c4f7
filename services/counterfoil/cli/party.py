"""`counterfoil party`: who takes part, and in which roles; `counterfoil class`: which accelerators there are."""

from __future__ import annotations

from typing import Annotated, Final, cast, get_args

import typer

from counterfoil.cli.keys import PublicKey
from counterfoil.cli.listing import Listing, add_both
from counterfoil.cli.options import PartyId, argument, option
from counterfoil.cli.signing import Pen, signed, signing
from counterfoil.contract.record import Command as Body
from counterfoil.contract.scalars import Role
from counterfoil.issuance.commands import RegisterClass, RegisterParty

app = typer.Typer(name="party", help="Parties: register, show, list.", no_args_is_help=True)
classes = typer.Typer(name="class", help="Accelerator classes: register, show, list.", no_args_is_help=True)

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
    pen: Pen,
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
    key = public_key if public_key is not None else pen.keyring.author(party).public_key
    roles = cast(tuple[Role, ...], tuple(role))
    pen.send(RegisterParty(party_id=party, name=name, roles=roles, group_id=group or party, public_key=key))


add_both(app, Listing("parties", "parties", "party_id name roles group_id registered_at", "springfield"))


@signed(
    classes,
    "register",
    "counterfoil class register a100-80gb --description 'A100 80 GB' --memory-mb 81920 --gpus-per-node 8 --as operator",
)
def register_class(
    class_: Annotated[str, argument("CLASS", "The class's id.")],
    description: Annotated[str, option("--description", "What it is.", metavar="TEXT")],
    memory_mb: Annotated[int, option("--memory-mb", "Memory of one GPU in MiB.", metavar="N")],
    gpus_per_node: Annotated[int, option("--gpus-per-node", "GPUs that are sold together as a node.", metavar="N")],
    version: Annotated[int, option("--version", "The version of the description, from 1 on.", metavar="N")] = 1,
    nominal: Annotated[
        int | None, option("--nominal", "Dense BF16 throughput by the maker, in milli-TFLOPS.", metavar="N")
    ] = None,
    attested: Annotated[int | None, option("--attested", "The same as measured, in milli-TFLOPS.", metavar="N")] = None,
    interconnect: Annotated[
        str | None, option("--interconnect", "What joins the GPUs of a node.", metavar="TEXT")
    ] = None,
    source: Annotated[
        list[str] | None, option("--source", "Where the figures are from. May be repeated.", metavar="TEXT")
    ] = None,
) -> Body:
    """Operator: describe an accelerator class, or a new version of one."""
    return RegisterClass(
        class_id=class_,
        version=version,
        description=description,
        mem_mb=memory_mb,
        gpus_per_node=gpus_per_node,
        bf16_mtflops_nominal=nominal,
        bf16_mtflops_attested=attested,
        interconnect=interconnect,
        sources=tuple(source or ()),
    )


_CLASS = "class_id version description gpus_per_node mem_mb registered_at"
add_both(classes, Listing("classes", "accelerator classes", _CLASS, "a100-80gb 1"))
