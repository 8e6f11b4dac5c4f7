"""How `make test` divides the tests among its processes.

Tests on servers of their own wait most of the time. They are two groups (`xdist_group`), `faults` and `servers`, each
on one process from the beginning of the run; meanwhile a third process computes. It begins with the group `browser`,
whose tests share one browser and one market. The other tests are divided by file,
so that what the tests of a file share is made once.
"""

from __future__ import annotations

import pytest
from xdist.remote import Producer  # type: ignore[import-untyped]
from xdist.scheduler.loadgroup import LoadGroupScheduling  # type: ignore[import-untyped]

GROUPS = ("faults", "servers", "browser")
"""The longest first."""


class ByFile(LoadGroupScheduling):  # type: ignore[misc]
    """Keeps a group together, as `--dist loadgroup` does, and besides the tests of a file that are in no group."""

    def _split_scope(self, nodeid: str) -> str:
        return str(super()._split_scope(nodeid)).partition("::")[0]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByFile | None:
    """For `--dist loadgroup`."""
    return ByFile(config, log) if config.option.dist == "loadgroup" else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Begin with the groups, then with the files that compute longest."""
    if hasattr(config, "workerinput"):
        items.sort(key=_rank)


def _rank(item: pytest.Item) -> int:
    mark = item.get_closest_marker("xdist_group")
    if mark is not None:
        return GROUPS.index(mark.args[0])
    return len(GROUPS) + (item.path.parent.name != "properties")
