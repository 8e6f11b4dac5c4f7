"""Commands that the ledger decides: parts of a voucher that are released later."""

from __future__ import annotations

from counterfoil.contract.record import ANY, Command, command
from counterfoil.contract.scalars import Digest, Id, Reason


@command("attest_milestone", role=ANY)
class AttestMilestone(Command):
    """Whom the document names, or an operator: what a part of a voucher waits for is reached, as a report shows.

    `report`: its SHA-256.
    """

    tranche_id: Id
    report: Digest
    reason: Reason


@command("release_tranche", role="issuer")
class ReleaseTranche(Command):
    """Issuer: let the holder spend a part of a voucher whose condition is met.

    `report`: of a part that waits for a report without an attester, its SHA-256.
    """

    tranche_id: Id
    report: Digest | None
    reason: Reason
