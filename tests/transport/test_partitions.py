"""Each log has one partition of its service's topics, and keeps it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterfoil.contract.log_id import MAIN, LogId
from counterfoil.contract.services import MAIN_LOGS, SERVICES
from counterfoil.transport.client import name_of, partition
from counterfoil.transport.partitions import Partitions
from counterfoil.transport.routes import group_of

SHARDS = st.lists(st.sampled_from(("a", "b.c", "d-e", "f1")), unique=True)


@given(SHARDS, SHARDS)
def test_partitions_are_dense_and_stay_when_shards_are_added(first: list[str], more: list[str]) -> None:
    added = [*first, *(shard for shard in more if shard not in first)]
    before, after = (
        Partitions([*MAIN_LOGS, *(LogId("matching", shard) for shard in shards)]) for shards in (first, added)
    )
    logs = [LogId("matching", shard) for shard in (MAIN, *first)]
    assert [before.of(log) for log in logs] == [after.of(log) for log in logs] == list(range(len(logs)))
    assert after.count("matching") == 1 + len(added)
    assert {after.count(service) for service in SERVICES if service != "matching"} == {1}


def test_a_shard_that_is_not_there_has_no_partition() -> None:
    with pytest.raises(ValueError, match="no such shard"):
        Partitions().of(LogId("matching", "cn.sh"))
    assert Partitions().of(LogId("of", "main")) == 0


def test_names_of_the_first_partition_are_those_of_the_topic() -> None:
    assert [name_of(partition("t", number)) for number in (0, 1)] == ["t", "t/1"]
    assert (group_of("matching"), group_of("matching", "cn.sh")) == (
        "counterfoil.matching",
        "counterfoil.matching.cn.sh",
    )
