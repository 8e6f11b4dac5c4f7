"""The AsyncAPI document of the distributed form, as the command line needs it."""

from __future__ import annotations

from counterfoil.transport.asyncapi import document

__all__ = ["document"]
