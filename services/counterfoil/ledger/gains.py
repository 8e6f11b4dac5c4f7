"""What a party was issued or got from another holder, by day: what of it counts towards the caps of a programme.

Kept for programmes that hand on and have such caps. What a party hands on still counts for it: it has had the benefit.
"""

from __future__ import annotations

from collections.abc import Iterator

from counterfoil.ledger.open_vouchers import Voucher
from counterfoil.ledger.state import LedgerState
from counterfoil.programme.case import Case, Counted, History
from counterfoil.programme.facts import Facts
from counterfoil.programme.rules import CapRule, Rules


def count_gain(state: LedgerState, voucher: Voucher, party_id: str, amount: int, time: int) -> None:
    """Count what a party has got, if caps have a say in who gets more."""
    rules = state.rules_of(voucher)
    if rules is not None and rules.document.transfer.mode != "NONE" and any(_caps(rules)):
        key, day = (voucher.programme_id, party_id), str(rules.day(time))
        before = state.gains.get(key, {})
        state.gains[key] = {**before, day: before.get(day, 0) + amount}


def counted(state: LedgerState, rules: Rules, programme_id: str, party_id: str, facts: Facts, day: int) -> Case | None:
    """What counts towards the caps of a party and its group on a day; None if the programme has no such caps."""
    if not any(_caps(rules)):
        return None
    group_id = state.directory.group_now(party_id)
    members = {"BENEFICIARY": (party_id,), "GROUP": tuple(state.directory.related_to(party_id))}
    subjects = {"BENEFICIARY": party_id, "GROUP": group_id}
    entries = [
        Counted(rule.cap.id, subjects[rule.cap.scope], "GRANTED", int(on), amount)
        for rule in _caps(rules)
        for member in members[rule.cap.scope]
        for on, amount in state.gains.get((programme_id, member), {}).items()
    ]
    return Case(
        day=day, events=("GRANTED",), subjects={"BENEFICIARY": party_id, "GROUP": group_id}, facts=facts, lines=(),
        history=History(entries),
    )  # fmt: skip


def _caps(rules: Rules) -> Iterator[CapRule]:
    return (each for each in rules.caps if each.cap.of == "SUBSIDY" and each.cap.scope in ("BENEFICIARY", "GROUP"))
