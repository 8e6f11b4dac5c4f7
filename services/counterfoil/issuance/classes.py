"""Which accelerator classes there are."""

from __future__ import annotations

from dataclasses import fields

from counterfoil.contract.refusals import Code, Refusal
from counterfoil.core.at import At
from counterfoil.core.checks import Listed, unfit_lists
from counterfoil.core.decider import Decision, refuse
from counterfoil.core.directory import Party
from counterfoil.issuance.class_commands import RegisterClass
from counterfoil.issuance.class_events import ClassRegistered
from counterfoil.issuance.commands import (
    RegisterClassV1,
)
from counterfoil.issuance.events import (
    ClassRegisteredV1,
)
from counterfoil.issuance.state import IssuanceState


def register_class_v1(state: IssuanceState, body: RegisterClassV1, _actor: Party, _at: At) -> Decision:
    """A new version of an accelerator class, of which little is said."""
    last = state.classes.get(body.class_id, 0)
    if body.version != last + 1:
        return refuse(Code.VERSION_NOT_NEXT, next=last + 1)
    if body.class_id in state.described:
        return refuse(Code.CLASS_DESCRIBED, class_id=body.class_id)
    if len(body.sources) > state.rules.max_sources:
        return refuse(Code.OVER_LIMIT, field="sources", limit=state.rules.max_sources)
    return [
        ClassRegisteredV1(
            class_id=body.class_id,
            version=body.version,
            description=body.description,
            mem_mb=body.mem_mb,
            gpus_per_node=body.gpus_per_node,
            bf16_mtflops_nominal=body.bf16_mtflops_nominal,
            bf16_mtflops_attested=body.bf16_mtflops_attested,
            interconnect=body.interconnect,
            sources=body.sources,
        )
    ]


def register_class(state: IssuanceState, body: RegisterClass, _actor: Party, _at: At) -> Decision:
    """A new version of an accelerator class."""
    last = state.classes.get(body.class_id, 0)
    if body.version != last + 1:
        return refuse(Code.VERSION_NOT_NEXT, next=last + 1)
    currencies = tuple(each.currency for each in body.floor_prices)
    return (
        unfit_lists(
            Listed("sources", body.sources, state.rules.max_sources, may_be_empty=True),
            Listed("allreduce", tuple(each.cards for each in body.allreduce), len(body.allreduce), may_be_empty=True),
            Listed("floor_prices", currencies, state.rules.max_floor_prices, may_be_empty=True),
        )
        or _unfit_floors(state, body)
        or [ClassRegistered(**{each.name: getattr(body, each.name) for each in fields(ClassRegistered)})]
    )


def _unfit_floors(state: IssuanceState, body: RegisterClass) -> Refusal | None:
    """Each floor price is a price that an order could have."""
    for floor in body.floor_prices:
        tick = state.minor_unit(floor.currency)
        if tick is None:
            return refuse(Code.UNKNOWN_CURRENCY, currency=floor.currency)
        if floor.price % tick:
            return refuse(Code.PRICE_OFF_TICK, tick=tick)
    return None


# evolve -------------------------------------------------------------------------------------------------------------


def class_registered(state: IssuanceState, event: ClassRegistered | ClassRegisteredV1, _at: At) -> None:
    """Apply a class version."""
    state.classes[event.class_id] = event.version
    if isinstance(event, ClassRegistered):
        state.described[event.class_id] = True
