"""Histories: what clients observed while services were killed, checked against the logs published afterwards.

    with Recorder(urls, Crowd(home), folder / "observations.jsonl") as recorder:
        ...  # kill, pause, cut off, restart
    observations = recorder.stop()
    wait_published(home, observations, 30)
    assert check(observations, home) == []

`Recorder` sends load and records the observations, `check` finds contradictions, `figures` counts.
`python -m tests.histories record|check` does the same by hand.
"""

from __future__ import annotations

from counterfoil.audit.report import Finding
from tests.histories.checker import check
from tests.histories.crowd import Crowd
from tests.histories.figures import Figures, figures
from tests.histories.model import replay, wait_published
from tests.histories.observed import Observation, read_observations, write_observations
from tests.histories.recorder import Plan, Recorder

__all__ = [
    "Crowd",
    "Figures",
    "Finding",
    "Observation",
    "Plan",
    "Recorder",
    "check",
    "figures",
    "read_observations",
    "replay",
    "wait_published",
    "write_observations",
]
