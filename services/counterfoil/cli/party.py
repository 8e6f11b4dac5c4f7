"""`counterfoil party`: parties, their roles, and how they are recovered, closed and suspended."""

from __future__ import annotations

from typing import Annotated, Final, cast, get_args

from counterfoil.cli.late import group as group_of_commands
from counterfoil.cli.options import PartyId, Reason, argument, count, option
from counterfoil.cli.proofs import Proof, RecoveryName, RecoveryProof, proven, recovery_key
from counterfoil.cli.signing import SigningSession, signed, signing
from counterfoil.cli.values import parse_moment
from counterfoil.contract import limits
from counterfoil.contract.record import Command as Body
from counterfoil.contract.scalars import Role
from counterfoil.contract.times import parse_day
from counterfoil.issuance.commands import (
    AppointAuditor,
    AttestGroup,
    CloseParty,
    DismissAuditor,
    ObjectToRecovery,
    ProposeRecovery,
    RecoverParty,
    RegisterParty,
    ReinstateParty,
    SuspendParty,
)
from counterfoil.issuance.control_commands import AttestControl, ControlKind
from counterfoil.matching.commands import CancelOrderFor, CancelOrdersOf, CancelOwnOrders

app = group_of_commands("party")

ROLES: Final = get_args(Role)
KeyName = Annotated[str | None, option("--new", "The key file of the new key. Default: PARTY.", metavar="NAME")]


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
    proof: Proof = None,
    recovery: RecoveryName = None,
    recovery_proof: RecoveryProof = None,
    looks_like: Annotated[
        str | None,
        option("--looks-like", "A party whose name this one may be taken for, and is meant to be like.", None, "PARTY"),
    ] = None,
) -> None:
    """Operator: admit a party with its roles, its first key and, best from the start, its recovery key.

    The key is that of the key file PARTY.pem, unless the party proved it elsewhere. Roles: operator, issuer, provider,
    beneficiary, treasurer, auditor.
    """
    session.send(
        RegisterParty(
            party_id=party,
            name=name,
            roles=cast(tuple[Role, ...], tuple(role)),
            group_id=group or party,
            key=proven(session, party, party, proof),
            recovery_key=recovery_key(session, party, recovery, recovery_proof),
            looks_like=looks_like,
        )
    )


@signing(app, "recover", "counterfoil party recover springfield-2 --as springfield --key springfield-offline")
def recover(
    session: SigningSession,
    name: Annotated[str, argument("NAME", "The key file of the new key.")],
    proof: Proof = None,
    recovery: RecoveryName = None,
    recovery_proof: RecoveryProof = None,
) -> None:
    """Recover the party that signs by its recovery key: all its keys are revoked at once, and the new one is in force.

    `--key` names the file of the recovery key. With `--recovery` another one takes its place.
    """
    party = session.author.party_id
    key, other = proven(session, party, name, proof), recovery_key(session, party, recovery, recovery_proof)
    session.send(RecoverParty(key=key, recovery_key=other))
    if name != party:
        session.out.note(f"{party} signs with the new key from now on: --as {party} --key {name}")


@signing(
    app,
    "propose-recovery",
    "counterfoil party propose-recovery acme --new acme-2 --reason 'lost with the laptop' --as operator",
)
def propose_recovery(
    session: SigningSession,
    party: PartyId,
    reason: Reason,
    new: KeyName = None,
    proof: Proof = None,
    recovery: RecoveryName = None,
    recovery_proof: RecoveryProof = None,
) -> None:
    """Operator: give a party that has lost its keys a new one, three days from now, unless one of its keys objects.

    Then all its keys are revoked and the new one is in force. The reason is public, and every audit lists it.
    """
    session.send(
        ProposeRecovery(
            party_id=party,
            key=proven(session, party, new if new is not None else party, proof),
            recovery_key=recovery_key(session, party, recovery, recovery_proof),
            reason=reason,
        )
    )


@signed(app, "object", "counterfoil party object rec-57-0 --reason 'we have our keys' --as acme")
def object_(recovery: Annotated[str, argument("RECOVERY", "The recovery's id.")], reason: Reason) -> Body:
    """End a recovery that is under way: by any key of the party, or as the operator who proposed it by mistake."""
    return ObjectToRecovery(recovery_id=recovery, reason=reason)


@signed(app, "close", "counterfoil party close --reason 'leaves the market' --as acme")
def close(reason: Reason) -> Body:
    """Leave the market as the party that signs: its orders end, and it only ends what it has under way.

    Only its recovery opens it again.
    """
    return CloseParty(reason=reason)


@signed(
    app,
    "group",
    "counterfoil party group acme-cloud --group acme --source 'Company register, sheet 1207' --since 2026-01-05"
    " --as operator",
)
def group(
    party: PartyId,
    group: Annotated[str, option("--group", "The group that it belongs to; its own id if to none.", metavar="GROUP")],
    source: Annotated[str, option("--source", "Where that is known from; it is published.", metavar="TEXT")],
    since: Annotated[
        int | None, option("--since", "Since when. Default: from now on.", parse=parse_moment, metavar="TIME")
    ] = None,
) -> Body:
    """Operator or issuer: attest the group of related parties that a party belongs to.

    Related parties do not trade with each other, share the caps of programmes, and may not hold duties that are to be
    kept apart. An issuer can attest what joins a party that has no relations to a group; the operator can attest what
    ends one. Nobody attests anything about itself or a party related to it.
    """
    return AttestGroup(party_id=party, group_id=group, since=since, source=source)


Kind = Annotated[ControlKind, option("--kind", "In which way.")]


@signed(
    app,
    "control",
    "counterfoil party control acme-holding acme-cloud --kind MAJORITY_OF_VOTES --share-bps 7500 --on 2026-01-05"
    " --source 'Company register, sheet 1207' --as operator",
)
def control(
    owner: Annotated[str, argument("OWNER", "Who controls: a party's id, or any other, always the same.")],
    party: PartyId,
    kind: Kind,
    share_bps: Annotated[
        int,
        count("--share-bps", "Hundredths of a percent of the votes; else 10000, and 0 if no more.", 0, limits.BPS),
    ],
    on: Annotated[int, option("--on", "Since when.", parse_day, "DAY")],
    source: Annotated[str, option("--source", "Where that is known from; it is published.", metavar="TEXT")],
) -> Body:
    """Operator or issuer: attest what an undertaking has of another. Programmes judge by it who is at arm's length.

    By the operator's word who has a majority, or controls otherwise, and the party are one group from now on.
    """
    return AttestControl(owner_id=owner, party_id=party, kind=kind, share_bps=share_bps, on=on, source=source)


Audited = Annotated[
    str | None, option("--programme", "What it audits. Default: all programmes, and every entry.", metavar="PROGRAMME")
]


@signed(
    app, "appoint-auditor", "counterfoil party appoint-auditor watchdog --programme springfield-2026 --as springfield"
)
def appoint_auditor(party: PartyId, programme: Audited = None) -> Body:
    """Issuer: let a party with the role of auditor read everything of a programme. Operator: of all, entries included.

    It may be related neither to the programme's issuer, providers or beneficiaries, nor to any treasurer or operator.
    """
    return AppointAuditor(auditor_id=party, programme_id=programme)


@signed(
    app,
    "dismiss-auditor",
    "counterfoil party dismiss-auditor watchdog --programme springfield-2026 --reason 'end of contract'"
    " --as springfield",
)
def dismiss_auditor(party: PartyId, reason: Reason, programme: Audited = None) -> Body:
    """Issuer, operator: end such an appointment. The reason is public, and every audit lists it."""
    return DismissAuditor(auditor_id=party, programme_id=programme, reason=reason)


@signed(app, "suspend", "counterfoil party suspend norn --reason 'forged readings' --as operator")
def suspend(party: PartyId, reason: Reason) -> Body:
    """Operator: stop a party: its orders leave the book, and it only ends what it has under way.

    Contracts already made run on. The reason is public, and every audit lists it.
    """
    return SuspendParty(party_id=party, reason=reason)


@signed(app, "reinstate", "counterfoil party reinstate norn --reason 'inquiry is over' --as operator")
def reinstate(party: PartyId, reason: Reason) -> Body:
    """Operator: lift a party's suspension. Its orders do not come back."""
    return ReinstateParty(party_id=party, reason=reason)


@signed(app, "cancel-own-orders", "counterfoil party cancel-own-orders --programme springfield-2026 --as acme")
def cancel_own_orders(
    programme: Annotated[
        str | None, option("--programme", "Only the bids in this programme.", metavar="PROGRAMME")
    ] = None,
) -> Body:
    """Provider or beneficiary: take all its open orders off the book; trades stand, what was held is released."""
    return CancelOwnOrders(programme_id=programme)


@signed(app, "cancel-order", "counterfoil party cancel-order bid-9-0 --reason 'wrong limit' --as springfield")
def cancel_order(order: Annotated[str, argument("ORDER", "The offer's or bid's id.")], reason: Reason) -> Body:
    """Operator, or issuer for bids in its programme: take another party's order off the book.

    What was held for it is released. The reason is public, and every audit lists it.
    """
    return CancelOrderFor(order_id=order, reason=reason)


@signed(
    app,
    "cancel-orders",
    "counterfoil party cancel-orders acme --programme springfield-2026 --reason 'wrong limit' --as springfield",
)
def cancel_orders(
    party: PartyId,
    reason: Reason,
    programme: Annotated[
        str | None, option("--programme", "Only its bids in this programme: the issuer's own.", metavar="PROGRAMME")
    ] = None,
) -> Body:
    """The same for all open orders of a party."""
    return CancelOrdersOf(party_id=party, programme_id=programme, reason=reason)
