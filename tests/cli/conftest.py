"""Kafka with users and rights, for the commands that administer it."""

from __future__ import annotations

from tests.transport.secured import secured

__all__ = ["secured"]
