"""Pauses grow from the first to the longest, stay there, and start over with a new iteration."""

from __future__ import annotations

from itertools import islice

import pytest

from counterfoil.contract.ensure import InvariantViolation
from counterfoil.runtime.backoff import Backoff


@pytest.mark.parametrize(
    ("backoff", "pauses"),
    [
        (Backoff(1.0, 5.0), [1.0, 2.0, 4.0, 5.0, 5.0]),
        (Backoff(0.25, 4.0, growth=4.0), [0.25, 1.0, 4.0, 4.0]),
        (Backoff(3.0, 3.0), [3.0, 3.0]),
    ],
)
def test_pauses_grow_to_the_longest(backoff: Backoff, pauses: list[float]) -> None:
    assert list(islice(backoff, len(pauses))) == pauses
    assert next(iter(backoff)) == pauses[0]
    assert next(islice(backoff, 5_000, None)) == pauses[-1]  # a service may fail for weeks


@pytest.mark.parametrize("numbers", [(0.0, 1.0, 2.0), (2.0, 1.0, 2.0), (1.0, 2.0, 1.0)])
def test_pauses_that_do_not_grow_are_a_bug(numbers: tuple[float, float, float]) -> None:
    with pytest.raises(InvariantViolation):
        Backoff(*numbers)
