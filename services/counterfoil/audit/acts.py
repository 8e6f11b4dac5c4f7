"""Acts of authority that an audit lists: no faults, but somebody decided about another, and outsiders should look."""

from __future__ import annotations

from typing import Any, Final

from counterfoil.audit.report import Act
from counterfoil.contract.entry import CommandCause, Entry
from counterfoil.contract.events import PartyReinstated, PartySuspended
from counterfoil.contract.record import Event
from counterfoil.contract.times import format_time
from counterfoil.issuance.aid_events import AidWithdrawn, RegimeRegistered
from counterfoil.issuance.events import (
    AuditorDismissed,
    ProgrammePaused,
    ProgrammeResumed,
    ProviderDelisted,
    ProviderReinstated,
    ProviderSuspended,
)
from counterfoil.issuance.freeze_events import RevocationOrdered, SuspensionExtended, SuspensionOrdered
from counterfoil.issuance.run_off_events import RunOffBegun
from counterfoil.ledger.closing_events import ProgrammeClosing
from counterfoil.ledger.extension_events import VoucherExtended
from counterfoil.matching.events import CancellationForced
from counterfoil.matching.halt_events import TradingHalted, TradingResumed
from counterfoil.redemption.adjustment_events import PaymentAdjusted
from counterfoil.redemption.commands import AgreeReversal
from counterfoil.redemption.events import AppealDecided, ClawbackOrdered, DebtWrittenOff, PaymentReturned, UsageReversed
from counterfoil.redemption.payer_events import ShareReturned
from counterfoil.vocabulary import CODEC

LISTED: Final[frozenset[type[Event]]] = frozenset(
    {
        PartySuspended,
        PartyReinstated,
        ProviderDelisted,
        ProviderSuspended,
        ProviderReinstated,
        ProgrammePaused,
        ProgrammeResumed,
        RunOffBegun,
        ProgrammeClosing,
        SuspensionOrdered,
        SuspensionExtended,
        VoucherExtended,
        RevocationOrdered,
        CancellationForced,
        TradingHalted,
        TradingResumed,
        PaymentReturned,
        ShareReturned,
        UsageReversed,
        ClawbackOrdered,
        AppealDecided,
        DebtWrittenOff,
        PaymentAdjusted,
        AuditorDismissed,
        AidWithdrawn,
        RegimeRegistered,
    }
)
"""The events that say so, in the log that decided them. Each has a reason, or its source."""
_BY_CONSENT: Final = AgreeReversal.TYPE
"""Both sides reversed what was captured between them: nobody decided about another."""

_SAID: Final = ("provider_id", "party_id", "auditor_id", "programme_id", "order_id", "reason", "source")


def act_of(entry: Entry, event: Event) -> Act | None:
    """The act that an event of an entry is; None if it is none, or repeats what another log decided."""
    if type(event) not in LISTED or type(entry.cause) is not CommandCause:
        return None
    header = CODEC.decode_payload(entry.cause.payload, entry.cause.signature).header
    if header.type == _BY_CONSENT:
        return None
    said: dict[str, Any] = {name: getattr(event, name, None) for name in _SAID}
    return Act(
        index=entry.index,
        time=format_time(entry.time),
        event=event.TYPE,
        by=header.actor,
        party_id=said["party_id"] or said["provider_id"] or said["auditor_id"],
        programme_id=said["programme_id"],
        order_id=said["order_id"],
        reason=said["reason"] or said["source"],
    )
