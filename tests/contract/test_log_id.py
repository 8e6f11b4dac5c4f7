"""A log's identity: its text, its origin, the names of its files and schema, and the ids that it makes."""

from __future__ import annotations

import re
import string
from pathlib import PurePosixPath

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from counterfoil.contract.limits import MAX_BATCH_COMMANDS, MAX_COUNT
from counterfoil.contract.log_id import MAIN, SHARD_MAX, SHARD_PATTERN, LogId, host_of, log_of, parse_log
from counterfoil.contract.scalars import Id, Origin
from counterfoil.contract.services import SERVICES
from counterfoil.core.at import At
from counterfoil.core.rules import RULES
from counterfoil.settings import VIEWS
from counterfoil.storage.schemas import schema_of

HOSTS = st.sampled_from(("localhost", "counterfoil.example", "a" + "b" * 62 + ":65535"))
SHARDS = st.from_regex(re.compile(SHARD_PATTERN, re.ASCII), fullmatch=True).filter(lambda name: len(name) <= SHARD_MAX)
LOGS = st.builds(LogId, st.sampled_from(SERVICES), st.just(MAIN) | SHARDS)
AT = st.builds(At, st.just(0), st.integers(0, 99), st.integers(0, 47), SHARDS | st.just(MAIN))
IDS = st.tuples(AT, st.sampled_from(("bid", "off", "trd")), st.none() | st.integers(0, 23))


@given(LOGS, HOSTS)
def test_a_log_is_found_again_in_its_text_its_name_and_its_origin(log: LogId, host: str) -> None:
    origin = TypeAdapter(Origin).validate_python(log.origin(host))
    assert parse_log(str(log)) == parse_log(log.name) == log_of(origin) == log
    assert host_of(origin) == host
    assert f"{log}" == f"{log.service}/{log.shard}" == origin.removeprefix(f"{host}/")


def test_the_main_shard_goes_without_saying() -> None:
    main, other = LogId("matching"), LogId("matching", "cn.sh")
    assert (str(main), main.name, main.stem) == ("matching/main", "matching", "matching")
    assert (str(other), other.name, other.stem) == ("matching/cn.sh", "matching/cn.sh", "matching.cn.sh")


@pytest.mark.parametrize(
    "text",
    [
        "", "/", "matching/", "/main", "matching//main", "matching/main/", "matching/Main", "Matching/main",
        "matching/.", "matching/..", "matching/.a", "matching/a.", "matching/a..b", "matching/a.-b", "matching/-a",
        "matching/a-", "matching/a--b", "matching/a/b", "matching/a_b", "matching/1", "matching/a-1", "matching/a\n",
        "matching/\u00e4", "matching/" + "a" * (SHARD_MAX + 1), "s" * 33 + "/main",
    ],
)  # fmt: skip
def test_what_names_no_log(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not the name of a log.*begins with a letter"):
        parse_log(text)
    if text.rpartition("/")[2] not in ("main", "a" * (SHARD_MAX + 1)):
        with pytest.raises(ValidationError):
            TypeAdapter(Origin).validate_python(f"counterfoil.example/{text}")


def test_the_longest_names() -> None:
    log = parse_log("s" * 32 + "/" + "a" * SHARD_MAX)
    assert TypeAdapter(Origin).validate_python(log.origin("h" * 63 + ":65535"))


ENDS = (".sqlite", ".sqlite-wal", ".sqlite-shm", ".snapshot", ".snapshot-wal", ".snapshot-shm", "-signer")


@given(st.sets(LOGS, min_size=2))
@example({LogId("matching", "a.b"), LogId("matching", "a-b")})
@example({LogId("matching"), LogId("matching", "sqlite"), LogId("matching", "snapshot")})
def test_no_two_logs_share_a_file_or_a_schema(logs: set[LogId]) -> None:
    files = {f"{log.stem}{end}" for log in logs for end in ENDS}
    assert len(files) == len(ENDS) * len(logs)
    assert len({schema_of(log) for log in logs} - {VIEWS}) == len(logs)


@given(LOGS)
def test_its_names_are_safe_where_they_are_used(log: LogId) -> None:
    path = PurePosixPath(str(log))
    assert path.parts == (log.service, log.shard)
    assert not {".", ".."}.intersection(path.parts)
    schema = schema_of(log)
    assert set(schema) <= set(string.ascii_lowercase + string.digits + "_")
    assert len(schema) <= 63  # PostgreSQL cuts off what is longer


@given(IDS, IDS)
@example((At(0, 1, 2, "a"), "bid", 3), (At(0, 2, 3, "a1"), "bid", None))
@example((At(0, 5, 17), "trd", 0), (At(0, 17, 0, "a5"), "trd", None))
def test_the_ids_of_different_logs_and_places_differ(
    one: tuple[At, str, int | None], other: tuple[At, str, int | None]
) -> None:
    at, prefix, nth = one
    assert (at.new_id(prefix, nth) == other[0].new_id(*other[1:])) is (one == other)


def test_an_id_names_its_shard_unless_that_is_the_main_one() -> None:
    assert At(0, 17, 0).new_id("bid") == "bid-17-0"
    assert At(0, 17, 0, "cn.sh").new_id("bid") == "bid-cn.sh-17-0"
    assert At(0, 17, 3, "cn.sh").new_id("trd", 2) == "trd-cn.sh-17-3-2"


def test_the_longest_id_fits() -> None:
    at = At(0, MAX_COUNT, MAX_BATCH_COMMANDS - 1, "a" * SHARD_MAX)
    assert TypeAdapter(Id).validate_python(
        at.new_id("trd", max(rules.max_matches_per_entry for rules in RULES.values()) - 1)
    )
