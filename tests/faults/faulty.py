"""Wrappers of ports that fail once on demand, before or after the work is done."""

from __future__ import annotations

import errno
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from counterfoil.bootstrap.embedded import Embedded
from counterfoil.contract.log_id import LogId
from counterfoil.ports import Delivery, Inbox
from counterfoil.runtime.runner import Log

When = Literal["before", "after"]


class Broken(OSError):
    """A transient failure of the infrastructure."""

    def __init__(self, call: str) -> None:
        super().__init__(errno.EIO, call)


@dataclass
class Fault:
    """One failure: of the nth call of a method, before or after it takes effect."""

    call: str = ""
    when: When = "before"
    nth: int = 1
    struck: list[str] = field(default_factory=list)

    def arm(self, call: str, when: When, nth: int = 1) -> None:
        """Fail the nth such call from now on, once."""
        self.call, self.when, self.nth = call, when, nth

    def through(self, call: str, work: Callable[[], Any]) -> Any:
        """Do the work, and raise if it is the call that must fail: before the work, or after it."""
        strikes = False
        if call == self.call:
            self.nth -= 1
            strikes = self.nth == 0
        if strikes and self.when == "before":
            self._strike(call)
        result = work()
        if strikes:
            self._strike(call)
        return result

    def _strike(self, call: str) -> None:
        self.call = ""
        self.struck.append(call)
        raise Broken(call)


class Faulty:
    """Wraps a port; each of its calls goes through the fault."""

    def __init__(self, inner: Any, fault: Fault) -> None:
        self._inner, self._fault = inner, fault

    def __getattr__(self, name: str) -> Any:
        """The wrapped object's attribute; a method is wrapped, too."""
        found = getattr(self._inner, name)
        if not callable(found):
            return found
        return lambda *args: self._fault.through(name, lambda: found(*args))


class FaultyEmbedded(Embedded):
    """An embedded system whose service `weak` has ports that may fail; `fault` says when."""

    weak = "ledger"
    at_start: tuple[str, When] = ("", "before")

    def _open(self, log: LogId) -> Log:
        opened = super()._open(log)
        if log.name != self.weak:
            return opened
        self.fault = Fault(*self.at_start)
        return replace(opened, store=Faulty(opened.store, self.fault), published=Faulty(opened.published, self.fault))

    def _recover(self, deliver: Any) -> None:
        super()._recover(deliver)
        self.runners[LogId(self.weak)]._transport = Faulty(self.transport, self.fault)


def weakened(service: str, at_start: tuple[str, When] = ("", "before")) -> type[FaultyEmbedded]:
    """A system whose weak service is this one; `fault` is armed from the start, if given."""
    return type("Weakened", (FaultyEmbedded,), {"weak": service, "at_start": at_start})


class LateInbox:
    """An inbox that withholds entries of one source while it is switched on, and delivers them in order later."""

    def __init__(self, inner: Inbox, late: Mapping[str, bool]) -> None:
        self._inner, self._late, self._withheld = inner, late, False

    def poll(self, limit: int, timeout: float) -> list[Delivery]:
        """As in the port, without the withheld sources."""
        if self._withheld and not any(self._late.values()):
            self._inner.rewind()
            self._withheld = False
        deliveries = self._inner.poll(limit, timeout)
        arrived = [each for each in deliveries if not self._late.get(each.source)]
        self._withheld |= len(arrived) < len(deliveries)
        return arrived

    def acknowledge(self, positions: Mapping[str, int]) -> None:
        """As in the port."""
        self._inner.acknowledge(positions)

    def rewind(self) -> None:
        """As in the port."""
        self._inner.rewind()

    def wake(self) -> None:
        """As in the port."""
        self._inner.wake()


def make_late(system: Embedded, service: str, sources: Sequence[str]) -> dict[str, bool]:
    """Wrap the inbox of a service's runner in a `LateInbox`; returns the switches, all off, by the sources' origins."""
    late = {system.instance.origin(LogId(source)): False for source in sources}
    runner = system.runners[LogId(service)]
    runner.inbox = LateInbox(runner.inbox, late)
    return late
