"""A serving process reaches Kafka by aiokafka alone; confluent-kafka belongs to the administrator's tools. A process
without the gateway loads none of the gateway's frameworks.
"""

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
GATEWAY = ("counterfoil.bootstrap.gateway", "counterfoil.gateway.app")
"""What it imports besides if it serves the gateway."""
TOOLS = ("counterfoil.bootstrap.admin", "counterfoil.bootstrap.provision")
"""What `counterfoil topics` and `counterfoil dead-letters` import when they run."""


def loaded_after(*modules: str) -> set[str]:
    """Which of Kafka's clients and the gateway's frameworks a fresh process has loaded once it has imported these."""
    code = f"import json, sys, {', '.join(modules)}; print(json.dumps(sorted(sys.modules)))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True, timeout=60)
    return {"aiokafka", "confluent_kafka", "fastapi", "faststream", "uvicorn"}.intersection(json.loads(ran.stdout))


def test_what_serves_loads_one_client() -> None:
    assert loaded_after(*SERVING) == {"aiokafka"}
    assert loaded_after(*SERVING, *GATEWAY) == {"aiokafka", "fastapi", "faststream", "uvicorn"}


def test_the_administrators_tools_load_the_other() -> None:
    """Otherwise the test above would pass for a client that nothing uses."""
    assert loaded_after(*TOOLS) == {"confluent_kafka"}
