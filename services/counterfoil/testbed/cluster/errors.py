"""The error of a local cluster."""

from __future__ import annotations

from counterfoil.errors import CounterfoilError


class ClusterError(CounterfoilError):
    """The cluster cannot do what was asked; the message says why, and quotes the server's log if that says more."""
