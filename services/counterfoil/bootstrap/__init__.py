"""The one place where ports meet implementations.

`embedded` puts every service into one process, on SQLite and a transport in memory. `distributed` runs any part of an
instance on Kafka and PostgreSQL: `writer` (one log, with its `lease_keeper`), `views` and `gateway`. `provision` sets
up topics, schemas, users and rights.
"""
