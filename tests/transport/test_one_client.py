"""A serving process reaches Kafka by aiokafka alone; confluent-kafka belongs to the administrator's tools."""

from __future__ import annotations

import json
import subprocess
import sys

SERVING = (
    "counterfoil.bootstrap.distributed",
    "counterfoil.cli.main",
    "counterfoil.cli.gateway_server",
    "counterfoil.cli.serve",
)
"""What `counterfoil serve` imports; its commands import `bootstrap.distributed` when they run."""
TOOLS = ("counterfoil.bootstrap.admin", "counterfoil.bootstrap.provision")
"""What `counterfoil topics` and `counterfoil dead-letters` import when they run."""


def clients_after(*modules: str) -> set[str]:
    """Which of Kafka's clients a fresh process has loaded once it has imported these."""
    code = f"import json, sys, {', '.join(modules)}; print(json.dumps(sorted(sys.modules)))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True, timeout=60)
    return {"aiokafka", "confluent_kafka", "faststream"}.intersection(json.loads(ran.stdout))


def test_what_serves_loads_one_client() -> None:
    assert clients_after(*SERVING) == {"aiokafka", "faststream"}


def test_the_administrators_tools_load_the_other() -> None:
    """Otherwise the test above would pass for a client that nothing uses."""
    assert clients_after(*TOOLS) == {"confluent_kafka"}
