"""Every fault of the distributed form, end to end: nothing acknowledged is lost, nothing applied twice.

Kafka and PostgreSQL are real. Each drill runs under load; what the clients observed is checked against the logs,
and the logs are audited. The same drills and more, longer and one by one: ``python -m tests.faults --help``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults import drills
from tests.faults.crashing import STEPS
from tests.faults.drill_market import DrillMarket, drill_market
from tests.servers.fixture import NewCluster

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.xdist_group("faults"), pytest.mark.timeout(400)]


@pytest.fixture(scope="module")
def market(new_cluster: NewCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DrillMarket]:
    """One market for all drills on one broker: each begins with the state that the others left."""
    with new_cluster() as cluster, drill_market(cluster, tmp_path_factory.mktemp("market")) as made:
        yield made


@pytest.fixture
def whole(market: DrillMarket) -> Iterator[DrillMarket]:
    """The market with every component running; it is checked after the test."""
    market.restart()
    yield market
    assert market.verdict().receipts > 0


def test_services_killed_at_every_durable_step(whole: DrillMarket) -> None:
    # A tile must be full before its partials are deleted: `python -m tests.faults crashes` waits for that.
    drills.crashes(whole, 1.0, ("ledger",), tuple(step for step in STEPS if not step.endswith("partials")))


@pytest.mark.drill
def test_every_part_killed_in_turn(whole: DrillMarket) -> None:
    drills.killed(whole, 3.0)


@pytest.mark.drill
def test_a_zombie_wakes_after_another_took_over(whole: DrillMarket) -> None:
    drills.zombie(whole, 1.0)


@pytest.mark.drill
def test_a_writer_is_frozen_inside_publication_before_and_inside_a_commit(whole: DrillMarket) -> None:
    """`python -m tests.faults frozen` has more instructions."""
    drills.frozen(whole, 1.0, steps=("checkpoint-written", "lease-checked", "commit-sent"))


@pytest.mark.drill
def test_kafka_freezes(whole: DrillMarket) -> None:
    drills.frozen_kafka(whole, 12.0)


@pytest.mark.drill
def test_kafka_is_restarted(whole: DrillMarket) -> None:
    drills.restarted_kafka(whole, 2.0)


@pytest.mark.drill
def test_postgresql_is_restarted(whole: DrillMarket) -> None:
    drills.restarted_database(whole, 2.0)


def test_records_come_again_in_another_order_with_junk(whole: DrillMarket) -> None:
    drills.repeated_and_reordered(whole, 4.0)


@pytest.mark.drill
def test_leaders_are_lost_under_load(new_cluster: NewCluster, tmp_path: Path) -> None:
    with new_cluster(3) as cluster, drill_market(cluster, tmp_path) as made:
        drills.lost_leaders(made, 2.0)
        assert made.verdict().receipts > 0
