"""When a voucher ends, and what happens around its end, as local days."""

from __future__ import annotations

from typing import Final, NamedTuple

from counterfoil.contract.times import DAY, parse_date, parse_derived_time
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

NEVER: Final = parse_derived_time("2209-12-31T23:59:59.999999Z")
"""When a voucher ends that has no end: the last time that can be written."""


class Step(NamedTuple):
    """What happens to a voucher before its value ends: a notice so many days before; None: it is taken offline."""

    at: int
    days: int | None


class Timetable(NamedTuple):
    """The end of a voucher by its programme's document, in microseconds.

    `steps` in order. From `offline_at` on it pays for no new orders; before `restorable_until` its holder may ask for
    it back (None: it may not); at `ends_at` what is left of it ends.
    """

    steps: tuple[Step, ...]
    offline_at: int
    restorable_until: int | None
    ends_at: int

    def missed(self, time: int) -> int:
        """How many notices were due before a voucher began at that time: its beginning says what they would have."""
        first = next((nth for nth, each in enumerate(self.steps) if each.days is None or each.at >= time), None)
        return len(self.steps) if first is None else first


def timetable(rules: Rules, expires_at: int, *, restored: bool) -> Timetable:
    """The steps to the end of a voucher that pays for new orders before `expires_at`.

    What was `restored` once pays until then, and is not taken offline again. What nobody asks for back ends when it is
    expunged; where the document does not say when, with the last day to ask.
    """
    expiry = rules.document.expiry
    if expires_at >= NEVER:
        return Timetable((), NEVER, None, NEVER)
    notices = {Step(expires_at - each * DAY, each) for each in expiry.notices_days}
    if restored:
        return Timetable(tuple(sorted(notices, key=_in_order)), expires_at, None, expires_at)
    asked, expunged, offline = expiry.restore_within_days, expiry.expunge_days, expiry.offline_days
    ends_at = min(expires_at + max(asked or 0, expunged or 0) * DAY, NEVER)
    offline_at = expires_at - (offline or 0) * DAY
    restorable_until = None if asked is None else min(expires_at + asked * DAY, ends_at)
    taken = {Step(offline_at, None)} if offline_at < ends_at else set[Step]()
    return Timetable(tuple(sorted(notices | taken, key=_in_order)), offline_at, restorable_until, ends_at)


def _in_order(step: Step) -> tuple[int, bool]:
    return (step.at, step.days is None)


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
