"""The story ends the same at any pace of the services and with batches of any size."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from counterfoil.runtime import runner as module
from counterfoil.testbed.system import Answer, EmbeddedSystem
from tests.demo.story import play

SIZES = (1, 2, 5, 30, 512)


class Uneven(EmbeddedSystem):
    """Works in bursts of one service or another, favourites first, on batches of any size, while commands come in."""

    chance = Random()

    def submit(self, envelope: bytes) -> Callable[[], Answer]:
        """Send, and perhaps let a service work already."""
        answer = super().submit(envelope)
        if self.chance.random() < 0.3:
            self._burst()
        return answer

    def settle(self) -> None:
        """Let the services work in bursts, until a step of all of them finds nothing to do."""
        done = 1
        while done:
            self._burst()
            module.BATCH_CAUSES = SIZES[-1]  # type: ignore[misc]
            done = self.embedded.step()

    def _burst(self) -> None:
        steps: list[Callable[[], int]] = [runner.step for runner in self.embedded.runners.values()]
        steps += [self.embedded.receipts.step, self.embedded.projector.step]
        favour = [self.chance.random() ** 2 for _ in steps]
        for step in self.chance.choices(steps, favour, k=self.chance.randrange(20)):
            module.BATCH_CAUSES = self.chance.choice(SIZES)  # type: ignore[misc]
            step()


@pytest.fixture(scope="module")
def even(tmp_path_factory: pytest.TempPathFactory) -> Any:
    seed = 3
    return seed, *play(tmp_path_factory.mktemp("even") / "home", seed)


@pytest.mark.parametrize("pace", range(2))
def test_the_end_is_the_same_at_any_pace(even: Any, pace: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seed, report, roots = even
    monkeypatch.setattr(module, "BATCH_CAUSES", module.BATCH_CAUSES)
    monkeypatch.setattr(Uneven, "chance", Random(pace))
    other, other_roots = play(tmp_path / "home", seed, Uneven)
    assert other_roots != roots  # it did take another course
    assert other["balances"]["sha256"] == report["balances"]["sha256"]
    assert other == report
