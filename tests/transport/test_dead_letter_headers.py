"""A dead letter says where it lay and keeps its own headers; read back, it is what was set aside."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterfoil.contract import topics
from counterfoil.contract.ensure import InvariantViolation
from counterfoil.contract.times import SECOND, format_time
from counterfoil.transport.dead_letter_headers import Death, Header, dead_letter, read_dead_letter

NAMES = [topics.DEAD_TOPIC, topics.DEAD_PARTITION, topics.DEAD_OFFSET, topics.DEAD_REASON, topics.DEAD_TIME]
TIME = "2026-11-22T18:00:00.000000Z"

deaths = st.builds(
    Death,
    st.from_regex(r"[A-Za-z0-9._-]{1,249}", fullmatch=True),
    st.integers(0, 2**31 - 1),
    st.integers(0, 2**63 - 1),
    st.from_regex(r"[a-z0-9][a-z0-9_.-]{0,63}", fullmatch=True),
    st.integers(0, 4_000_000_000).map(lambda seconds: format_time(seconds * SECOND)),
)
own_headers = st.lists(
    st.tuples(st.text().filter(lambda name: name not in NAMES), st.none() | st.binary(max_size=40)), max_size=8
)
feigned = st.lists(st.tuples(st.sampled_from(NAMES), st.none() | st.binary(max_size=40)), max_size=8)


def buried(death: Death, headers: list[Header]) -> list[Header]:
    return dead_letter(death.topic, death.partition, death.offset, headers, death.reason, death.time)


@given(deaths, own_headers)
def test_it_is_read_as_it_was_written(death: Death, headers: list[Header]) -> None:
    assert read_dead_letter(buried(death, headers)) == (death, headers)


@given(deaths, deaths, own_headers, feigned)
def test_it_never_grows(first: Death, second: Death, headers: list[Header], lies: list[Header]) -> None:
    """Neither what a writer pretends nor an earlier death stays, wherever it stands."""
    assert buried(second, [*lies, *buried(first, [*headers, *lies])]) == buried(second, headers)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", [None, b"", b"\x1b[2J", b"x" * 250, "\u0661".encode()])
def test_what_is_no_dead_letter(name: str, value: bytes | None) -> None:
    sound = buried(Death("counterfoil.ledger.commands", 0, 7, "no_envelope", TIME), [("index", b"7")])
    for headers in (
        [(each, text) for each, text in sound if each != name],
        [(each, value if each == name else text) for each, text in sound],
    ):
        with pytest.raises(ValueError, match=name):
            read_dead_letter(headers)


@pytest.mark.parametrize("time", ["2026-13-22T18:00:00.000000Z", "2026-11-22T18:00:00.000000+", "T" * 27])
def test_a_time_that_is_none(time: str) -> None:
    sound = buried(Death("counterfoil.ledger.commands", 0, 7, "no_envelope", TIME), [])
    with pytest.raises(ValueError):
        read_dead_letter([*sound[:-1], (topics.DEAD_TIME, time.encode())])


@pytest.mark.parametrize(
    ("topic", "offset", "reason"),
    [("t", 1, "r"), ("t" * 249, 2**63 - 1, "r" * 64), ("", 1, "r"), ("t" * 250, 1, "r"), ("t", -1, "r"),
     ("t", 1, ""), ("t", 1, "r" * 65), ("t", 1, "not a code")],
)  # fmt: skip
def test_forms_and_limits(topic: str, offset: int, reason: str) -> None:
    sound = 0 < len(topic) < 250 and offset >= 0 and 0 < len(reason) < 65 and " " not in reason
    death = Death(topic, 0, offset, reason, TIME)
    if sound:
        assert read_dead_letter(buried(death, [])) == (death, [])
    else:
        with pytest.raises(InvariantViolation):
            buried(death, [])
