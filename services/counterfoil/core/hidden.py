"""What a refusal says of another's object that its owner alone may see."""

from __future__ import annotations

from counterfoil.contract.refusals import Code, Refusal
from counterfoil.core.decider import refuse
from counterfoil.core.rule_fields import Rules


def not_yours(rules: Rules, unknown: Code, **fields: str) -> Refusal:
    """Refused as `unknown`, like one that is not there, where the rules hide it, and as `NOT_YOURS` where they do not.

    Otherwise anybody could find out which orders, vouchers, contracts, reports and claims of others there are.
    """
    return refuse(unknown if rules.hides_others else Code.NOT_YOURS, **fields)
