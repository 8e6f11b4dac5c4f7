"""A batch never makes an entry that the log cannot hold: what does not fit is refused, and what comes after may fit."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

import counterfoil
from counterfoil.contract import limits
from counterfoil.contract.canonical import Refused, canonical
from counterfoil.contract.codec import encode_entry
from counterfoil.contract.entry import CommandCause, Entry, Outcome
from counterfoil.contract.limits import ENTRY_FRAME_BYTES, MAX_COUNT, MAX_ENTRY_BYTES, OUTCOME_BYTES
from counterfoil.contract.record import Command as Body
from counterfoil.contract.refusals import Code, Refusal
from counterfoil.contract.services import SERVICES
from counterfoil.core.rules import LATEST, RULES
from counterfoil.issuance.commands import ListProvider
from counterfoil.matching.commands import AmendBid
from counterfoil.redemption.commands import CloseSettlement, SubmitClaim
from counterfoil.vocabulary import CODEC
from tests.core.largest import CITY, CLOUD, LAB, LAST_TIME, ORIGIN, PROGRAMME, Large, long_id, submission
from tests.core.test_entry_sizes import approved, bids_resting, delivery, earned, issuing, published_with
from tests.state_root import state_root

PRICE_TICK = RULES[LATEST].price_tick
MAX_CONTRACTS_PER_CLAIM = RULES[LATEST].max_contracts_per_claim
MAX_CLAIMS_PER_SETTLEMENT = RULES[LATEST].max_claims_per_settlement


def as_many_as_fit(actor: str, bodies: Iterator[Body]) -> list[Body]:
    """The first of these that go into one batch."""
    chosen: list[Body] = []
    for body in bodies:
        try:
            submission(actor, [*chosen, body], batch=True)
        except Refused:
            return chosen
        chosen.append(body)
    raise AssertionError("the batch is not full")


def claims() -> tuple[Large, str, list[Body]]:
    """Claims of 48 contracts each: a few bytes ask for a line each."""
    ids = [f"trd-{entry}-0-{nth}" for entry in range(1, 100) for nth in range(24)]
    size = MAX_CONTRACTS_PER_CLAIM
    bodies: Iterator[Body] = (
        SubmitClaim(programme_id=PROGRAMME, invoice_number=str(n), contract_ids=tuple(ids[n * size : (n + 1) * size]))
        for n in range(len(ids) // size)
    )
    return earned(ids), CLOUD, as_many_as_fit(CLOUD, bodies)


def settlements() -> tuple[Large, str, list[Body]]:
    """Settlements of 48 claims of as many providers."""
    large, size = delivery(0), MAX_CLAIMS_PER_SETTLEMENT
    ids = [f"clm-{n}-0" for n in range(1, 48 * 48 + 1)]
    for start in range(0, len(ids), size):
        approved(large, ids[start : start + size])
    bodies: Iterator[Body] = (
        CloseSettlement(programme_id=PROGRAMME, claim_ids=tuple(ids[start : start + size]), payee_ids=())
        for start in range(0, len(ids), size)
    )
    return large, CITY, as_many_as_fit(CITY, bodies)


def prices() -> tuple[Large, str, list[Body]]:
    """New prices for bids: a line asks for a whole bid with all it names."""
    large = bids_resting(limits.MAX_BATCH_COMMANDS + 1)
    bodies: Iterator[Body] = (
        AmendBid(bid_id=bid_id, reduce_nodes_by=None, limit_price=PRICE_TICK) for bid_id in large.state.bids
    )
    return large, LAB, as_many_as_fit(LAB, bodies)


def programmes() -> tuple[Large, str, list[Body]]:
    """Programmes with long texts among listings, which are short, refused or not."""
    large = issuing()

    def bodies() -> Iterator[Body]:
        for number in range(48):
            yield published_with(f"new-{number}", 60)
            yield ListProvider(programme_id=f"new-{number}", provider_id=long_id("nobody"))

    return large, CITY, as_many_as_fit(CITY, bodies())


BATCHES: list[tuple[Callable[[], tuple[Large, str, list[Body]]], int, bool]] = [
    (claims, 17, True),
    (settlements, 17, True),
    (prices, 48, True),
    (programmes, 5, False),
]


@pytest.mark.parametrize(("made", "least", "overflows"), BATCHES, ids=lambda value: getattr(value, "__name__", None))
def test_a_full_batch_fits_its_entry(
    made: Callable[[], tuple[Large, str, list[Body]]], least: int, overflows: bool
) -> None:
    large, actor, bodies = made()
    assert len(bodies) >= least
    entry = large.decides(actor, *bodies, batch=True)
    data = large.entries[-1][1]
    assert len(data) <= MAX_ENTRY_BYTES
    assert len(entry.outcomes) == len(bodies)
    refusals = [outcome.refusal.code for outcome in entry.outcomes if outcome.refusal is not None]
    assert (Code.OVER_LIMIT in refusals) == overflows
    assert any(outcome.events for outcome in entry.outcomes)
    if overflows:  # the room is used: the smallest refused command would not have fitted
        assert len(data) > MAX_ENTRY_BYTES // 2
    again = CODEC.decode_entry(data)
    assert again == entry
    assert encode_entry(again) == data


def test_smaller_commands_after_one_that_did_not_fit() -> None:
    large, actor, bodies = claims()
    one_each = [
        SubmitClaim(programme_id=PROGRAMME, invoice_number=f"small-{nth}", contract_ids=(contract_id,))
        for nth, contract_id in enumerate(list(large.state.claimable)[-10:])
    ]
    entry = large.decides(actor, *bodies[:-3], *one_each, batch=True)
    codes = [None if each.refusal is None else each.refusal.code for each in entry.outcomes]
    first, after = codes.index(Code.OVER_LIMIT), codes.index(None, codes.index(Code.OVER_LIMIT))
    assert after == len(bodies) - 3
    assert set(codes[:first]) == {None}
    assert set(codes[first:after]) == {Code.OVER_LIMIT}
    refused = entry.outcomes[first].refusal
    assert refused == Refusal(Code.OVER_LIMIT, (("entry_bytes", str(MAX_ENTRY_BYTES)),))


def test_what_did_not_fit_is_as_if_never_asked_for() -> None:
    large, actor, bodies = claims()
    entry = large.decides(actor, *bodies, batch=True)
    fitted = [body for body, each in zip(bodies, entry.outcomes, strict=True) if each.refusal is None]
    other, _, _ = claims()
    other.engine.replay(entry)
    without, _, _ = claims()
    without.decides(actor, *fitted, batch=True)
    roots = {state_root(each.engine.decider.records(each.state)) for each in (large, other, without)}
    assert len(roots) == 1


def test_the_frame_is_an_upper_bound() -> None:
    cause = CommandCause(b"", bytes(64), "f" * 16)
    id_ = f"{long_id('actor')}/ffffffff-ffff-7fff-bfff-ffffffffffff"
    entry = Entry(ORIGIN, MAX_COUNT, id_, LAST_TIME, "batch", cause, True, (), ())
    assert ENTRY_FRAME_BYTES // 2 < len(encode_entry(entry)) <= ENTRY_FRAME_BYTES


@pytest.mark.parametrize("size", range(7))
def test_what_is_left_for_events_is_exact_but_for_the_frame(size: int) -> None:
    payload, outcomes = b"x" * size, (Outcome(MAX_COUNT, None),) * 48
    cause = CommandCause(payload, bytes(64), "f" * 16)
    empty = Entry(ORIGIN, MAX_COUNT, "id", LAST_TIME, "batch", CommandCause(b"", bytes(64), "f" * 16), True, (), ())
    entry = Entry(ORIGIN, MAX_COUNT, "id", LAST_TIME, "batch", cause, True, outcomes, ())
    more = len(encode_entry(entry)) - len(encode_entry(empty))
    assert more <= -(-size * 4 // 3) + 4 + 48 * OUTCOME_BYTES


def refusals() -> Iterator[tuple[str, Code, Sequence[str]]]:
    """Every refusal that a decider can give: where, its code and the names of its details."""
    package = Path(counterfoil.__file__).parent
    for path in sorted(path for room in ("core", *SERVICES) for path in (package / room).glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "refuse":
                code = node.args[0]
                if isinstance(code, ast.Attribute):
                    names = [keyword.arg for keyword in node.keywords if keyword.arg is not None]
                    yield f"{path.name}:{node.lineno}", Code[code.attr], names


SHORT = {"field": 24, "named": 20, "other": 20}
"""Details that are members' names, or numbers and words of a closed list."""


def test_the_outcome_is_an_upper_bound() -> None:
    """Details are ids (63 characters at most) and numbers; nothing longer is quoted."""
    found = list(refusals())
    assert len(found) > 90
    for where, code, names in found:
        refused = {"refused": code.value, "detail": {name: "x" * SHORT.get(name, 63) for name in names}}
        assert len(canonical(refused)) < OUTCOME_BYTES, where  # and a comma
