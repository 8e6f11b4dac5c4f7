"""DSSE pre-authentication encoding: the published example, and no two inputs with one encoding."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from counterfoil.contract.envelope import pae
from tests.log.helpers import vector


def test_the_published_example() -> None:
    published = vector("dsse-pae.json")
    assert pae(published["payloadType"].encode(), published["payload"].encode()) == published["pae"].encode()
    assert pae(b"", b"") == b"DSSEv1 0  0 "


@given(
    st.tuples(st.binary(max_size=12), st.binary(max_size=12)), st.tuples(st.binary(max_size=12), st.binary(max_size=12))
)
def test_different_inputs_have_different_encodings(one: tuple[bytes, bytes], other: tuple[bytes, bytes]) -> None:
    assert (pae(*one) == pae(*other)) == (one == other)


@given(st.binary(max_size=40))
def test_moving_a_byte_between_type_and_payload_shows(both: bytes) -> None:
    assert len({pae(both[:at], both[at:]) for at in range(len(both) + 1)}) == len(both) + 1
