"""Bids by performance: which classes one admits, and what its limit per PFLOP-hour is per GPU-hour of each.

A class counts with its measured throughput; where nobody measured it, with seven tenths of what its maker says, and not
at all where the measurement is withheld. All of it is settled when the bid is received, by the versions of the classes
in force then: a later version changes nothing for a bid that rests, which meets only offers of the versions it names.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from counterfoil.contract.accelerators import ClassLimit, Requirement
from counterfoil.issuance.class_events import ClassRegistered

PFLOP: Final = 1_000_000
"""Milli-TFLOPS."""
NOMINAL_COUNTS: Final = (7, 10)
"""What of a nominal throughput counts where none was measured: measured ones are 51 to 87 % of it."""


class Wanted(NamedTuple):
    """How much of one class gives a performance: GPUs, and the whole nodes that they come in."""

    limit: ClassLimit
    gpus: int
    nodes: int


def throughput(known: ClassRegistered, *, attested_only: bool) -> int | None:
    """Milli-TFLOPS of one GPU, as a bid may count on them; None if nobody says how many."""
    if known.bf16_mtflops_attested is not None:
        return known.bf16_mtflops_attested or None
    if attested_only or known.figures_withheld or known.bf16_mtflops_nominal is None:
        return None
    num, den = NOMINAL_COUNTS
    return known.bf16_mtflops_nominal * num // den or None


def admits(require: Requirement, known: ClassRegistered) -> bool:
    """Whether a class meets a requirement. What is not known of it meets none."""
    mtflops = throughput(known, attested_only=require.attested_only)
    measured = {each.cards: each.mbps for each in known.allreduce}
    return (
        known.gpus_per_node == require.gpus_per_node
        and (not require.classes or known.class_id in require.classes)
        and mtflops is not None
        and mtflops >= require.min_mtflops
        and (not require.min_mem_mb or (known.mem_mb or 0) >= require.min_mem_mb)
        and all(measured.get(each.cards, -1) >= each.mbps for each in require.min_allreduce)
        and (not require.interconnects or known.interconnect in require.interconnects)
        and (not require.origins or known.origin in require.origins)
    )


def limits_of(
    require: Requirement, limit_price: int, tick: int, described: Mapping[str, ClassRegistered], allowed: Iterable[str]
) -> tuple[ClassLimit, ...]:
    """The admitted ones of the allowed classes in the order of their ids, each with its limit per GPU-hour.

    `limit_price`: micro-units per PFLOP-hour. A limit is rounded down to the tick, and a class left out where it is
    less than one.
    """
    found = []
    for class_id in sorted(allowed):
        known = described.get(class_id)
        if known is None or not admits(require, known):
            continue
        mtflops = throughput(known, attested_only=require.attested_only) or 0
        limit = limit_price * mtflops // PFLOP // tick * tick
        if limit:
            found.append(ClassLimit(class_id=class_id, version=known.version, mtflops=mtflops, limit_price=limit))
    return tuple(found)


def wanted(mtflops: int, limits: Iterable[ClassLimit], gpus_per_node: int) -> list[Wanted]:
    """How many GPUs, and nodes of them, of each class make up so many milli-TFLOPS."""
    found = []
    for each in limits:
        gpus = -(-mtflops // each.mtflops)
        found.append(Wanted(each, gpus, -(-gpus // gpus_per_node)))
    return found
