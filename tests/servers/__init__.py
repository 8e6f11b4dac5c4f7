"""Real Kafka and PostgreSQL for the tests that need them, shared by the processes of one run."""

from __future__ import annotations

REPORT = "report.json"
"""In a keeper's directory, from when it is ready: `address`, or what is `missing`."""
STOP = "stop"
"""In a keeper's directory, when it is no longer wanted."""
