"""The state root is RFC 6962's tree over the records, independent of their order, and no two states share one."""

from __future__ import annotations

from hashlib import sha256

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from counterfoil.contract.ensure import InvariantViolation
from counterfoil.core.digest import state_root

Value = st.recursive(
    st.none() | st.booleans() | st.integers(0, 2**53 - 1) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=6,
)
RECORDS = st.dictionaries(st.text(alphabet="abc/-0é\U0001f5c3", max_size=6), Value, max_size=40)


def mth(leaves: list[bytes]) -> bytes:
    """MTH(D[n]), word for word as in RFC 6962 section 2.1."""
    n = len(leaves)
    if n == 0:
        return sha256(b"").digest()
    if n == 1:
        return sha256(b"\x00" + leaves[0]).digest()
    k = 1
    while 2 * k < n:
        k *= 2
    return sha256(b"\x01" + mth(leaves[:k]) + mth(leaves[k:])).digest()


@given(RECORDS, st.randoms(use_true_random=False))
def test_it_is_the_tree_hash_of_the_sorted_records(records: dict[str, object], chance: object) -> None:
    items = list(records.items())
    chance.shuffle(items)  # type: ignore[attr-defined]
    leaves = [rfc8785.dumps([key, records[key]]) for key in sorted(records)]  # type: ignore[list-item]
    assert state_root(iter(items)) == (len(records), mth(leaves))


@pytest.mark.parametrize("size", [0, 1, 2, 3, 4, 5, 7, 8, 9, 255, 256, 257])
def test_it_is_the_tree_hash_at_every_shape_of_tree(size: int) -> None:
    records = [(f"k{n:03d}", n) for n in range(size)]
    leaves = [b'["k%03d",%d]' % (n, n) for n in range(size)]
    assert state_root(reversed(records)) == (size, mth(leaves))


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
