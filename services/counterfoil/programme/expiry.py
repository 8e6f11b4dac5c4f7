"""When a voucher ends, and what happens around its end, as local days."""

from __future__ import annotations

from typing import NamedTuple

from counterfoil.contract.times import parse_date
from counterfoil.programme.form.life import (
    ClaimWindowExpiry,
    FixedExpiry,
    InactivityExpiry,
    PeriodEndExpiry,
    ProjectEndExpiry,
    RelativeExpiry,
)
from counterfoil.programme.periods import span
from counterfoil.programme.rules import Rules
from counterfoil.programme.values import add_months


class Life(NamedTuple):
    """What the end of a voucher depends on, local days: its issue, its activation, its last use, its project's end."""

    issued: int
    activated: int | None = None
    used: int | None = None
    project_ends: int | None = None


class End(NamedTuple):
    """The days of an end. `ends` is the first day on which the voucher can no longer pay for new orders; None: never.

    `notices` before it; `offline`, from when no order is taken; `captures_until`, the first day on which nothing held
    before can be captured; `restored_until` and `expunged` after it.
    """

    ends: int | None
    notices: tuple[int, ...] = ()
    offline: int | None = None
    captures_until: int | None = None
    restored_until: int | None = None
    expunged: int | None = None

    def pays_on(self, day: int) -> bool:
        """Whether the voucher pays for an order made on the day."""
        return (self.ends is None or day < self.ends) and (self.offline is None or day < self.offline)


def end_of(rules: Rules, life: Life) -> End:
    """The end of a voucher. Raises ValueError where the life lacks what its rule asks for."""
    ends = _ends(rules, life)
    expiry = rules.document.expiry
    if ends is None:
        return End(None)
    return End(
        ends,
        notices=tuple(sorted(ends - each for each in expiry.notices_days)),
        offline=None if expiry.offline_days is None else ends - expiry.offline_days,
        captures_until=ends + expiry.grace_days,
        restored_until=None if expiry.restore_within_days is None else ends + expiry.restore_within_days,
        expunged=None if expiry.expunge_days is None else ends + expiry.expunge_days,
    )


def _ends(rules: Rules, life: Life) -> int | None:
    rule = rules.document.expiry.rule
    match rule:
        case FixedExpiry():
            return parse_date(rule.on) + 1
        case RelativeExpiry():
            anchor = life.issued if rule.anchor == "ISSUED" else life.activated
            return None if anchor is None else anchor + rule.after_days
        case ClaimWindowExpiry():
            return parse_date(rule.closes) + 1
        case PeriodEndExpiry():
            return span(rule.period, life.issued, rules.valid).end
        case InactivityExpiry():
            return add_months(life.issued if life.used is None else life.used, rule.after_months)
        case ProjectEndExpiry():
            if life.project_ends is None:
                raise ValueError("the programme's vouchers end with their project, and its last day is not known")
            return life.project_ends + 1
        case _:
            return None


def extended(rules: Rules, end: End, days: int) -> End:
    """The end after the issuer extended the voucher by so many days. Raises ValueError beyond what the rule allows."""
    most = rules.document.expiry.extension_days
    if end.ends is None or most is None or not 0 < days <= most:
        raise ValueError(f"an extension is of 1 to {most or 0} days")
    moved = {
        name: None if value is None else value + days for name, value in end._asdict().items() if name != "notices"
    }
    return End(notices=tuple(each + days for each in end.notices), **moved)
