"""Who reads: nobody in particular, a party, or somebody who may read everything."""

from __future__ import annotations

from typing import NamedTuple

from fastapi import Request

from counterfoil.contract.disclosure import Disclosure
from counterfoil.gateway.problems import Problem, ProblemCode


class Reader(NamedTuple):
    """Who asks. `party_id`: the party whose session it is; None for anybody.

    `everything`: it may read everything, as the operator, auditors appointed for all, and where the disclosure is
    public everybody may.
    """

    party_id: str | None
    everything: bool


class Readers:
    """Tells who asks."""

    def __init__(self, disclosure: Disclosure) -> None:
        self.disclosure = disclosure

    async def of(self, request: Request) -> Reader:
        """The reader. Raises `Problem` 401 for a token of no session: it never counts as none."""
        if "authorization" in request.headers:
            raise Problem(ProblemCode.UNKNOWN_SESSION, headers={"WWW-Authenticate": "Bearer"})
        return Reader(None, everything=self.disclosure == "public")
