"""`counterfoil application`: applications to programmes, their reviews and decisions."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Final

from counterfoil.cli.command import Invalid, pairs
from counterfoil.cli.document_files import read_data
from counterfoil.cli.late import group
from counterfoil.cli.options import Programme, Reason, argument, count, option
from counterfoil.cli.signing import signed
from counterfoil.cli.values import parse_amount
from counterfoil.contract.applications import ApplicationLine, CapSet, ContractDays, OtherSupport
from counterfoil.contract.limits import MAX_COUNT
from counterfoil.contract.record import Command as Body
from counterfoil.contract.scalars import ApplicationDecision
from counterfoil.contract.times import parse_day
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
_OF_LINE: Final = {
    "id", "sku", "instrument", "amount", "tax", "quantity", "unit", "class_id", "region", "provider_id", "starts",
    "ends",
}  # fmt: skip


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
    data = read_data(file)
    if not isinstance(data, dict) or not isinstance(data.get("lines"), list):
        raise Invalid(f"{file}: an application has `lines`")
    if strange := sorted(map(str, data.keys() - _MEMBERS)):
        raise Invalid(f"{file}: no member {strange[0]!r}; there are {', '.join(sorted(_MEMBERS))}")
    try:
        return _application(data, programme, corrects)
    except (TypeError, ValueError, AttributeError, KeyError) as problem:
        raise Invalid(f"{file}: {problem}") from problem


def _application(data: dict[str, Any], programme: str, corrects: str | None) -> Body:
    contract = data.get("contract")
    return SubmitApplication(
        programme_id=programme,
        corrects=corrects,
        project_id=data.get("project_id"),
        lines=tuple(line_of(each) for each in data["lines"]),
        contract=None
        if contract is None
        else ContractDays(
            sha256=bytes.fromhex(contract["sha256"]),
            **{name: day_of(contract[name]) for name in ("signed", "starts", "ends")},
        ),
        other_support=other_support_of(data),
        evidence=tuple(map(bytes.fromhex, data.get("evidence", ()))),
    )


def other_support_of(data: dict[str, Any]) -> tuple[OtherSupport, ...]:
    """What other programmes pay, as a file has it: amounts by programme. Raises ValueError."""
    given = data.get("other_support", {}).items()
    return tuple(OtherSupport(programme=name, amount=parse_amount(str(amount))) for name, amount in given)


def line_of(given: dict[str, Any]) -> ApplicationLine:
    """A line as a file has it. Raises ValueError, TypeError or KeyError."""
    if strange := sorted(map(str, given.keys() - _OF_LINE)):
        raise ValueError(f"a line has no member {strange[0]!r}")
    days = {name: None if given.get(name) is None else day_of(given[name]) for name in ("starts", "ends")}
    named = {name: given.get(name) for name in ("unit", "class_id", "region", "provider_id")}
    amounts = {name: parse_amount(str(given.get(name, 0))) for name in ("amount", "tax", "quantity")}
    members: dict[str, Any] = {"instrument": given.get("instrument", "COMPUTE"), **amounts, **named, **days}
    return ApplicationLine(id=given["id"], sku=given["sku"], **members)


def day_of(given: object) -> int:
    """A day as a file has it. Raises ValueError."""
    return parse_day(str(given))  # YAML makes dates of what looks like one


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
