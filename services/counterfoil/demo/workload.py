"""The bidding of the story on the bundled sample, as a workload for benchmarks."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Final

from counterfoil.demo.bidding import bid
from counterfoil.demo.model import WEEKS
from counterfoil.demo.scenario import found, fund, offer
from counterfoil.demo.story_driver import StoryDriver
from counterfoil.demo.trace import load_nodes, load_tasks
from counterfoil.demo.world import World
from counterfoil.testbed.system import System

BIDDING: Final = "bids of the demo, paid by documents, through hold, match and contract"


def prepare_bidding(system: System, seed: int) -> Callable[[], int]:
    """Found the market and post its offers; returns a function that places all bids and returns how many."""
    driver = StoryDriver(system, seed)
    world = World(driver, load_nodes(None), load_tasks(None)[0], Random(seed), lambda *_: None)
    found(world)
    fund(world)
    offer(world)

    def place_all_bids() -> int:
        before = sum(driver.sent.values())
        for week in range(WEEKS):
            bid(world, week, patient=False)
        return sum(driver.sent.values()) - before

    return place_all_bids
