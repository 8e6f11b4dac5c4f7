"""What can go wrong with a local cluster, for a person to deal with."""

from __future__ import annotations

from counterfoil.errors import CounterfoilError


class ClusterError(CounterfoilError):
    """The cluster cannot do what was asked; the message says why and, where a server said more, quotes its log."""
