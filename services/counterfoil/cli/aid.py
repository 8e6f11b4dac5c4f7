"""`counterfoil aid`: what counts towards ceilings of law, in all programmes and outside them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any

from counterfoil.cli.command import Invalid
from counterfoil.cli.gateway_session import GatewaySession, remote
from counterfoil.cli.late import group
from counterfoil.cli.options import Amount, Currency, Party, Reason, argument, count, option
from counterfoil.cli.render import Record, Rows
from counterfoil.cli.signing import signed
from counterfoil.cli.values import parse_amount, show_amount
from counterfoil.contract.record import Command as Body
from counterfoil.contract.scalars import CountingEvent, CountsFor
from counterfoil.contract.times import DAY, format_day, parse_day
from counterfoil.issuance.aid_commands import AttestAid, RegisterRegime, WithdrawAid

if TYPE_CHECKING:
    from counterfoil.client.http import Gateway

app = group("aid")
Regime = Annotated[str, argument("REGIME", "The ceiling's name, as programmes' documents have it.")]


@signed(
    app,
    "attest",
    "counterfoil aid attest DE_MINIMIS --party acme --amount 40000 --currency EUR --on 2026-05-02 --grantor 'Land X' "
    "--reference 'X 12/26' --source 'Declaration of 2026-11-02' --as springfield",
)
def attest(
    regime: Regime,
    party: Party,
    amount: Amount,
    currency: Currency,
    on: Annotated[int, option("--on", "When it was granted: a date.", parse_day, metavar="DATE")],
    grantor: Annotated[str, option("--grantor", "Who granted it.", metavar="TEXT")],
    reference: Annotated[
        str, option("--reference", "Of the grant; each once for a party and who attests it.", metavar="TEXT")
    ],
    source: Annotated[str, option("--source", "Where it is known from.", metavar="TEXT")],
) -> Body:
    """Operator or issuer: count aid that a party was granted outside these programmes, in the ceiling's currency."""
    return AttestAid(
        party_id=party,
        regime=regime,
        amount=amount,
        currency=currency,
        granted_on=on,
        grantor=grantor,
        reference=reference,
        source=source,
    )


@signed(
    app,
    "regime",
    "counterfoil aid regime DE_MINIMIS --ceiling 300000 --currency EUR --months 36 --from 2024-01-01 "
    "--source 'Regulation (EU) 2023/2831, Article 3(2)' --as operator",
)
def register_regime(
    regime: Regime,
    ceiling: Annotated[int, option("--ceiling", "In units of the currency.", parse_amount, metavar="AMOUNT")],
    currency: Currency,
    months: Annotated[int, count("--months", "Rolling, before each grant.", 1, 1_200)],
    in_force_on: Annotated[int, option("--from", "The first day of this version.", parse_day, metavar="DATE")],
    source: Annotated[str, option("--source", "The law, and where in it.", metavar="TEXT")],
    unit: Annotated[CountsFor, option("--unit", "For whom it is counted.")] = "GROUP",
    counts_on: Annotated[CountingEvent, option("--counts-on", "When aid counts.")] = "GRANTED",
) -> Body:
    """Operator: register what the law says of a ceiling from a day on; documents have to agree with it."""
    return RegisterRegime(
        regime=regime,
        currency=currency,
        ceiling=ceiling,
        months=months,
        unit=unit,
        counts_on=counts_on,
        in_force_on=in_force_on,
        source=source,
    )


@signed(app, "withdraw", "counterfoil aid withdraw aid-31-0 --reason 'It was a loan' --as springfield")
def withdraw(aid: Annotated[str, argument("AID", "The id of what was attested.")], reason: Reason) -> Body:
    """Who attested aid, or an operator: let it count no more."""
    return WithdrawAid(aid_id=aid, reason=reason)


@remote(app, "total", "counterfoil aid total DE_MINIMIS acme --on 2026-12-01")
def total(
    session: GatewaySession,
    regime: Regime,
    group_: Annotated[str, argument("GROUP", "The group of related parties, or the party, for which it counts.")],
    on: Annotated[int | None, option("--on", "As of this day. Default: today.", parse_day, metavar="DATE")] = None,
) -> None:
    """Show what counts towards a ceiling of law on a day, by what you may read, and what is left of it."""
    from counterfoil.runtime.clock import time_by

    day = format_day(time_by(session.out.settings.clock) // DAY if on is None else on)
    members = [row["party_id"] for row in session.gateway.rows("parties", {"group_id": group_})]
    found: dict[str, dict[str, Any]] = {}
    for where in ({"subject": group_}, *({"party_id": each} for each in members)):
        for row in session.gateway.rows("aid", {"regime": regime, **where}):
            found[row["grant_id"]] = row
    laws = [row for row in session.gateway.rows("regimes", {"regime": regime}) if row["in_force_on"] <= day]
    law = max(laws, key=lambda row: str(row["in_force_on"]), default=None)
    of_groups = _is_for_groups(session.gateway, regime, found.values()) if law is None else law["unit"] == "GROUP"
    if not of_groups:  # of a party all that is its own
        found = {name: row for name, row in found.items() if row["party_id"] == group_}
    if not found:
        raise Invalid(f"nothing that you may read counts towards {regime} for {group_}")
    counts = [row for row in found.values() if counts_on(row, day)]
    counted = sum(map(counted_of, counts))
    known = [row for row in found.values() if row["ceiling"] is not None]
    newest = max(known, key=lambda row: str(row["recorded_at"]), default=None)
    newest = law or newest
    ceiling = None if newest is None else int(newest["ceiling"])
    left = None if ceiling is None else max(ceiling - counted, 0)
    said: dict[str, Any] = {"regime": regime, "subject": group_, "day": day}
    amounts = {"ceiling": ceiling, "counted": counted, "left": left}
    currency = next(iter(found.values()))["currency"]
    shown = {name: "not known" if each is None else show_amount(each, currency) for name, each in amounts.items()}
    rows = [
        {**row, "amount": show_amount(counted_of(row), currency)}
        for row in sorted(counts, key=lambda row: (row["granted_on"], row["grant_id"]))
    ]
    columns = ("grant_id", "programme_id", "party_id", "grantor", "granted_on", "amount", "counts_until")
    exact = {name: None if each is None else str(each) for name, each in amounts.items()}
    whole = {**said, **exact, "currency": currency, "grants": counts}
    session.out.show(whole, Record({**said, **shown}), Rows("grants that count", rows, columns, ("amount",)))


def _is_for_groups(gateway: Gateway, regime: str, rows: Iterable[dict[str, Any]]) -> bool:
    """Whether a ceiling counts what members of a group bring, by the documents of the programmes that counted it."""
    from counterfoil.cli.published_rules import rules_in

    for programme in sorted({row["programme_id"] for row in rows} - {None}):
        for document in gateway.rows("programme_documents", {"programme_id": programme}):
            for each in rules_in(gateway, document).regimes:
                if each.regime.regime == regime:
                    return each.regime.unit == "GROUP"
    return True


def counted_of(row: dict[str, Any]) -> int:
    """What a row of the view counts while it does, in micro-units."""
    return int(row["amount"]) - int(row["freed"]) - int(row["covered"])


def counts_on(row: dict[str, Any], day: str) -> bool:
    """Whether a row of the view counts on a day (ISO 8601)."""
    known = min(row["granted_on"], row["recorded_at"][:10])  # what is dated later counts once it is recorded
    return row["withdrawn_at"] is None and known <= day < row["counts_until"]
