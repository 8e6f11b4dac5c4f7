"""What the routes of one application share, so that pages are answered by the same queries as the HTTP interface."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from fastapi import APIRouter

from counterfoil.gateway.backend import Backend
from counterfoil.gateway.depth import DepthBook
from counterfoil.gateway.pools import Pools
from counterfoil.gateway.readers import Readers
from counterfoil.gateway.view_positions import ViewPositions


@dataclass(frozen=True, slots=True)
class Context:
    """`views`: waits for their positions. `readers`: tells who asks. `depth`: the levels of all markets."""

    backend: Backend
    views: ViewPositions
    pools: Pools
    readers: Readers
    depth: DepthBook


Pages = Callable[[Context], Iterable[APIRouter]]
"""Makes routes besides those of the HTTP interface: the console's."""
