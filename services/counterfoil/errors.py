"""The errors of the shell. Each knows what a person can do about it; the edges add exit codes and HTTP statuses.

CounterfoilError
├── NotInitialised    there is no instance in this directory
├── AlreadyInitialised
├── NotDivisible      a service cannot have several shards
├── UnsafeFile        a private key can be read by others
├── ServiceStopped    a service met something it must not go on from; its reason is in the message
│   └── Unusable      a file or device is missing or cannot be used, and waiting does not mend it; of databases:
│                     `storage.errors.DatabaseDamaged`
└── those of the edges, beside what raises them: `client.problems`, `settings.BadSetting`, `cli.command.Invalid`,
    `demo.trace.BadTrace`, `demo.play_over_gateway.OtherMarket`, `testbed.follower.Stalled`, `testbed.fleet.NotRunning`,
    `testbed.cluster.errors.ClusterError`, `runtime.clock.BadClock`, `transport.admin.client.KafkaFailed`,
    `bootstrap.provision.DatabaseFailed`, `core.rules.UnknownRules`
"""

from __future__ import annotations


class CounterfoilError(Exception):
    """Something that a person has to deal with; the message says what to do."""


class NotInitialised(CounterfoilError):
    """There is no instance in this directory."""


class AlreadyInitialised(CounterfoilError):
    """There is an instance in this directory; nothing was changed."""


class NotDivisible(CounterfoilError):
    """A service cannot have several shards; nothing was made."""


class UnsafeFile(CounterfoilError):
    """A private key can be read by others."""


class ServiceStopped(CounterfoilError):
    """A service met something it must not go on from."""


class Unusable(ServiceStopped):
    """A file or device is missing or cannot be used, and waiting does not mend it; the message has path and advice."""
