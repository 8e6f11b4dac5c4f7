"""The part of the golden story about programmes as documents."""

from __future__ import annotations

from dataclasses import replace

from counterfoil.contract.refusals import Code
from counterfoil.issuance.commands import PublishProgramme, PutDocument
from tests.documents import document, publishing
from tests.golden.steps import bid, done, refused
from tests.golden.world import GoldenWorld


def tell(world: GoldenWorld) -> None:
    """Documents that are published, refused and dropped."""
    *pieces, command = publishing(document(id="p6", provenance={"open_questions": ["x" * 2_000, "y" * 2_000]}))
    refused(world, "city", Code.DOCUMENT_INCOMPLETE, command)
    done(world, "city", pieces[0])
    world.clock += world.state("issuance").rules.document_stays + 1
    world.settle()
    wrong = PutDocument(sha256=bytes(32), piece=0, pieces=1, octets=b"x")
    refused(world, "city", Code.DOCUMENT_MALFORMED, wrong)
    done(world, "city", *pieces, command)
    *faulty, of_faulty = publishing(document(id="p7", benefit__rounding=...))
    done(world, "city", *faulty)
    refused(world, "city", Code.PROGRAMME_CONTRADICTORY, of_faulty)
    refused(world, "city", Code.DOCUMENT_INCOMPLETE, PublishProgramme(programme_id="p6", document_sha256=bytes(32)))
    refused(world, "lab-1", Code.PROGRAMME_NOT_ON_MARKET, replace(bid(world), programme_id="p6"))
