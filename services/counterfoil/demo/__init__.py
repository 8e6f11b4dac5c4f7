"""The main job on real input: a voucher market over a real GPU cluster trace, in virtual time, from one seed.

Supply: the nodes of the Alibaba 2023 GPU trace, offered at published list prices. Demand: its tasks. The trace has no
prices and no firms; `model` states how both are made up. All parties are fictional; three real programmes are cited as
the sources of the programmes' rules.

The story (`scenario`) is played on a `system`: every service in one process, or whatever is behind a gateway
(`over_gateway`, `remote`). It ends the same, to the last balance, whichever it is.
"""
