"""How nodes are shared where there are fewer than are asked for: integers that add up, whatever is rounded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Claim(NamedTuple):
    """`nodes` nodes that an order asks for, of a group of related parties; `seq` is unique."""

    order_id: str
    seq: int
    group: str
    nodes: int


def pro_rata(claims: Sequence[Claim], nodes: int) -> dict[str, int]:
    """In proportion, by the largest remainder, then `seq`; `nodes` is at most what is asked for in all."""
    whole = sum(claim.nodes for claim in claims)
    if nodes == whole:
        return {claim.order_id: claim.nodes for claim in claims}
    shares = {claim.order_id: claim.nodes * nodes // whole for claim in claims}
    left = nodes - sum(shares.values())
    for claim in sorted(claims, key=lambda claim: (-(claim.nodes * nodes % whole), claim.seq))[:left]:
        shares[claim.order_id] += 1
    return shares


def max_min(claims: Sequence[Claim], nodes: int) -> dict[str, int]:
    """To each group as much as to any that asks for more; a node that is left over to the group that came first.

    Within a group pro rata. So who splits its order, or asks for more than it needs, does not get more.
    """
    of_group: dict[str, list[Claim]] = {}
    for claim in sorted(claims, key=lambda claim: claim.seq):
        of_group.setdefault(claim.group, []).append(claim)
    wanted = {group: sum(claim.nodes for claim in each) for group, each in of_group.items()}
    order = {group: place for place, group in enumerate(of_group)}
    waiting, shares = sorted(of_group, key=lambda group: (wanted[group], order[group])), dict[str, int]()
    while waiting and wanted[waiting[0]] * len(waiting) <= nodes:
        group = waiting.pop(0)
        shares.update(pro_rata(of_group[group], wanted[group]))
        nodes -= wanted[group]
    for place, group in enumerate(sorted(waiting, key=lambda group: order[group])):
        level, extra = divmod(nodes, len(waiting))
        shares.update(pro_rata(of_group[group], level + (place < extra)))
    return shares
