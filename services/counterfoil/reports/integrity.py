"""R14: of each log its tree, key, clock, rules and outages, and that it goes on from an earlier report."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from counterfoil.reports.folding import Folded
from counterfoil.reports.report import Report, columns
from counterfoil.reports.tables import Row
from counterfoil.reports.trail import Trail


def _integrity(folded: Folded, _programme_id: str) -> Iterator[Row]:
    """Each log, whatever the programme: its programmes are in all of them."""
    since = folded.given.since or {}
    for id_, log in sorted(folded.logs.items()):
        trail, size = folded.trails.get(id_, Trail()), folded.sizes[id_]
        before, root = since.get(log.checkpoint.origin, (None, None))
        proof = [] if before is None else log.tree.consistency_proof(before, size)
        yield {
            "origin": log.checkpoint.origin,
            "size": size,
            "root": folded.root(id_).hex(),
            "key": log.key.vkey(),
            "first_at": trail.first,
            "last_at": trail.last,
            "not_later": trail.not_later,
            "commands": trail.commands,
            "refused": trail.refused,
            "rules": trail.rules,
            "outages": trail.outages,
            "state_roots": trail.roots,
            "state_root": trail.root,
            "since_size": before,
            "since_root": None if root is None else root.hex(),
            "consistency": [each.hex() for each in proof],
        }


R14: Final = Report(
    id="R14",
    title="Integrity attestation",
    readers="third party",
    says="Of each log that the programme is in: its tree and key, its clock, its rules, and when its writer was away."
    " With an earlier report, the proof that the log goes on from the tree which that names.",
    columns=columns(
        "origin text: the log",
        "size int/entries: that were read",
        "root text: of the tree behind them, hexadecimal",
        "key text: that signs its checkpoints (C2SP vkey)",
        "first_at time: its first entry",
        "last_at time: its last one",
        "not_later int/entries: that are not later than the one before: 0, or its clock went back",
        "commands int: that were decided, each of a batch",
        "refused int: of these",
        "rules json: the versions that decided, each from an entry on",
        "outages json: when its writer was away, and for how long; deadlines waited",
        "state_roots int: how often it committed to the state of its service",
        "state_root text: the last time, hexadecimal",
        "since_size int/entries: of the earlier report",
        "since_root text: the tree of that",
        "consistency json: the hashes that prove one from the other (RFC 6962), hexadecimal",
    ),
    rows=_integrity,
    lacks="Whether signatures, causes and decisions are right, and the states that the roots commit to: `counterfoil"
    " audit` decides every entry again, and lists what it finds.",
)
