"""Kafka with users and rights, for the tests of its administration."""

from __future__ import annotations

from tests.transport.secured import secured

__all__ = ["secured"]
