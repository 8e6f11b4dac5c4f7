"""A whole system on this machine, for demos, benchmarks, drills and tests.

`cluster`: a real Kafka and PostgreSQL. `servers`: these or given ones, prepared for a block. `fleet`: the
services as processes. `system`, `http_system`: one interface to drive a market on virtual time, in this process or
behind a gateway. `follower`, `replicas`: watch a market from outside, by its public logs alone.
"""
