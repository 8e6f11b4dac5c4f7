"""The parts of a voucher by its programme's document, each with its amount."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from counterfoil.programme.form.benefit import Tranche
from counterfoil.programme.rules import Rules
from counterfoil.programme.values import ceiling_of, floor_of, parse_rate, share_of

MAX_TRANCHES = 16
"""Of one voucher: all are in the entry that credits it."""


def parts_of(rules: Rules, face: int) -> Iterator[tuple[Tranche, int]]:
    """Each part with its amount, micro-units: all of them together are the face, each cut where the shares end."""
    share, before = Fraction(0), 0
    for part in rules.document.benefit.tranches:
        share += parse_rate(part.share)
        until = min(floor_of(share_of(face, share)), face)
        yield part, until - before
        before = until


def to_be_used(part: Tranche, former: int) -> int | None:
    """How much of the voucher has to be used before a part is released, of what the former parts are."""
    if part.release_on != "FORMER_USED":
        return None
    return ceiling_of(share_of(former, parse_rate(part.used_share or "100%")))
