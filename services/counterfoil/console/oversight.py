"""What auditors and the operator look after: the health of the logs, what was done for others, and who takes part."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

from counterfoil.console import auctions, logs, supply
from counterfoil.console.look import Look
from counterfoil.console.tables import Column, Table
from counterfoil.console.words import N_
from counterfoil.gateway.problems import Problem, ProblemCode
from counterfoil.gateway.readers import session_required
from counterfoil.vocabulary import CODEC

_COUNTED: Final = 200
"""Entries of each log, the newest, whose refusals are counted."""
_FORCED: Final = (
    Column("cancellation_id", N_("Cancellation"), "id", service="matching"),
    Column("party_id", N_("Party"), "id"),
    Column("cancelled_by", N_("Done by"), "id"),
    Column("authority", N_("As"), "word"),
    Column("reason", N_("Reason")),
    Column("cancelled_at", N_("Time"), "time"),
)
_OUTAGES: Final = (
    Column("shard", N_("Log")),
    Column("away_since", N_("Away since"), "time"),
    Column("resumed_at", N_("Resumed"), "time"),
)
_RECOVERIES: Final = (
    Column("recovery_id", N_("Recovery"), "id", service="issuance"),
    Column("party_id", N_("Party"), "id"),
    Column("proposed_by", N_("Proposed by"), "id"),
    Column("in_force_at", N_("In force"), "time"),
    Column("status", N_("Status"), "word"),
    Column("reason", N_("Reason")),
)
_SLASHES: Final = (
    Column("contract_id", N_("Contract"), "id", link="/console/contracts/{contract_id}"),
    Column("provider_id", N_("Provider"), "id"),
    Column("beneficiary_id", N_("Start-up"), "id"),
    Column("amount", N_("Bond slashed"), "amount"),
    Column("slashed_at", N_("Time"), "time"),
)
_AUDITORS: Final = (
    Column("auditor_id", N_("Auditor"), "id"),
    Column("programme_id", N_("Programme"), "id"),
    Column("appointed_at", N_("Appointed"), "time"),
    Column("ended_at", N_("Ended"), "time"),
)
_RULES: Final = (
    Column("rules", N_("Rules"), "number"),
    Column("release", N_("Known from release")),
    Column("adopted_at", N_("Adopted"), "time"),
    Column("index", N_("Entry"), "number", link="/console/logs/issuance?entry={index}"),
)
_PARTIES: Final = (
    Column("party_id", N_("Party"), "id", link="/console/parties/{party_id}"),
    Column("name", N_("Name")),
    Column("roles", N_("Roles"), "list"),
    Column("group_id", N_("Group"), "id"),
    Column("registered_at", N_("Registered"), "time"),
    Column("suspended_at", N_("Suspended"), "time"),
    Column("closed_at", N_("Closed"), "time"),
)
_KEYS: Final = (
    Column("key_id", N_("Key"), "id"),
    Column("use", N_("Use"), "word"),
    Column("added_at", N_("Added"), "time"),
    Column("revoked_at", N_("Revoked"), "time"),
    Column("revoked_because", N_("Reason")),
)
_CLASSES: Final = (
    Column("class_id", N_("Class")),
    Column("version", N_("Version"), "number"),
    Column("description", N_("Description")),
    Column("mem_mb", N_("Memory, MB"), "number"),
    Column("gpus_per_node", N_("GPUs per node"), "number"),
    Column("interconnect", N_("Interconnect")),
    Column("registered_at", N_("Registered"), "time"),
)
_SERVICES: Final = (
    Column("name", N_("Log"), link="/console/logs/{name}"),
    Column("size", N_("Entries"), "number"),
    Column("behind", N_("Entries that the pages lack"), "number"),
    Column("state", N_("State"), "word"),
    Column("text", N_("Why")),
)
_REFUSALS: Final = (Column("code", N_("Refusal"), "code"), Column("times", N_("Times"), "number"))


def audit(look: Look) -> Mapping[str, Any]:
    """For auditors. Raises `Problem` for who may read neither everything nor a programme as auditor."""
    _admit(look, "auditor")
    values = logs.read_all(look)
    tables = [
        values["logs"],
        auctions.halts_of(look),
        look.table("forced", "forced_cancellations", N_("Cancelled for others"), _FORCED),
        look.table("slashes", "slashes", N_("Defaults of providers"), _SLASHES),
        look.table("recoveries", "recoveries", N_("Recoveries of keys"), _RECOVERIES),
        look.table("outages", "outages", N_("Outages"), _OUTAGES),
        look.table("rules", "rules", N_("Versions of the rules"), _RULES),
        look.table("auditors", "auditors", N_("Auditors"), _AUDITORS),
        _refusals(look),
    ]
    return {**{table.name: table for table in tables}, "tables": tables}


def operation(look: Look) -> Mapping[str, Any]:
    """For the operator. Raises `Problem`."""
    _admit(look, "operator")
    backend = look.context.backend
    known = {log.name for log in backend.origins}
    others = {name: each for name, each in backend.waiting().items() if name not in known}
    services = []
    for log, origin in backend.origins.items():
        head, stands = backend.stores[log].head(), backend.standstill(log)
        size = 0 if head is None else head.size
        state = N_("running") if stands is None else N_("stands still")
        text = None if stands is None else stands.text
        services.append(
            {
                "name": log.name,
                "origin": origin,
                "size": size,
                "behind": size - look.size_of(log),
                "state": state,
                "text": text,
            }
        )
    tables = [
        Table("services", N_("Services"), _SERVICES, services),
        _refusals(look),
        look.table("parties", "parties", N_("Parties"), _PARTIES),
        look.table("classes", "classes", N_("Accelerator classes"), _CLASSES),
        look.table("recoveries", "recoveries", N_("Recoveries of keys"), _RECOVERIES),
        look.table("rules", "rules", N_("Versions of the rules"), _RULES),
        look.table("outages", "outages", N_("Outages"), _OUTAGES),
        auctions.halts_of(look),
        supply.inventory_of(look),
    ]
    return {
        **{table.name: table for table in tables},
        "tables": tables,
        "failure": backend.failure(),
        "others": others,
    }


def party(look: Look, party_id: str) -> Mapping[str, Any]:
    """One party with its keys, as far as the reader may know it. Raises `Problem`."""
    row = look.get("parties", party_id)
    if row is None:
        raise Problem(ProblemCode.NOT_FOUND, party_id[:80])
    keys = look.table("keys", "keys", N_("Keys"), _KEYS, party_id=party_id)
    return {"subject": row, "keys": keys, "tables": [keys]}


def _admit(look: Look, role: str) -> None:
    """Raises `Problem` unless the reader has the role, or may read everything."""
    if look.everything or role in look.roles:
        return
    if look.who.party_id is None:
        raise session_required()
    raise Problem(ProblemCode.NOT_FOUND, role)


def _refusals(look: Look) -> Table:
    """How often each refusal stands in the newest entries of the logs; empty for who may not read all entries."""
    counted: Counter[str] = Counter()
    for log in look.context.backend.origins if look.everything else ():
        size = look.size_of(log)
        for data in look.context.backend.stores[log].entries(max(0, size - _COUNTED), size):
            outcomes = CODEC.decode_entry(data).outcomes
            counted.update(each.refusal.code.value for each in outcomes if each.refusal is not None)
    rows = [{"code": code, "times": times} for code, times in counted.most_common()]
    return Table("refusals", N_("Refusals in the newest entries of each log"), _REFUSALS, rows)
