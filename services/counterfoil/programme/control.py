"""What a document says against misuse: on which grounds a voucher is stopped, and what was paid is taken back.

And how much of it, how long, and how that is contested.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from counterfoil.contract.times import DAY
from counterfoil.programme.form.life import Freeze
from counterfoil.programme.rules import Rules
from counterfoil.programme.values import add_months, floor_of, parse_rate, share_of

Bar = Literal["no_clawback", "ground_not_named", "too_late"]
"""Why nothing may be taken back."""


class Contest(NamedTuple):
    """How an order to give back is contested: until when (microseconds), and whether it waits for that."""

    until: int
    stays: bool


def freezing(rules: Rules, ground: str) -> Freeze | None:
    """How a voucher may be stopped for a time on a ground; None if it may not."""
    freeze = rules.document.control.freeze
    return freeze if freeze is not None and ground in freeze.grounds else None


def may_revoke(rules: Rules, ground: str) -> bool:
    """Whether a voucher may be ended on a ground."""
    return ground in rules.document.control.revoke_grounds


def not_taken_back(rules: Rules, ground: str, paid_at: int, time: int) -> Bar | None:
    """Why a payment of one time may not be taken back at another on a ground; None if it may."""
    clawback = rules.document.control.clawback
    if clawback is None:
        return "no_clawback"
    if ground not in clawback.grounds:
        return "ground_not_named"
    last = add_months(rules.day(paid_at), clawback.lookback_months)
    return "too_late" if rules.day(time) > last else None


def most_taken_back(rules: Rules, paid: int) -> int:
    """How much of a payment may be taken back in all, in micro-units; nothing without a rule that says so."""
    clawback = rules.document.control.clawback
    return 0 if clawback is None else floor_of(share_of(paid, parse_rate(clawback.share)))


def contest(rules: Rules, ordered_at: int) -> Contest | None:
    """How an order may be contested; None if the document has no appeal."""
    appeal = rules.document.control.appeal
    return None if appeal is None else Contest(ordered_at + appeal.within_days * DAY, appeal.stays)


def decided_by(rules: Rules, appealed_at: int) -> int | None:
    """By when an appeal is to be decided; None if the document does not say."""
    appeal = rules.document.control.appeal
    days = None if appeal is None else appeal.decided_within_days
    return None if days is None else appealed_at + days * DAY


def sets_off(rules: Rules) -> bool:
    """Whether what is owed may be set off against later claims."""
    clawback = rules.document.control.clawback
    return clawback is None or clawback.offset_allowed
