"""What consumers set aside on Kafka, as the command line needs it."""

from __future__ import annotations

from counterfoil.transport.admin.dead_letters import DEAD_LETTERS, Letter, Replayed, extent, newest, read, replay

__all__ = ["DEAD_LETTERS", "Letter", "Replayed", "extent", "newest", "read", "replay"]
