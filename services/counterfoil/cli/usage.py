"""`counterfoil usage`: delivered usage of contracts, from the meter to its acceptance."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from counterfoil.cli.command import Invalid
from counterfoil.cli.late import group
from counterfoil.cli.options import ContractId, Reason, ReportId, argument, hour, option
from counterfoil.cli.signing import SigningSession, add_signed, further, signed
from counterfoil.cli.values import parse_reading, parse_sha256
from counterfoil.contract.record import Command as Body
from counterfoil.core.rules import LATEST, RULES
from counterfoil.redemption.commands import (
    AcceptUsage,
    AgreeCancellation,
    AgreeCorrection,
    DisputeUsage,
    ProposeCancellation,
    ProposeCorrection,
    Reading,
    ReportUsage,
    ResolveDispute,
    WithdrawDelivery,
    WithdrawDispute,
)
from counterfoil.redemption.reclaim_commands import ReclaimDelivery, ReclaimReason

app = group("usage")
OptionalContract = Annotated[str | None, argument("CONTRACT", "The contract's id: that of its trade.")]
Readings = Annotated[
    list[Reading],
    option("--reading", "GPU-minutes delivered in an hour. Repeat, hours rising.", parse_reading, "HOUR=MINUTES"),
]

OptionalReadings = Annotated[
    list[Reading] | None,
    option("--reading", "GPU-minutes delivered in an hour. Repeat, hours rising.", parse_reading, "HOUR=MINUTES"),
]
_FILE = Annotated[Path | None, typer.Option("--file", metavar="FILE", help="A file with a reading in each line.")]
_OUTCOMES = Annotated[
    Path | None,
    typer.Option("--outcomes", metavar="FILE", help="The outcome of every line. Default: FILE.outcomes.csv."),
]


def report(contract: OptionalContract = None, reading: OptionalReadings = None) -> Body:
    """Provider: report what was delivered, each hour once: of one contract, or of all in a file.

    A file has a reading in each line, in any order: its columns are contract, hour and gpu_minutes (CSV with a header,
    or JSON Lines). All lines are checked before any is sent, and signed in batches. What one command may not hold is
    divided. Run it again after an interruption: nothing is reported twice.
    """
    if contract is None or not reading:
        raise Invalid("name a contract and its readings, or a file: --file")
    return ReportUsage(contract_id=contract, readings=tuple(reading))


def _report(
    session: SigningSession,
    contract: str | None,
    reading: list[Reading] | None,
    file: Path | None,
    outcomes: Path | None,
) -> None:
    from counterfoil.cli.bulk import give_lines
    from counterfoil.cli.readings import lines_of, read_readings

    if file is None and outcomes is not None:
        raise Invalid("--outcomes belongs to --file")
    if file is not None:
        if contract is not None or reading:
            raise Invalid("a file names the contracts and readings itself")
        give_lines(session, ("usage", "report"), read_readings(file), file, outcomes)
        return
    if contract is not None and reading and len(reading) > RULES[LATEST].max_readings:
        give_lines(session, ("usage", "report"), lines_of(contract, reading), None)
        return
    session.send(report(contract, reading))


add_signed(
    app,
    "report",
    "counterfoil usage report trd-15-0-0 --reading 20270105T08Z=480 --as norn",
    _report,
    report,
    *further({"file": (_FILE, None), "outcomes": (_OUTCOMES, None)}),
)


@signed(
    app, "correct", "counterfoil usage correct rep-3-0 --reading 20270105T08Z=480 --reason 'A digit short' --as norn"
)
def correct(report_: ReportId, reading: Readings, reason: Reason) -> Body:
    """Provider or beneficiary: propose what an open report should have said of some of its hours."""
    return ProposeCorrection(report_id=report_, readings=tuple(reading), reason=reason)


@signed(app, "agree-correction", "counterfoil usage agree-correction rep-3-0 cor-4-0 --as acme")
def agree_correction(
    report_: ReportId, correction: Annotated[str, argument("CORRECTION", "The correction's id.")]
) -> Body:
    """The other side: accept a report as corrected."""
    return AgreeCorrection(report_id=report_, correction_id=correction)


@signed(app, "accept", "counterfoil usage accept rep-3-0 --as acme")
def accept(report_: ReportId) -> Body:
    """Beneficiary: accept a report before its dispute window closes."""
    return AcceptUsage(report_id=report_)


@signed(app, "dispute", "counterfoil usage dispute rep-3-0 --hour 20270105T08Z --reason 'Node was down' --as acme")
def dispute(
    report_: ReportId,
    reason: Reason,
    hour_: Annotated[
        list[int] | None, hour("--hour", "A contested hour. May be repeated. Default: all of the report's.")
    ] = None,
    evidence: Annotated[
        list[bytes] | None,
        option("--evidence", "SHA-256 of a document, as sha256sum prints it. May be repeated.", parse_sha256, "HEX"),
    ] = None,
) -> Body:
    """Beneficiary: contest hours of a report within its window."""
    return DisputeUsage(report_id=report_, hours=tuple(hour_ or ()), evidence=tuple(evidence or ()), reason=reason)


@signed(app, "withdraw-dispute", "counterfoil usage withdraw-dispute rep-3-0 --as acme")
def withdraw_dispute(report_: ReportId) -> Body:
    """Who raised a dispute: withdraw it; the report stands."""
    return WithdrawDispute(report_id=report_)


@signed(app, "resolve", "counterfoil usage resolve rep-3-0 --gpu-minutes 240 --reason 'Meter log' --as operator")
def resolve(
    report_: ReportId,
    gpu_minutes: Annotated[
        int, option("--gpu-minutes", "What is accepted; at most what its hours can hold.", metavar="N")
    ],
    reason: Reason,
) -> Body:
    """Operator: decide a disputed report."""
    return ResolveDispute(report_id=report_, gpu_minutes=gpu_minutes, reason=reason)


@signed(app, "withdraw", "counterfoil usage withdraw trd-15-0-0 --reason 'Site closed' --as norn")
def withdraw(contract: ContractId, reason: Reason) -> Body:
    """Provider: give up the rest of a contract; its bond, or with notice part of it, goes to the beneficiary."""
    return WithdrawDelivery(contract_id=contract, reason=reason)


@signed(app, "reclaim", "counterfoil usage reclaim trd-15-0-0 --from 20270105T08Z --reason maintenance --as norn")
def reclaim(
    contract: ContractId,
    hour_: Annotated[int, hour("--from", "The first hour that is not delivered; no sooner than the agreed notice.")],
    reason: Annotated[ReclaimReason, option("--reason", "Why; it is published.")],
) -> Body:
    """Provider: give the notice that a contract carries; a quarter of the bond of its last hours is forfeited.

    Until then deliver as before. `counterfoil usage contracts` says which contracts carry a notice.
    """
    return ReclaimDelivery(contract_id=contract, hour=hour_, reason=reason)


@signed(app, "cancel", "counterfoil usage cancel trd-15-0-0 --reason 'Dataset withdrawn' --as acme")
def cancel(contract: ContractId, reason: Reason) -> Body:
    """Provider or beneficiary: propose to cancel a contract before its delivery, at no cost to either side."""
    return ProposeCancellation(contract_id=contract, reason=reason)


@signed(app, "agree-cancellation", "counterfoil usage agree-cancellation trd-15-0-0 --as norn")
def agree_cancellation(contract: ContractId) -> Body:
    """The other side: cancel the contract; funds and bond are released."""
    return AgreeCancellation(contract_id=contract)
