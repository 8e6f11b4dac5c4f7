"""The root of a dump is that of a tree over the canonical bytes of each record, and no two states share one."""

from __future__ import annotations

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from counterfoil.contract.ensure import InvariantViolation
from tests.core.test_state_tree import by_definition
from tests.state_root import state_root

Value = st.recursive(
    st.none() | st.booleans() | st.integers(0, 2**53 - 1) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=6,
)
RECORDS = st.dictionaries(st.text(alphabet="abc/-0é\U0001f5c3", max_size=6), Value, max_size=40)


@given(RECORDS, st.randoms(use_true_random=False))
def test_it_is_the_tree_over_the_canonical_bytes(records: dict[str, object], chance: object) -> None:
    items = list(records.items())
    chance.shuffle(items)  # type: ignore[attr-defined]
    values = {key: rfc8785.dumps(value) for key, value in records.items()}  # type: ignore[arg-type]
    assert state_root(iter(items)) == (len(records), by_definition(values))


@given(RECORDS.filter(bool), st.data())
def test_every_record_counts(records: dict[str, object], data: st.DataObject) -> None:
    root = state_root(records.items())
    key = data.draw(st.sampled_from(sorted(records)))
    without = {name: value for name, value in records.items() if name != key}
    assert state_root(without.items())[1] != root[1]
    assert state_root({**records, key: [records[key]]}.items())[1] != root[1]
    assert state_root({**without, key + "x": records[key]}.items())[1] != root[1] or key + "x" in records


@pytest.mark.parametrize("values", [(1, 2), (1, 1)])
def test_two_records_of_one_key_are_a_bug(values: tuple[int, int]) -> None:
    records = [("b", 0), ("a", values[0]), ("c", 0), ("a", values[1])]
    with pytest.raises(InvariantViolation, match="the key a"):
        state_root(records)


def test_a_number_that_json_cannot_carry_is_a_bug() -> None:
    assert state_root([("a", 2**53 - 1)])[0] == 1
    with pytest.raises(TypeError):
        state_root([("a", 2**53)])
