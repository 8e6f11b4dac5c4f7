"""What a programme's version pays of a purchase on the market: compute of a class in a region, for an amount.

Whether the buyer may hold vouchers was judged when they were issued; what is bought is judged here, as a metered line.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from counterfoil.contract.times import HOUR
from counterfoil.programme.benefit import evaluate
from counterfoil.programme.case import Case, ContractDates, Line
from counterfoil.programme.facts import Facts
from counterfoil.programme.lines import eligible
from counterfoil.programme.rules import Rules
from counterfoil.programme.steps import Step
from counterfoil.programme.terms import Terms, in_kind
from counterfoil.programme.values import floor_of

SKU: Final = "GPU_COMPUTE"
_MOST_STEPS: Final = 16


class Purchase(NamedTuple):
    """`amount` in micro-units for `gpu_hours` (millionths), in `hours` hours from `first_hour`; traded at a time."""

    traded_at: int
    class_id: str
    region: str
    provider_id: str
    first_hour: int
    hours: int
    gpu_hours: int
    amount: int

    def part(self, amount: int) -> Purchase:
        """The part of it that an amount pays for."""
        return self._replace(amount=amount, gpu_hours=self.gpu_hours * amount // self.amount)


class Paid(NamedTuple):
    """The programme's part of a purchase, and of a document's rules the last steps of the calculation."""

    subsidy: int
    steps: tuple[Step, ...] = ()

    @property
    def explanation(self) -> tuple[str, ...]:
        """The steps as sentences: made for those who record them, and not for every hold."""
        return tuple(each.sentence for each in self.steps)


def pays(terms: Terms, purchase: Purchase) -> Paid:
    """What vouchers of the version pay for a purchase; its buyer pays the rest."""
    if not isinstance(terms, Rules):
        return Paid(terms.subsidy(purchase.amount))
    if purchase.amount == 0:
        return Paid(0)
    if in_kind(terms):
        return _drawn(terms, purchase)
    judged = evaluate(terms, _case(terms, purchase))
    steps = [*(each for line in judged.lines for each in line.steps), *judged.steps]
    steps += [each.refusal for each in judged.lines if each.refusal is not None]
    steps += [] if judged.refusal is None else [judged.refusal]
    return Paid(judged.subsidy, tuple(steps[-_MOST_STEPS:]))


def _drawn(rules: Rules, purchase: Purchase) -> Paid:
    """What an allocation pays: every unit that is metered, exactly, or nothing.

    At which rate, and up to what, was decided when it was granted.
    """
    case = _case(rules, purchase)
    found = eligible(rules, case, case.lines[0])
    return Paid(floor_of(found.amount), found.steps if found.refusal is None else (found.refusal,))


def judged_days(rules: Rules, purchase: Purchase) -> tuple[int, int] | None:
    """What a document judges of the times of a delivery: its first and last day, if anything depends on them."""
    return _days(rules, purchase) if rules.judges_days else None


def _days(rules: Rules, purchase: Purchase) -> tuple[int, int]:
    starts, ends = purchase.first_hour * HOUR, (purchase.first_hour + purchase.hours) * HOUR - 1
    return rules.day(starts), rules.day(ends)


def _case(rules: Rules, purchase: Purchase) -> Case:
    day = rules.day(purchase.traded_at)
    starts, ends = _days(rules, purchase)
    line = Line(
        id="1", sku=SKU, amount=purchase.amount, quantity=purchase.gpu_hours, unit="GPU_HOUR",
        class_id=purchase.class_id, region=purchase.region, provider_id=purchase.provider_id, starts=starts, ends=ends,
    )  # fmt: skip
    return Case(
        day=day, events=("PAID",), subjects={}, facts=Facts(rules.facts, (), day), lines=(line,),
        contract=ContractDates(day, starts, ends), granted_before=True,
    )  # fmt: skip
