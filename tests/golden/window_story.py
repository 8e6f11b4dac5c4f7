"""The part of the golden story about applications that are decided together."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from typing import Any, Final

from counterfoil.contract.applications import ApplicationLine, CapSet
from counterfoil.contract.refusals import Code
from counterfoil.contract.times import DAY
from counterfoil.issuance.commands import (
    AppropriateBudget,
    CloseWindow,
    DecideApplication,
    IssueVoucher,
    OpenWindow,
    PauseProgramme,
    ResumeProgramme,
    ScoreApplication,
    SetApplicationCaps,
    SubmitApplication,
)
from tests.documents import document, publishing
from tests.golden.steps import done, refused
from tests.golden.world import GoldenWorld
from tests.properties.world import YUAN

SEED: Final = bytes(range(32))
MODES: Final = {"p22": "RANKED", "p23": "LOTTERY", "p24": "PRO_RATA"}


def tell(world: GoldenWorld) -> None:
    """Windows that are ranked, drawn and divided, each with less than is asked for."""
    today, windows, applications = world.clock // DAY, dict[str, str](), dict[str, list[str]]()
    for number, (programme_id, mode) in enumerate(MODES.items()):
        caps = [{"id": "project", "scope": "PROJECT", "period": {"kind": "PROGRAMME"}, "set_at_approval": True}]
        value = document(
            id=programme_id, providers={"mode": "OPEN"}, budget__exhaustion={"mode": mode},
            benefit__caps=caps if mode == "RANKED" else [],
        )  # fmt: skip
        done(world, "city", *publishing(value))
        done(world, "city", AppropriateBudget(programme_id=programme_id, amount=80 * YUAN, document=f"B-{20 + number}"))
        open_ = OpenWindow(programme_id=programme_id, opens=today, closes=today, commitment=None)
        drawn = replace(open_, commitment=sha256(SEED).digest())
        refused(world, "city", Code.SEED_NOT_VALID, open_ if mode == "LOTTERY" else drawn)
        refused(world, "lab-1", Code.APPLICATIONS_CLOSED, _apply(programme_id))
        windows[programme_id] = done(world, "city", drawn if mode == "LOTTERY" else open_).window_id
        who = ("lab-1", "lab-2")
        applications[programme_id] = [done(world, each, _apply(programme_id)).application_id for each in who]
    decide = DecideApplication(
        application_id=applications["p22"][0], decision="approved", caps=(), reason="Best of all"
    )  # fmt: skip
    refused(world, "city", Code.DECIDED_BY_WINDOW, decide)
    _scores(world, applications["p22"])
    close = CloseWindow(window_id=windows["p22"], seed=None)
    refused(world, "city", Code.WINDOW_STILL_OPEN, close)
    world.clock += DAY
    world.settle()
    refused(world, "city", Code.SEED_NOT_VALID, replace(close, seed=SEED))
    done(world, "city", PauseProgramme(programme_id="p22", reason="Inquiry"))
    for programme_id, window_id in windows.items():
        done(world, "city", CloseWindow(window_id=window_id, seed=SEED if MODES[programme_id] == "LOTTERY" else None))
    refused(world, "city", Code.WINDOW_CLOSED, close)
    done(world, "city", ResumeProgramme(programme_id="p22", reason="Over"))
    refused(world, "city", Code.UNKNOWN_WINDOW, close)
    issue = IssueVoucher(programme_id="p22", beneficiary_id="lab-1", amount=YUAN)
    refused(world, "city", Code.DECIDED_BY_APPLICATION, issue)
    for number, amount in enumerate((10, 20)):  # the first is too little for who waits
        more = AppropriateBudget(programme_id="p22", amount=amount * YUAN, document=f"B-{30 + number}")
        done(world, "city", more)
    _overdue(world)


def _overdue(world: GoldenWorld) -> None:
    value = document(
        id="p25", providers={"mode": "OPEN"}, review={"steps": [{"authority": "issuer", "within_days": 1}]}
    )
    done(world, "city", *publishing(value))
    done(world, "lab-1", _apply("p25"))
    world.clock += 2 * DAY
    world.settle()


def _apply(programme_id: str) -> SubmitApplication:
    line = ApplicationLine(
        id="l1", sku="GPU_COMPUTE", instrument="COMPUTE", amount=100 * YUAN, tax=0, quantity=0, unit=None,
        class_id="a100", region="east", provider_id=None, starts=None, ends=None,
    )  # fmt: skip
    parts: dict[str, Any] = {"project_id": None, "contract": None, "other_support": (), "evidence": ()}
    return SubmitApplication(programme_id=programme_id, corrects=None, lines=(line,), **parts)


def _scores(world: GoldenWorld, application_ids: list[str]) -> None:
    for number, application_id in enumerate(application_ids):
        cap = CapSet(cap="project", amount=70 * YUAN)
        done(world, "city", SetApplicationCaps(application_id=application_id, caps=(cap,)))
        score = ScoreApplication(application_id=application_id, points=number * 10 * YUAN, reason="Read")
        done(world, "city", score)
        refused(world, "city", Code.ALREADY_SCORED, score)
