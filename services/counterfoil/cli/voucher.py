"""`counterfoil voucher`: vouchers and their balances."""

from __future__ import annotations

from typing import Annotated

import typer

from counterfoil.cli.command import Invalid
from counterfoil.cli.gateway_session import GatewaySession, remote
from counterfoil.cli.late import group
from counterfoil.cli.options import Amount, Beneficiary, Programme, Reason, Save, VoucherId, argument, count, option
from counterfoil.cli.signing import signed
from counterfoil.cli.values import parse_sha256
from counterfoil.contract.record import Command as Body
from counterfoil.issuance.commands import (
    IssueVoucher,
    ReinstateVoucher,
    ReturnVoucher,
    RevokeVoucherV1,
    SuspendVoucherV1,
)
from counterfoil.issuance.freeze_commands import ExtendSuspension, RevokeVoucher, SuspendVoucher
from counterfoil.ledger.commands import RestoreVoucher, SurrenderVoucher
from counterfoil.ledger.extension_commands import ExtendVoucher
from counterfoil.ledger.tranche_commands import AttestMilestone, ReleaseTranche

app = group("voucher")
Ground = Annotated[str | None, option("--ground", "One of the grounds that the voucher's document names.")]
TrancheId = Annotated[str, argument("TRANCHE", "The id of the part: see `counterfoil voucher tranches`.")]
ReportOf = Annotated[
    bytes | None, option("--report", "SHA-256 of the report, where one is asked for.", parse_sha256, "HEX")
]
Days = Annotated[int, count("--days", "Days of 24 hours.", 1, 3_660)]
DaysOf = Annotated[int | None, count("--days", "Days of 24 hours; with a ground.", 1, 3_660)]


@signed(
    app,
    "issue",
    "counterfoil voucher issue --programme springfield-2026 --beneficiary acme --amount 1000 --as springfield",
)
def issue(programme: Programme, beneficiary: Beneficiary, amount: Amount) -> Body:
    """Issuer: give a beneficiary a voucher under the programme's current version."""
    return IssueVoucher(programme_id=programme, beneficiary_id=beneficiary, amount=amount)


@signed(
    app,
    "suspend",
    "counterfoil voucher suspend vch-12-0 --ground INVESTIGATION --days 30 --reason 'Under review' --as springfield",
)
def suspend(voucher: VoucherId, reason: Reason, ground: Ground = None, days: DaysOf = None) -> Body:
    """Issuer: let no new hold draw on the voucher. Of one under a document with a ground and days that this allows.

    It begins when the document's notice is over, and ends by itself. Of other vouchers it ends when it is lifted.
    """
    if (ground is None) is not (days is None):
        raise Invalid("--ground and --days go together: of a voucher under a document")
    if ground is None:
        return SuspendVoucherV1(voucher_id=voucher, reason=reason)
    return SuspendVoucher(voucher_id=voucher, ground=ground, days=days or 0, reason=reason)


@signed(
    app,
    "extend-suspension",
    "counterfoil voucher extend-suspension vch-12-0 --days 30 --reason 'The meters are being read' --as operator",
)
def extend(voucher: VoucherId, days: Days, reason: Reason) -> Body:
    """Operator: let a suspension under a document last longer, at most by as many days as the document allows."""
    return ExtendSuspension(voucher_id=voucher, days=days, reason=reason)


@signed(app, "reinstate", "counterfoil voucher reinstate vch-12-0 --as springfield")
def reinstate(voucher: VoucherId) -> Body:
    """Issuer: lift a suspension."""
    return ReinstateVoucher(voucher_id=voucher)


@signed(app, "revoke", "counterfoil voucher revoke vch-12-0 --ground FRAUD --reason 'Forged bills' --as springfield")
def revoke(voucher: VoucherId, reason: Reason, ground: Ground = None) -> Body:
    """Issuer: cancel what is not held, and what is held as soon as it is released.

    Of a voucher under a document only on a ground that this names.
    """
    if ground is None:
        return RevokeVoucherV1(voucher_id=voucher, reason=reason)
    return RevokeVoucher(voucher_id=voucher, ground=ground, reason=reason)


@signed(app, "return", "counterfoil voucher return vch-12-0 --reason 'Issued twice' --as acme")
def give_back(voucher: VoucherId, reason: Reason) -> Body:
    """Beneficiary: give a voucher back. What no contract holds of it is free for the programme and the cap again."""
    return ReturnVoucher(voucher_id=voucher, reason=reason)


@signed(app, "surrender", "counterfoil voucher surrender vch-12-0 --amount 200 --reason 'Not needed' --as globex")
def surrender(voucher: VoucherId, amount: Amount, reason: Reason) -> Body:
    """Holder: give back so much of a voucher, whoever it was issued to. It is free for the programme."""
    return SurrenderVoucher(voucher_id=voucher, amount=amount, reason=reason)


@signed(app, "restore", "counterfoil voucher restore vch-12-0 --as acme")
def restore(voucher: VoucherId) -> Body:
    """Holder: ask for what you have of a voucher that is offline. It comes back as another, which lasts longer."""
    return RestoreVoucher(voucher_id=voucher)


@signed(app, "extend", "counterfoil voucher extend vch-12-0 --days 30 --reason 'The site was down' --as springfield")
def extend_voucher(voucher: VoucherId, days: Days, reason: Reason, ground: Ground = None) -> Body:
    """Issuer: let a voucher last longer, as often and as long as its document allows, while it can be spent."""
    return ExtendVoucher(voucher_id=voucher, days=days, ground=ground, reason=reason)


@signed(
    app,
    "release-tranche",
    "counterfoil voucher release-tranche trc-40-2 --reason 'The interim report was accepted' --as springfield",
)
def release(tranche: TrancheId, reason: Reason, report: ReportOf = None) -> Body:
    """Issuer: let the holder spend a part of a voucher, once what it waits for has come."""
    return ReleaseTranche(tranche_id=tranche, report=report, reason=reason)


@signed(
    app,
    "attest-milestone",
    f"counterfoil voucher attest-milestone trc-40-2 --report {'0' * 64} --reason 'Model trained' --as globex",
)
def attest(
    tranche: TrancheId,
    report: Annotated[bytes, option("--report", "SHA-256 of the report.", parse_sha256, metavar="HEX")],
    reason: Reason,
) -> Body:
    """Whom the document names, or an operator: say that what a part of a voucher waits for is reached."""
    return AttestMilestone(tranche_id=tranche, report=report, reason=reason)


@remote(app, "trace", "counterfoil voucher trace vch-12-0")
def trace_voucher(session: GatewaySession, voucher: VoucherId) -> None:
    """Show every hand that a voucher went through, and where all of it is now.

    Who may read the programme sees all of it, added up to its face; a holder sees its own hands. Exit code 1 if it does
    not add up.
    """
    from counterfoil.cli.voucher_trace import trace

    if (code := trace(session, voucher)) != 0:
        raise typer.Exit(code)


@remote(app, "prove", "counterfoil voucher prove vch-12-0 --save vch-12-0.json")
def prove_voucher(session: GatewaySession, voucher: VoucherId, save: Save = None) -> None:
    """Prove a voucher's life on the ledger from the log: issued, held, captured, released, expired, restored.

    Every entry about it is fetched and verified; the postings are numbered, so that none is missing before the last.
    Entries are read by auditors and the operator, or by everybody where the disclosure is public. Exit code 1 if the
    log does not prove it, or the gateway's balances are others.
    """
    from counterfoil.cli.histories import prove

    prove(session, [voucher], save)
