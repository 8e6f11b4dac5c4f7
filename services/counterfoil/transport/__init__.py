"""Adapters of the port `Transport`; they carry bytes without interpreting them, and decide nothing.

    embedded         inside one process: queues in memory for commands, the logs themselves for entries
    kafka, gateway   over Apache Kafka, on aiokafka; a gateway's replies come by FastStream
    admin            an administrator's tools, on confluent-kafka; no serving process imports them

Only `bootstrap` brings an adapter and its users together; ``tests/conformance/transport.py`` holds each to the port.
"""
