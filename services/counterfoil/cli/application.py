"""`counterfoil application`: applications to programmes, their reviews and decisions."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Final

from counterfoil.cli.case_files import contract_of, digest_of, line_of, other_support_of, part_of, read_case
from counterfoil.cli.command import Invalid, pairs
from counterfoil.cli.late import group
from counterfoil.cli.options import Programme, Reason, argument, count, option
from counterfoil.cli.signing import signed
from counterfoil.cli.values import parse_amount
from counterfoil.contract.applications import CapSet
from counterfoil.contract.limits import MAX_COUNT
from counterfoil.contract.record import Command as Body
from counterfoil.contract.scalars import ApplicationDecision
from counterfoil.issuance.commands import (
    DecideApplication,
    ReturnApplication,
    ReviewApplication,
    ScoreApplication,
    SetApplicationCaps,
    SubmitApplication,
    WithdrawApplication,
)

app = group("application")
ApplicationId = Annotated[str, argument("APPLICATION", "The application's id.")]
_MEMBERS: Final = {"lines", "contract", "other_support", "evidence", "project_id"}


@signed(
    app,
    "submit",
    "counterfoil application submit application.yaml --programme springfield-2026 --as acme",
)
def submit(
    file: Annotated[Path, argument("FILE", "YAML, or JSON if its name ends in .json: `lines`, `contract` and so on.")],
    programme: Programme,
    corrects: Annotated[
        str | None, option("--corrects", "The application that was returned.", metavar="APPLICATION")
    ] = None,
) -> Body:
    """Beneficiary: apply for a voucher of a programme, or correct an application that was returned.

    FILE has `lines`, each with `id`, `sku`, `amount` and, where the programme asks for it, `instrument`, `tax`,
    `quantity`, `unit`, `class_id`, `region`, `provider_id`, `starts`, `ends`; and may have `contract` (`sha256`,
    `signed`, `starts`, `ends`), `project_id`, `other_support` (amounts by programme) and `evidence` (SHA-256 of
    documents, hexadecimal). Amounts are in units.
    """
    return read_case(file, _MEMBERS, "an application has `lines`", lambda data: _application(data, programme, corrects))


def _application(data: dict[str, Any], programme: str, corrects: str | None) -> Body:
    return SubmitApplication(
        programme_id=programme,
        corrects=corrects,
        project_id=data.get("project_id"),
        lines=tuple(line_of(each) for each in data["lines"]),
        contract=contract_of(data),
        other_support=other_support_of(data),
        evidence=tuple(map(digest_of, part_of(data, "evidence", list, "a list of SHA-256 digests"))),
    )


@signed(app, "withdraw", "counterfoil application withdraw app-12-0 --reason 'Project ended' --as acme")
def withdraw(application: ApplicationId, reason: Reason) -> Body:
    """Beneficiary: end an application that is not decided."""
    return WithdrawApplication(application_id=application, reason=reason)


@signed(app, "return", "counterfoil application return app-12-0 --reason 'No contract' --as springfield")
def give_back(application: ApplicationId, reason: Reason) -> Body:
    """Issuer: give an application back to be corrected. It keeps its place; its reviews begin again."""
    return ReturnApplication(application_id=application, reason=reason)


@signed(app, "review", "counterfoil application review app-12-0 --step 0 --passes --reason 'Seen' --as county")
def review(
    application: ApplicationId,
    step: Annotated[int, count("--step", "The step of the review, from 0.", 0, MAX_COUNT)],
    passes: Annotated[bool, option("--passes/--objects", "Whether nothing speaks against the application.")],
    reason: Reason,
) -> Body:
    """Sign a step of an application's review, as the authority that the programme's document names."""
    return ReviewApplication(application_id=application, step=step, passes=passes, reason=reason)


@signed(app, "score", "counterfoil application score app-12-0 --points 87.5 --reason 'Sound plan' --as county")
def score(
    application: ApplicationId,
    points: Annotated[str, option("--points", "0 to 100.", metavar="POINTS")],
    reason: Reason,
) -> Body:
    """Score an application to a ranked programme, once, as whoever may sign a step of its review."""
    return ScoreApplication(application_id=application, points=_amount(points), reason=reason)


@signed(
    app, "decide", "counterfoil application decide app-12-0 --decision approved --reason 'Complete' --as springfield"
)
def decide(
    application: ApplicationId,
    decision: Annotated[ApplicationDecision, option("--decision", "What is decided.")],
    reason: Reason,
    cap: Annotated[
        list[str] | None,
        option("--cap", "The amount of a cap that the decision sets. May be repeated.", metavar="CAP=AMOUNT"),
    ] = None,
) -> Body:
    """Issuer: approve, reject or waitlist an application. An approval gives the voucher that the document grants."""
    caps = tuple(CapSet(cap=name, amount=_amount(text)) for name, text in pairs(cap or (), "--cap").items())
    return DecideApplication(application_id=application, decision=decision, caps=caps, reason=reason)


@signed(app, "set-caps", "counterfoil application set-caps app-12-0 --cap project=50000 --as springfield")
def set_caps(
    application: ApplicationId,
    cap: Annotated[
        list[str], option("--cap", "The amount of a cap that the decision sets. May be repeated.", metavar="CAP=AMOUNT")
    ],
) -> Body:
    """Issuer: set the caps that the document leaves to the decision, before a window or waiting list decides."""
    caps = tuple(CapSet(cap=name, amount=_amount(text)) for name, text in pairs(cap, "--cap").items())
    return SetApplicationCaps(application_id=application, caps=caps)


def _amount(text: str) -> int:
    try:
        return parse_amount(text)
    except ValueError as problem:
        raise Invalid(str(problem)) from problem
