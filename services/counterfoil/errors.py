"""The errors of the shell. Each message says what a person can do; the command line and the gateway add exit codes and
HTTP statuses.

CounterfoilError
├── NotInitialised    there is no instance in this directory
├── AlreadyInitialised
├── NotDivisible      a service cannot have several shards
├── BadPrivateFile    a file with a key or a password cannot be used
├── ServiceStopped    a service met an error after which it must stop; the reason is in the message
│   └── Unusable      a file or device is missing or unusable, permanently; of databases:
│                     `storage.errors.DatabaseDamaged`
└── those defined beside the code that raises them: `client.problems`, `settings.BadSetting`, `cli.command.Invalid`,
    `demo.tables.BadTrace`, `demo.play_over_gateway.OtherMarket`, `testbed.follower.Stalled`,
    `testbed.fleet.NotRunning`, `testbed.cluster.errors.ClusterError`, `runtime.clock.BadClock`,
    `transport.admin.client.KafkaFailed`, `bootstrap.provision.DatabaseFailed`, `core.rules.UnknownRules`,
    `gateway.descriptors.TooFewDescriptors`
"""

from __future__ import annotations

from typing import Literal

Fault = Literal["disk_full", "read_only", "unavailable"]
"""What kind of failure of the infrastructure it is, where a person must act; ``unavailable`` is any other. Stable."""


class CounterfoilError(Exception):
    """An error that a person has to deal with; the message says what to do."""


class NotInitialised(CounterfoilError):
    """There is no instance in this directory, or its `instance.json` is damaged."""


class AlreadyInitialised(CounterfoilError):
    """There is an instance in this directory; nothing was changed."""


class NotDivisible(CounterfoilError):
    """A service cannot have several shards; nothing was created."""


class BadPrivateFile(CounterfoilError):
    """A file with a key, a password or a passphrase can be read by others, or is not what it must be."""


class ServiceStopped(CounterfoilError):
    """A service met an error after which it must stop."""


class Unusable(ServiceStopped):
    """A file or device is missing or unusable, permanently; the message has path and advice."""

    def __init__(self, text: str = "", fault: Fault = "unavailable") -> None:
        super().__init__(text)
        self.fault: Fault = fault
