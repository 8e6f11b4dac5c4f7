"""The views by name, as `views.json` describes them: a command reads them without the services that fill them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Final, NamedTuple

FILE: Final = Path(__file__).with_name("views.json")
"""Written by ``make schemas`` from the catalogue."""


class View(NamedTuple):
    """A view as its readers see it; the members are those of `counterfoil.ports.View`.

    `order`: the columns that pages are ordered by. `public`: whether anybody reads every row.
    """

    name: str
    key: tuple[str, ...]
    columns: Mapping[str, str]
    filters: tuple[str, ...]
    time: str | None
    values: Mapping[str, tuple[str, ...]]
    order: tuple[str, ...]
    public: bool


class LateViews(Mapping[str, View]):
    """All views by name, in the order of the catalogue."""

    def __getitem__(self, name: str) -> View:
        facts = self._facts[name]
        tuples = {each: tuple(facts[each]) for each in ("key", "filters", "order")}
        values = {column: tuple(known) for column, known in facts["values"].items()}
        return View(name, columns=facts["columns"], time=facts["time"], values=values, public=facts["public"], **tuples)

    def __iter__(self) -> Iterator[str]:
        return iter(self._facts)

    def __len__(self) -> int:
        return len(self._facts)

    @cached_property
    def _facts(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(FILE.read_bytes())
        return found


VIEWS: Final = LateViews()
