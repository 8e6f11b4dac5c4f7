"""Which accelerator classes there are."""

from __future__ import annotations

from counterfoil.contract.refusals import Code
from counterfoil.core.at import At
from counterfoil.core.decider import Decision, refuse
from counterfoil.core.directory import Party
from counterfoil.issuance.commands import (
    RegisterClass,
)
from counterfoil.issuance.events import (
    ClassRegistered,
)
from counterfoil.issuance.state import IssuanceState


def register_class(state: IssuanceState, body: RegisterClass, _actor: Party, _at: At) -> Decision:
    """A new version of an accelerator class."""
    last = state.classes.get(body.class_id, 0)
    if body.version != last + 1:
        return refuse(Code.VERSION_NOT_NEXT, next=last + 1)
    if len(body.sources) > state.rules.max_sources:
        return refuse(Code.OVER_LIMIT, field="sources", limit=state.rules.max_sources)
    return [
        ClassRegistered(
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


# evolve -------------------------------------------------------------------------------------------------------------


def class_registered(state: IssuanceState, event: ClassRegistered, _at: At) -> None:
    """Apply a class version."""
    state.classes[event.class_id] = event.version
