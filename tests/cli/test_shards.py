"""Shards on the command line: made with the instance, named as SERVICE/SHARD, served all or one."""

from __future__ import annotations

from pathlib import Path

import pytest

from counterfoil.cli.command import Invalid
from counterfoil.cli.gateway_session import named_log
from counterfoil.cli.serve import served
from counterfoil.contract.log_id import LogId
from counterfoil.instance import Instance
from tests.cli.command_line import invoke

ALL = ("issuance", "ledger", "matching", "matching/cn.sh", "redemption", "views", "gateway")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """An instance with a second shard of matching."""
    shards = ("--shard", "matching/cn.sh", "--shard", "matching/main")
    code, _, error = invoke("init", "--home", str(tmp_path / "home"), *shards)
    assert code == 0, error
    return tmp_path / "home"


def test_an_instance_is_made_with_its_shards(home: Path) -> None:
    assert [log.name for log in Instance(home).logs()] == list(ALL[:5])
    assert len((home / "vkeys").read_text().splitlines()) == 5


@pytest.mark.parametrize(
    ("shard", "words"),
    [
        ("ledger/cn.sh", "only matching can have several shards"),
        ("nowhere/cn.sh", "the services are"),
        ("matching/..", "not the name of a log"),
        ("matching/CN", "not the name of a log"),
    ],
)
def test_a_shard_that_cannot_be_is_refused(tmp_path: Path, shard: str, words: str) -> None:
    code, _, error = invoke("init", "--home", str(tmp_path / "home"), "--shard", shard, "--json")
    assert code == 2
    assert words in error
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize(
    ("asked", "parts"),
    [
        (["all"], ALL),
        (["matching"], ("matching", "matching/cn.sh")),
        (["matching/cn.sh"], ("matching/cn.sh",)),
        (["matching/main"], ("matching",)),
        (["matching/cn.sh", "matching", "ledger"], ("matching/cn.sh", "matching", "ledger")),
        (["views", "gateway"], ("views", "gateway")),
    ],
)
def test_a_service_is_all_its_shards(home: Path, asked: list[str], parts: tuple[str, ...]) -> None:
    assert served(Instance(home), asked) == parts


@pytest.mark.parametrize("name", ["matching/nowhere", "ledger/cn.sh", "views/main", "nowhere"])
def test_what_the_instance_does_not_have_cannot_be_served(home: Path, name: str) -> None:
    with pytest.raises(Invalid, match="cannot be served: choose from issuance"):
        served(Instance(home), [name])


def test_a_log_is_named_by_its_service_or_by_both() -> None:
    assert named_log("matching") == named_log("matching/main") == LogId("matching")
    assert named_log("matching/cn.sh") == LogId("matching", "cn.sh")
    for text in ("nowhere", "nowhere/main", "matching/", "matching/a_b"):
        with pytest.raises(Invalid):
            named_log(text)
