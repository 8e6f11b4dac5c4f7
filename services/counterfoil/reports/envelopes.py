"""What vouchers were granted from: the envelopes of a document, and what was counted back to them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any, NamedTuple

from counterfoil.contract.applications import CounterMoved
from counterfoil.issuance.events import ApplicationDecided, IssueReversed, VoucherGranted
from counterfoil.programme.bounds import ENVELOPE


class Granted(NamedTuple):
    """What of a voucher each envelope paid, micro-units, and on which local day; None: that of its issue."""

    day: int | None
    parts: tuple[tuple[str, int], ...]

    def divided(self, amount: int) -> dict[str, int]:
        """An amount of the voucher by envelope, in proportion, rounded down; the last one has the rest."""
        whole, left, found = sum(part for _, part in self.parts), amount, {}
        for name, part in self.parts[:-1]:
            found[name] = amount * part // whole
            left -= found[name]
        return found | {name: left for name, _ in self.parts[-1:]}


class Envelopes:
    """What was granted by documents, by voucher."""

    def __init__(self) -> None:
        self.granted: dict[str, Granted] = {}
        self.reversed: Counter[str] = Counter()
        """What was cancelled unspent of a voucher."""

    def fold(self, event: Any) -> None:
        """Take in an event of issuance."""
        if isinstance(event, VoucherGranted):
            self.granted[event.voucher_id] = Granted(None, _parts(event.counted))
        elif isinstance(event, ApplicationDecided) and event.voucher_id is not None:
            self.granted[event.voucher_id] = Granted(event.day, _parts(event.counters))
        elif isinstance(event, IssueReversed):
            self.reversed[event.voucher_id] += event.amount


def _parts(counters: Iterable[CounterMoved]) -> tuple[tuple[str, int], ...]:
    named = ((each.cap.removeprefix(ENVELOPE), each) for each in counters if each.cap.startswith(ENVELOPE))
    return tuple((name, each.after - each.before) for name, each in named)
