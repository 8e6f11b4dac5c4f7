"""Adapters of the port `Transport`; they carry bytes, know nothing of what these mean, and decide nothing.

    embedded     inside one process: queues in memory for commands, the logs themselves for entries

Only `bootstrap` brings an adapter and its users together; ``tests/conformance/transport.py`` holds each to the port.
"""
