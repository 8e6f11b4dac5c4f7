"""What every service declares of its views fits together, and no two services call a view the same."""

from __future__ import annotations

import pytest

from counterfoil.catalogue import CATALOGUE, EVERY_LOG, VIEWS
from counterfoil.ports import View
from counterfoil.service import Service

KINDS = {"text", "int", "amount", "time", "hour", "bool", "json"}


def test_views_have_names_of_their_own() -> None:
    assert len({view.name for view in VIEWS}) == len(VIEWS)


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
def test_keys_and_filters_are_columns_and_keys_are_never_null(view: View) -> None:
    assert set(view.key) | set(view.filters) <= set(view.columns)
    assert not any(view.columns[name].endswith("?") for name in view.key)
    assert {kind.removesuffix("?") for kind in view.columns.values()} <= KINDS


@pytest.mark.parametrize("service", CATALOGUE.values(), ids=lambda service: service.name)
def test_views_are_made_from_events_that_the_log_of_the_service_has(service: Service) -> None:
    assert service.reducers.keys() <= {*service.decider.evolve, *EVERY_LOG}
