"""Figures of an accelerator class that commands and events have in common."""

from __future__ import annotations

from typing import Literal

from counterfoil.contract.record import record
from counterfoil.contract.scalars import Count, Currency, Figure, Flag, GpusPerNode, Id, Price, Version

Cards = Literal[2, 4, 8]
Confidence = Literal["high", "medium", "low", "unknown"]
"""How sure the figures of a class are: `unknown` where no source has any."""


@record
class Collective:
    """All-reduce bandwidth over so many cards of one node, as measured, in megabytes per second."""

    cards: Cards
    mbps: Figure


@record
class FloorPrice:
    """The least that a GPU-hour of a class counts for in a currency, whatever it is offered at."""

    currency: Currency
    price: Price


@record
class Requirement:
    """What a bid by performance asks of a class; an empty list asks nothing. What is unknown of a class meets nothing.

    `min_mtflops`: milli-TFLOPS of one GPU. `attested_only`: only measured throughput counts; else, where nobody
    measured it, seven tenths of the nominal one. `min_allreduce`: for each number of cards at least so much.
    """

    gpus_per_node: GpusPerNode
    classes: tuple[Id, ...]
    min_mtflops: Count
    min_mem_mb: Count
    min_allreduce: tuple[Collective, ...]
    interconnects: tuple[Id, ...]
    origins: tuple[Id, ...]
    attested_only: Flag


@record
class ClassLimit:
    """A class that a bid by performance admits: in this version, counted as so many milli-TFLOPS of one GPU.

    `limit_price`: the most that the bid pays for a GPU-hour of it.
    """

    class_id: Id
    version: Version
    mtflops: Count
    limit_price: Price
